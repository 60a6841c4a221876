#include "text/special_split.h"

#include <algorithm>
#include <map>

namespace text {
namespace {

constexpr std::uint16_t kSpecialBits = kControl | kUserDefined | kUnknown;

/// Longest text first, then by id.
std::vector<TokenId> special_tokens(const Vocab& vocab) {
  std::vector<TokenId> list;
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    const TokenId id = static_cast<TokenId>(i);
    if (vocab.has(id, kSpecialBits)) list.push_back(id);
  }
  std::stable_sort(list.begin(), list.end(), [&vocab](TokenId a, TokenId b) {
    return vocab.text(a).size() > vocab.text(b).size();
  });
  return list;
}

std::vector<SpecialMatcher::Token> texts_of(const Vocab& vocab, const std::vector<TokenId>& list) {
  std::vector<SpecialMatcher::Token> out;
  out.reserve(list.size());
  for (const TokenId id : list) {
    out.push_back({.text = vocab.text(id), .plain = !vocab.has(id, kControl | kUnknown)});
  }
  return out;
}

bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

SpecialSplitter::SpecialSplitter(const Vocab& vocab)
    : vocab_(vocab), list_(special_tokens(vocab)), matcher_(texts_of(vocab, list_)) {}

/// One split. The rule is "for each token, longest first, cut out its occurrences from the left".
/// Trying 2400 tokens one after the other would cost 2400 passes; instead every place proposes the
/// longest token that fits there, and the proposals are taken in the order of the rule. A place
/// whose token is blocked by an earlier cut proposes the next shorter one that fits into what is
/// left there; the cut is of a longer token and lies within the blocked one, so what is left halves
/// each time, and no place proposes more often than its token has bits of length.
class SplitRun {
 public:
  SplitRun(const SpecialSplitter& splitter, std::string_view text, bool parse_special)
      : splitter_(splitter), text_(text), parse_special_(parse_special) {}

  std::vector<Fragment> run() {
    splitter_.matcher_.scan(text_, parse_special_, [this](std::size_t at, std::uint32_t rank) {
      proposals_[rank].push_back(at);
    });
    while (!proposals_.empty()) {
      const auto first = proposals_.begin();
      const std::uint32_t rank = first->first;
      std::vector<std::size_t> places = std::move(first->second);
      proposals_.erase(first);
      std::sort(places.begin(), places.end());
      for (const std::size_t at : places) take(at, rank);
    }
    return fragments();
  }

 private:
  /// A token in the text, and what its stripping takes beside it.
  struct Cut {
    std::size_t end = 0;
    TokenId token = kNone;
  };
  /// By where they begin.
  using Cuts = std::map<std::size_t, Cut>;

  void take(std::size_t at, std::uint32_t rank) {
    const auto next = cuts_.upper_bound(at);
    const std::size_t free_from = next == cuts_.begin() ? 0 : std::prev(next)->second.end;
    const std::size_t free_to = next == cuts_.end() ? text_.size() : next->first;
    if (at < free_from) return;
    const TokenId id = splitter_.list_[rank];
    std::size_t begin = at;
    std::size_t end = at + splitter_.vocab_.text(id).size();
    if (end > free_to) {
      const std::uint32_t other = splitter_.matcher_.shorter(rank, free_to - at, parse_special_);
      if (other != SpecialMatcher::kNoRank) proposals_[other].push_back(at);
      return;
    }
    if (splitter_.vocab_.has(id, kLeftStrip)) {
      while (begin > free_from && is_blank(text_[begin - 1])) --begin;
    }
    if (splitter_.vocab_.has(id, kRightStrip)) {
      while (end < free_to && is_blank(text_[end])) ++end;
    }
    cuts_.emplace_hint(next, begin, Cut{.end = end, .token = id});
  }

  std::vector<Fragment> fragments() const {
    std::vector<Fragment> out;
    std::size_t at = 0;
    const auto raw_until = [&](std::size_t end) {
      if (at < end) out.push_back({.text = text_.substr(at, end - at)});
    };
    for (const auto& [begin, cut] : cuts_) {
      raw_until(begin);
      out.push_back({.token = cut.token});
      at = cut.end;
    }
    raw_until(text_.size());
    return out;
  }

  const SpecialSplitter& splitter_;
  std::string_view text_;
  bool parse_special_;
  std::map<std::uint32_t, std::vector<std::size_t>> proposals_;  // rank -> places
  Cuts cuts_;
};

std::vector<Fragment> SpecialSplitter::split(std::string_view text, bool parse_special) const {
  return SplitRun(*this, text, parse_special).run();
}

}  // namespace text
