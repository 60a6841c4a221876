// SentencePiece BPE, model "llama": merges by the score of the merged piece, bytes for what is not
// in the vocabulary. Source: docs/spec/tokenizers.md 3.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "text/kinds/inner_pairs.h"
#include "text/kinds/kind.h"
#include "text/kinds/merge_queue.h"
#include "text/kinds/word_cache.h"
#include "text/text_hash.h"
#include "text/utf8.h"

namespace text {
namespace {

constexpr std::uint32_t kEnd = 0xFFFFFFFF;
constexpr std::uint32_t kNoRank = 0xFFFFFFFF;

/// A part of the text that is one token so far; parts form a list by index of their first
/// character.
struct Part {
  std::uint32_t begin, length;  // in bytes; length 0: merged into its left neighbour
  std::uint32_t previous, next;
  std::uint32_t rank;  // of the merge with the next part; another one in the queue is past
};

/// Tokens by score: rank 0 for the highest, equal ranks for equal scores.
class Ranks {
 public:
  explicit Ranks(const Vocab& vocab) : of_token_(vocab.size()) {
    std::vector<TokenId> order(vocab.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](TokenId a, TokenId b) { return vocab.score(a) > vocab.score(b); });
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i == 0 || vocab.score(order[i]) != vocab.score(order[i - 1])) ++count_;
      of_token_[static_cast<std::size_t>(order[i])] = count_ - 1;
    }
  }

  std::uint32_t of(TokenId id) const noexcept { return of_token_[static_cast<std::size_t>(id)]; }
  std::size_t count() const noexcept { return count_; }

 private:
  std::vector<std::uint32_t> of_token_;
  std::uint32_t count_ = 0;
};

/// Merges one piece of text (not empty). Memory is kept from piece to piece.
class Merger {
 public:
  Merger(const Vocab& vocab, const Ranks& ranks)
      : vocab_(vocab), ranks_(ranks), queue_(ranks.count()) {}

  void run(std::string_view text, std::vector<TokenId>& out) {
    text_ = text;
    parts_.clear();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = std::min(lead_length(text[at]), text.size() - at);
      const auto index = static_cast<std::uint32_t>(parts_.size());
      parts_.push_back({.begin = static_cast<std::uint32_t>(at),
                        .length = static_cast<std::uint32_t>(length),
                        .previous = index - 1,  // kEnd for the first
                        .next = index + 1,
                        .rank = kNoRank});
      at += length;
    }
    parts_.back().next = kEnd;
    queue_.start(parts_.size());
    for (std::uint32_t i = 0; i < parts_.size(); ++i) consider(i);
    while (const auto best = queue_.pop()) {
      if (parts_[best->place].rank == best->rank) merge_with_next(best->place);
    }
    for (std::uint32_t i = 0; i != kEnd; i = parts_[i].next) emit(parts_[i], out);
  }

 private:
  void consider(std::uint32_t at) {
    if (at == kEnd) return;
    Part& left = parts_[at];
    left.rank = kNoRank;
    if (left.next == kEnd) return;
    const std::uint32_t length = left.length + parts_[left.next].length;
    if (length > vocab_.max_length()) return;
    const TokenId id = vocab_.find(text_.substr(left.begin, length));
    if (id != kNone) queue_.push(left.rank = ranks_.of(id), at);
  }

  void merge_with_next(std::uint32_t at) {
    Part& left = parts_[at];
    Part& right = parts_[left.next];
    left.length += right.length;
    right.length = 0;
    right.rank = kNoRank;
    left.next = right.next;
    if (left.next != kEnd) parts_[left.next].previous = at;
    consider(left.previous);
    consider(at);
  }

  void emit(const Part& part, std::vector<TokenId>& out) const {
    const std::string_view piece = text_.substr(part.begin, part.length);
    if (const TokenId id = vocab_.find(piece); id != kNone) {
      out.push_back(id);
      return;
    }
    for (const char c : piece) {
      const TokenId id = vocab_.find_byte(static_cast<std::uint8_t>(c));
      if (id == kNone) {
        throw base::Error(base::Fault::bad_file, "the vocabulary cannot spell a byte of the text")
            .at("key", "tokenizer.ggml.tokens")
            .expected(fmt::format("a token <0x{:02X}>", static_cast<std::uint8_t>(c)));
      }
      out.push_back(id);
    }
  }

  const Vocab& vocab_;
  const Ranks& ranks_;
  std::string_view text_;
  std::vector<Part> parts_;
  MergeQueue queue_;
};

class Spm final : public Engine {
 public:
  Spm(const Vocab& vocab, const Behaviour& behaviour)
      : vocab_(vocab), ranks_(vocab), space_prefix_(behaviour.add_space_prefix) {
    for (std::size_t i = 0; i < vocab.size(); ++i) {
      inner_pairs_.add_inside(vocab.text(static_cast<TokenId>(i)));
    }
  }

  void encode(std::string_view raw, std::vector<TokenId>& out) const override {
    std::string text = replace_all(raw, " ", kSpaceMark);
    if (space_prefix_) text.insert(0, kSpaceMark);
    if (text.size() >= kEnd) {
      throw base::Error(base::Fault::bad_input, "text too long for one call")
          .at("found", fmt::format("{} bytes", text.size()))
          .hint("tokenize it in parts");
    }
    Merger merger(vocab_, ranks_);
    WordCache cache;
    std::size_t begin = 0;  // of the independent piece at hand
    std::size_t at = 0;
    std::uint64_t left = InnerPairs::next(text, at);
    while (at < text.size()) {
      const std::size_t here = at;
      const std::uint64_t code = InnerPairs::next(text, at);
      if (!inner_pairs_.occurs(left, code)) {
        encode_piece(std::string_view(text).substr(begin, here - begin), merger, cache, out);
        begin = here;
      }
      left = code;
    }
    encode_piece(std::string_view(text).substr(begin), merger, cache, out);
  }

  std::string normal_piece(std::string_view token_text) const override {
    return replace_all(token_text, kSpaceMark, " ");
  }

 private:
  static void encode_piece(std::string_view piece, Merger& merger, WordCache& cache,
                           std::vector<TokenId>& out) {
    if (piece.size() > WordCache::kMaxWord) return merger.run(piece, out);
    const std::uint64_t hash = hash_text(piece);
    if (const auto ids = cache.find(piece, hash); !ids.empty()) {
      out.insert(out.end(), ids.begin(), ids.end());
      return;
    }
    const std::size_t first = out.size();
    merger.run(piece, out);
    cache.store(piece, hash, std::span(out).subspan(first));
  }

  const Vocab& vocab_;
  Ranks ranks_;
  bool space_prefix_;
  InnerPairs inner_pairs_;
};

Behaviour defaults(const gguf::Metadata&, base::Findings&) {
  Behaviour b{.add_bos = true, .add_space_prefix = true, .escape_spaces = true};
  b.ids[Role::bos] = 1;
  b.ids[Role::eos] = 2;
  b.ids[Role::unknown] = 0;
  return b;
}

std::unique_ptr<Engine> make(const gguf::Metadata&, const Vocab& vocab,
                             const Behaviour& behaviour) {
  return std::make_unique<Spm>(vocab, behaviour);
}

}  // namespace

const Kind spm_kind{.model = "llama", .defaults = defaults, .make = make};

}  // namespace text
