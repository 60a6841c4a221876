#include "text/special_split.h"

#include <algorithm>
#include <map>

namespace text {
namespace {

constexpr std::uint16_t kSpecialBits = kControl | kUserDefined | kUnknown;

bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

SpecialSplitter::SpecialSplitter(const Vocab& vocab) : vocab_(vocab) {
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    const TokenId id = static_cast<TokenId>(i);
    if (vocab.has(id, kSpecialBits)) list_.push_back(id);
  }
  std::stable_sort(list_.begin(), list_.end(), [&vocab](TokenId a, TokenId b) {
    return vocab.text(a).size() > vocab.text(b).size();
  });
  for (std::size_t rank = 0; rank < list_.size(); ++rank) {
    const std::string_view text = vocab.text(list_[rank]);
    ranks_.add(text, static_cast<std::uint32_t>(rank));
    starts_[static_cast<std::uint8_t>(text[0])] = true;
  }
}

std::uint32_t SpecialSplitter::longest(std::string_view text, bool parse_special) const {
  ByteTrie::Node node = 0;
  std::uint32_t best = kNoRank;
  for (const char c : text) {
    node = ranks_.child(node, c);
    if (node == ByteTrie::kNoNode) break;
    const std::uint32_t rank = ranks_.value(node);
    if (rank == kNoRank) continue;
    if (parse_special || !vocab_.has(list_[rank], kControl | kUnknown)) best = rank;
  }
  return best;
}

/// One split. The rule is "for each token, longest first, cut out its occurrences from the left".
/// Trying 2400 tokens one after the other would cost 2400 passes; instead every place proposes the
/// longest token that fits there, and the proposals are taken in the order of the rule. A place
/// whose token is blocked by an earlier cut proposes the next shorter one that fits into what is
/// left there.
class SplitRun {
 public:
  SplitRun(const SpecialSplitter& splitter, std::string_view text, bool parse_special)
      : splitter_(splitter), text_(text), parse_special_(parse_special) {}

  std::vector<Fragment> run() {
    for (std::size_t at = 0; at < text_.size(); ++at) {
      if (splitter_.starts_[static_cast<std::uint8_t>(text_[at])]) propose(at, text_.size() - at);
    }
    if (proposals_.empty()) {
      if (text_.empty()) return {};
      return {{.text = text_}};
    }
    taken_.assign(text_.size(), 0);
    while (!proposals_.empty()) {
      const auto first = proposals_.begin();
      std::vector<std::size_t> places = std::move(first->second);
      const TokenId id = splitter_.list_[first->first];
      proposals_.erase(first);
      std::sort(places.begin(), places.end());
      for (const std::size_t at : places) take(at, id);
    }
    return fragments();
  }

 private:
  struct Cut {
    std::size_t begin, end;
    TokenId token;
  };

  void propose(std::size_t at, std::size_t room) {
    const std::uint32_t rank = splitter_.longest(text_.substr(at, room), parse_special_);
    if (rank != SpecialSplitter::kNoRank) proposals_[rank].push_back(at);
  }

  void take(std::size_t at, TokenId id) {
    const std::size_t length = splitter_.vocab_.text(id).size();
    const std::size_t room = free_run(at, length);
    if (room == 0) return;
    if (room < length) {
      propose(at, room);
      return;
    }
    cuts_.push_back({at, at + length, id});
    std::size_t begin = at;
    std::size_t end = at + length;
    if (splitter_.vocab_.has(id, kLeftStrip)) {
      while (begin > 0 && taken_[begin - 1] == 0 && is_blank(text_[begin - 1])) --begin;
    }
    if (splitter_.vocab_.has(id, kRightStrip)) {
      while (end < text_.size() && taken_[end] == 0 && is_blank(text_[end])) ++end;
    }
    std::fill(taken_.begin() + static_cast<std::ptrdiff_t>(begin),
              taken_.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{1});
  }

  /// Bytes from `at`, at most `limit`, that no cut has taken.
  std::size_t free_run(std::size_t at, std::size_t limit) const {
    std::size_t n = 0;
    while (n < limit && taken_[at + n] == 0) ++n;
    return n;
  }

  std::vector<Fragment> fragments() {
    std::sort(cuts_.begin(), cuts_.end(),
              [](const Cut& a, const Cut& b) { return a.begin < b.begin; });
    std::vector<Fragment> out;
    std::size_t at = 0;
    for (const Cut& cut : cuts_) {
      add_raw(at, cut.begin, out);
      out.push_back({.token = cut.token});
      at = cut.end;
    }
    add_raw(at, text_.size(), out);
    return out;
  }

  /// The bytes of [begin, end) that were not stripped: they are one run, as stripping eats from the
  /// ends only.
  void add_raw(std::size_t begin, std::size_t end, std::vector<Fragment>& out) const {
    while (begin < end && taken_[begin] != 0) ++begin;
    while (begin < end && taken_[end - 1] != 0) --end;
    if (begin < end) out.push_back({.text = text_.substr(begin, end - begin)});
  }

  const SpecialSplitter& splitter_;
  std::string_view text_;
  bool parse_special_;
  std::map<std::uint32_t, std::vector<std::size_t>> proposals_;  // rank -> places
  std::vector<std::uint8_t> taken_;
  std::vector<Cut> cuts_;
};

std::vector<Fragment> SpecialSplitter::split(std::string_view text, bool parse_special) const {
  return SplitRun(*this, text, parse_special).run();
}

}  // namespace text
