// WordPiece, model "bert": words by white space and punctuation, longest match from the left.
// Source: docs/spec/tokenizers.md 6.
#include <algorithm>

#include "text/kinds/kind.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace text {
namespace {

struct Range {
  char32_t first, last;
};
constexpr Range kIdeographs[] = {{0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0x20000, 0x2A6DF},
                                 {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF},
                                 {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};

bool is_ideograph(char32_t c) {
  return c >= 0x3400 && std::any_of(std::begin(kIdeographs), std::end(kIdeographs),
                                    [c](Range r) { return c >= r.first && c <= r.last; });
}

/// Characters that are words by themselves.
bool stands_alone(char32_t c, std::uint32_t bits) {
  return (bits & kCategoryPunctuation) != 0 || (c < 0x7F && (bits & kCategorySymbol) != 0) ||
         is_ideograph(c);
}

constexpr std::size_t kMaxCharacters = 100;  // of a word; longer ones are unknown

struct Normalizer {
  bool lower_case = true;
  bool strip_accents = true;
};

class WordPiece final : public Engine {
 public:
  WordPiece(const Vocab& vocab, TokenId unknown, const Normalizer& normalizer)
      : vocab_(vocab), unknown_(unknown), normalizer_(normalizer) {}

  void encode(std::string_view raw, std::vector<TokenId>& out) const override {
    Word word;
    for (std::size_t at = 0; at < raw.size();) {
      const char32_t c = decode_utf8(raw, at);
      const bool breaks = c == '\t' || c == '\n' || c == '\r';
      if (c == 0 || c == kReplacement || (!breaks && (category(c) & kCategoryOther) != 0)) continue;
      if (is_white_space(c)) {
        finish(word, out);
      } else if (!normalizer_.strip_accents) {
        add(c, word, out);
      } else {
        const Parts parts = without_accents(c);
        for (std::size_t i = 0; i < parts.n; ++i) add(parts.codes[i], word, out);
      }
    }
    finish(word, out);
  }

  std::string normal_piece(std::string_view token_text) const override {
    return replace_all(token_text, kSpaceMark, " ");
  }

 private:
  struct Word {
    std::string text = std::string(kSpaceMark);
    std::size_t characters = 0;  ///< without the mark
  };

  void add(char32_t c, Word& word, std::vector<TokenId>& out) const {
    const bool alone = stands_alone(c, category(c));
    if (alone) finish(word, out);
    append_utf8(normalizer_.lower_case ? to_lower(c) : c, word.text);
    ++word.characters;
    if (alone) finish(word, out);
  }

  /// Ids of a word, which starts anew.
  void finish(Word& word, std::vector<TokenId>& out) const {
    if (word.characters == 0) return;
    if (word.characters > kMaxCharacters || !add_pieces(word.text, out)) add_unknown(out);
    word.text.resize(kSpaceMark.size());
    word.characters = 0;
  }

  /// False, and nothing added, if some part is no piece.
  bool add_pieces(std::string_view word, std::vector<TokenId>& out) const {
    const std::size_t first = out.size();
    for (std::size_t at = 0; at < word.size();) {
      const std::string_view piece = longest(word.substr(at), at == 0);
      if (piece.empty()) {
        out.resize(first);
        return false;
      }
      out.push_back(vocab_.find(piece));
      at += piece.size();
    }
    return true;
  }

  /// A mark in front is only the word's own: what a text has of them begins no piece inside.
  std::string_view longest(std::string_view rest, bool first) const {
    if (!first && rest.starts_with(kSpaceMark)) return {};
    for (std::size_t n = std::min(rest.size(), vocab_.max_length()); n > 0; --n) {
      if (vocab_.find(rest.substr(0, n)) != kNone) return rest.substr(0, n);
    }
    return {};
  }

  void add_unknown(std::vector<TokenId>& out) const {
    if (unknown_ == kNone) {
      throw base::Error(base::Fault::bad_file, "the vocabulary has no token for unknown words")
          .at("key", "tokenizer.ggml.unknown_token_id");
    }
    out.push_back(unknown_);
  }

  const Vocab& vocab_;
  TokenId unknown_;
  Normalizer normalizer_;
};

Behaviour defaults(const gguf::Metadata&, base::Findings&) {
  Behaviour b{.add_bos = true, .clean_spaces = true, .always_bos_and_sep = true};
  b.ids[Role::bos] = 101;
  b.ids[Role::unknown] = 100;
  b.ids[Role::separator] = 102;
  b.ids[Role::padding] = 0;
  b.ids[Role::mask] = 103;
  return b;
}

std::unique_ptr<Engine> make(const gguf::Metadata& metadata, const Vocab& vocab,
                             const Behaviour& behaviour) {
  Normalizer n;
  n.lower_case = metadata.boolean("tokenizer.ggml.normalizer.lowercase").value_or(true);
  n.strip_accents =
      metadata.boolean("tokenizer.ggml.normalizer.strip_accents").value_or(n.lower_case);
  return std::make_unique<WordPiece>(vocab, behaviour.ids[Role::unknown], n);
}

}  // namespace

const Kind wordpiece_kind{.model = "bert", .defaults = defaults, .make = make};

}  // namespace text
