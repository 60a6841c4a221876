// Byte-level BPE, models "gpt2" and "gemma4": words by the family's expressions, merges by rank.
// Source: docs/spec/tokenizers.md 4.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "text/kinds/byte_alias.h"
#include "text/kinds/kind.h"
#include "text/kinds/merge_queue.h"
#include "text/kinds/merge_table.h"
#include "text/kinds/word_cache.h"
#include "text/pretokenize/families.h"
#include "text/pretokenize/pretokenizer.h"
#include "text/text_hash.h"
#include "text/utf8.h"

namespace text {
namespace {

constexpr std::string_view kPre = "tokenizer.ggml.pre";
constexpr std::string_view kMerges = "tokenizer.ggml.merges";

struct Piece {
  Symbol symbol;
  std::uint32_t length;  // in bytes; 0: merged into its left neighbour
};

/// Merges the pieces of one word. Memory is kept from word to word.
class WordMerger {
 public:
  explicit WordMerger(const MergeTable& table) : table_(table), queue_(table.n_ranks()) {}

  void clear() { pieces_.clear(); }
  void add(Symbol symbol, std::size_t length) {
    pieces_.push_back({symbol, static_cast<std::uint32_t>(length)});
  }
  /// Lowest rank first, leftmost of equal ones. Returns what is left, in order.
  const std::vector<Piece>& run() {
    // Scanning all ranks anew after each merge beats a queue on words of usual length.
    constexpr std::size_t kFewPieces = 48;
    if (pieces_.size() <= kFewPieces) {
      merge_few();
    } else {
      merge_many();
    }
    return pieces_;
  }

 private:
  MergeTable::Merge look_up(std::size_t left, std::size_t right) const {
    const Symbol a = pieces_[left].symbol;
    const Symbol b = pieces_[right].symbol;
    return a == kNoSymbol || b == kNoSymbol ? MergeTable::Merge{} : table_.find(a, b);
  }

  void merge_few() {
    merges_.clear();
    for (std::size_t i = 0; i + 1 < pieces_.size(); ++i) merges_.push_back(look_up(i, i + 1));
    while (!merges_.empty()) {
      std::size_t best = 0;
      for (std::size_t i = 1; i < merges_.size(); ++i) {
        if (merges_[i].rank < merges_[best].rank) best = i;
      }
      if (merges_[best].result == kNoSymbol) return;
      pieces_[best] = {merges_[best].result, pieces_[best].length + pieces_[best + 1].length};
      pieces_.erase(pieces_.begin() + static_cast<std::ptrdiff_t>(best) + 1);
      merges_.erase(merges_.begin() + static_cast<std::ptrdiff_t>(best));
      if (best > 0) merges_[best - 1] = look_up(best - 1, best);
      if (best < merges_.size()) merges_[best] = look_up(best, best + 1);
    }
  }

  static constexpr std::uint32_t kEnd = 0xFFFFFFFF;
  static constexpr std::uint32_t kNoRank = MergeTable::Merge{}.rank;

  struct Link {
    std::uint32_t previous, next;
    std::uint32_t rank;  // of the merge with the next piece; another one in the queue is past
  };

  void consider(std::uint32_t left) {
    if (left == kEnd) return;
    Link& link = links_[left];
    link.rank = link.next == kEnd ? kNoRank : look_up(left, link.next).rank;
    if (link.rank != kNoRank) queue_.push(link.rank, left);
  }

  void merge_many() {
    const auto n = static_cast<std::uint32_t>(pieces_.size());
    links_.resize(n);
    queue_.start(n);
    for (std::uint32_t i = 0; i < n; ++i) {
      links_[i] = {.previous = i - 1, .next = i + 1 < n ? i + 1 : kEnd, .rank = kNoRank};
      consider(i);
    }
    while (const auto best = queue_.pop()) {
      const std::uint32_t at = best->place;
      if (links_[at].rank != best->rank) continue;
      merge_with_next(at, table_.result(best->rank));
    }
    std::erase_if(pieces_, [](const Piece& p) { return p.length == 0; });
  }

  void merge_with_next(std::uint32_t at, Symbol result) {
    Link& link = links_[at];
    const std::uint32_t next = link.next;
    pieces_[at] = {result, pieces_[at].length + pieces_[next].length};
    pieces_[next].length = 0;
    links_[next].rank = kNoRank;
    link.next = links_[next].next;
    if (link.next != kEnd) links_[link.next].previous = at;
    consider(link.previous);
    consider(at);
  }

  const MergeTable& table_;
  std::vector<Piece> pieces_;
  std::vector<MergeTable::Merge> merges_;
  std::vector<Link> links_;
  MergeQueue queue_;
};

class Bpe final : public Engine {
 public:
  Bpe(const Vocab& vocab, const Family& family, const std::vector<std::string>& merges)
      : vocab_(vocab), family_(family), pretokenizer_(family.expressions), table_(vocab, merges) {
    for (unsigned b = 0; b < 256; ++b) {
      append_utf8(byte_alias(static_cast<std::uint8_t>(b)), aliases_[b]);
      const char plain = static_cast<char>(b);
      byte_symbols_[b] = table_.symbol(family.byte_aliases ? aliases_[b] : std::string(1, plain));
      std::size_t at = 0;
      alias_numbers_[b] = InnerPairs::next(aliases_[b], at);
    }
  }

  void encode(std::string_view raw, std::vector<TokenId>& out) const override {
    std::string escaped;
    if (family_.escape_spaces) raw = escaped = replace_all(raw, " ", kSpaceMark);
    Words words;
    pretokenizer_.split(raw, words);
    Run run(table_);
    std::size_t begin = 0;
    for (const std::size_t end : words.ends) {
      encode_word(words.text.substr(begin, end - begin), run, out);
      begin = end;
    }
  }

  std::string normal_piece(std::string_view token_text) const override {
    return family_.byte_aliases ? undo_aliases(token_text)
                                : replace_all(token_text, kSpaceMark, " ");
  }

 private:
  /// What one call keeps. A part of a word has its own cache: no part is looked for among tokens.
  struct Run {
    explicit Run(const MergeTable& table) : merger(table) {}
    WordMerger merger;
    WordCache words;
    std::optional<WordCache> parts;
  };

  void encode_word(std::string_view word, Run& run, std::vector<TokenId>& out) const {
    // Longer words (whole lines in some families) rarely come again, but their parts do.
    constexpr std::size_t kShort = 24;
    if (word.size() <= kShort) {
      encode_cached(word, run.words, out, [&] {
        if (!put_whole(word, out)) merge(word, run.merger, out);
      });
    } else if (!put_whole(word, out)) {
      encode_parts(word, run, out);
    }
  }

  template <class Encode>
  static void encode_cached(std::string_view text, WordCache& cache, std::vector<TokenId>& out,
                            Encode encode) {
    if (text.size() > WordCache::kMaxWord) return encode();
    const std::uint64_t hash = hash_text(text);
    if (const auto ids = cache.find(text, hash); !ids.empty()) {
      out.insert(out.end(), ids.begin(), ids.end());
      return;
    }
    const std::size_t first = out.size();
    encode();
    if (out.size() > first) cache.store(text, hash, std::span(out).subspan(first));
  }

  /// The word as one token, if the family takes it so.
  bool put_whole(std::string_view word, std::vector<TokenId>& out) const {
    const bool line_feeds =
        family_.keep_line_feed_runs && word.find_first_not_of('\n') == std::string_view::npos;
    if (!family_.ignore_merges && !line_feeds) return false;
    const TokenId id = whole_token(word);
    if (id != kNone) out.push_back(id);
    return id != kNone;
  }

  /// The character or byte at `at`, as merges have it; `at` moves behind it.
  std::uint64_t next_character(std::string_view word, std::size_t& at) const {
    return family_.byte_aliases ? alias_numbers_[static_cast<std::uint8_t>(word[at++])]
                                : InnerPairs::next(word, at);
  }

  /// Cuts a word (not empty) where no merge can join.
  void encode_parts(std::string_view word, Run& run, std::vector<TokenId>& out) const {
    if (!run.parts) run.parts.emplace();
    const auto put = [&](std::string_view part) {
      encode_cached(part, *run.parts, out, [&] { merge(part, run.merger, out); });
    };
    std::size_t begin = 0;
    std::size_t at = 0;
    std::uint64_t left = next_character(word, at);
    while (at < word.size()) {
      const std::size_t here = at;
      const std::uint64_t right = next_character(word, at);
      if (!table_.joins().occurs(left, right)) {
        put(word.substr(begin, here - begin));
        begin = here;
      }
      left = right;
    }
    put(word.substr(begin));
  }

  void merge(std::string_view word, WordMerger& merger, std::vector<TokenId>& out) const {
    merger.clear();
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t length =
          family_.byte_aliases ? 1 : std::min(lead_length(word[at]), word.size() - at);
      merger.add(length == 1 ? byte_symbols_[static_cast<std::uint8_t>(word[at])]
                             : table_.symbol(word.substr(at, length)),
                 length);
      at += length;
    }
    std::size_t at = 0;
    for (const Piece& piece : merger.run()) {
      if (piece.symbol < vocab_.size()) {
        out.push_back(static_cast<TokenId>(piece.symbol));
      } else {
        spell(word.substr(at, piece.length), out);
      }
      at += piece.length;
    }
  }

  TokenId whole_token(std::string_view word) const {
    return vocab_.find(family_.byte_aliases ? aliased(word) : std::string(word));
  }

  std::string aliased(std::string_view word) const {
    std::string out;
    for (const char c : word) out += aliases_[static_cast<std::uint8_t>(c)];
    return out;
  }

  /// A piece that is no token: byte by byte, in byte tokens or in tokens of one byte of its aliased
  /// form. What has neither vanishes, as in the public programs.
  void spell(std::string_view piece, std::vector<TokenId>& out) const {
    for (const char c : family_.byte_aliases ? aliased(piece) : std::string(piece)) {
      const TokenId id = family_.byte_aliases ? vocab_.find({&c, 1})
                                              : vocab_.find_byte(static_cast<std::uint8_t>(c));
      if (id != kNone) out.push_back(id);
    }
  }

  const Vocab& vocab_;
  Family family_;
  Pretokenizer pretokenizer_;
  MergeTable table_;
  std::array<std::string, 256> aliases_;
  std::array<Symbol, 256> byte_symbols_{};          // of a byte, aliased if the family does so
  std::array<std::uint64_t, 256> alias_numbers_{};  // as InnerPairs has them
};

bool is_gemma4(const gguf::Metadata& metadata) {
  return metadata.string("tokenizer.ggml.model") == "gemma4";
}

std::string pre_name(const gguf::Metadata& metadata) {
  if (is_gemma4(metadata)) return "gemma4";
  const std::string name(metadata.string(kPre).value_or(""));
  return name.empty() ? "default" : name;
}

Behaviour defaults(const gguf::Metadata& metadata, base::Findings& findings) {
  if (!is_gemma4(metadata) && metadata.string(kPre).value_or("").empty()) {
    findings.push_back({.level = base::Finding::Level::warning,
                        .where = std::string(kPre),
                        .text = "the file does not say how words are cut; the default is used, and "
                                "ids may differ from those that the model was trained on"});
  }
  const Family family = find_family(pre_name(metadata));
  Behaviour b{.add_bos = family.add_bos,
              .force_bos = is_gemma4(metadata),
              .escape_spaces = family.escape_spaces,
              .clean_spaces = family.clean_spaces};
  if (!is_gemma4(metadata)) {
    constexpr TokenId kEndOfText = 11;  // falcon's, which became everybody's default
    b.ids[Role::bos] = family.no_bos ? kNone : kEndOfText;
    b.ids[Role::eos] = kEndOfText;
  }
  return b;
}

std::unique_ptr<Engine> make(const gguf::Metadata& metadata, const Vocab& vocab, const Behaviour&) {
  const std::string pre = pre_name(metadata);
  const gguf::Array* merges = metadata.array(kMerges);
  if (merges == nullptr && pre != "kimi-k2") {
    throw base::Error(base::Fault::bad_file, "the vocabulary has no merge list").at("key", kMerges);
  }
  if (merges != nullptr && merges->type != gguf::ValueType::str) {
    throw base::Error(base::Fault::bad_file, "the merge list does not hold strings")
        .at("key", kMerges)
        .at("found", gguf::type_name(merges->type))
        .expected("str");
  }
  return std::make_unique<Bpe>(vocab, find_family(pre),
                               merges == nullptr ? std::vector<std::string>{} : merges->strings);
}

}  // namespace

const Kind bpe_kind{.model = "gpt2", .defaults = defaults, .make = make};
const Kind gemma4_kind{.model = "gemma4", .defaults = defaults, .make = make};

}  // namespace text
