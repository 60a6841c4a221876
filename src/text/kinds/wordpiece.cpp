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

struct Normalizer {
  bool lower_case = true;
  bool strip_accents = true;
};

class WordPiece final : public Engine {
 public:
  WordPiece(const Vocab& vocab, TokenId unknown, const Normalizer& normalizer)
      : vocab_(vocab), unknown_(unknown), normalizer_(normalizer) {}

  void encode(std::string_view raw, std::vector<TokenId>& out) const override {
    std::string word(kSpaceMark);
    for (std::size_t at = 0; at < raw.size();) {
      char32_t c = decode_utf8(raw, at);
      if (normalizer_.strip_accents) c = without_accent(c);
      const std::uint32_t bits = category(c);
      if (is_white_space(c)) {
        finish(word, out);
        continue;
      }
      const bool stripped = normalizer_.strip_accents && (bits & kCategoryMark) != 0;
      if (c == 0 || c == kReplacement || (bits & kCategoryOther) != 0 || stripped) continue;
      const bool alone = stands_alone(c, bits);
      if (alone) finish(word, out);
      append_utf8(normalizer_.lower_case ? to_lower(c) : c, word);
      if (alone) finish(word, out);
    }
    finish(word, out);
  }

  std::string normal_piece(std::string_view token_text) const override {
    return replace_all(token_text, kSpaceMark, " ");
  }

 private:
  /// Ids of a word (with its mark in front), which starts anew.
  void finish(std::string& word, std::vector<TokenId>& out) const {
    if (word.size() == kSpaceMark.size()) return;
    const std::size_t first = out.size();
    for (std::size_t at = 0; at < word.size();) {
      const std::string_view piece = longest(std::string_view(word).substr(at));
      if (piece.empty()) {
        out.resize(first);
        add_unknown(out);
        break;
      }
      out.push_back(vocab_.find(piece));
      at += piece.size();
    }
    word.resize(kSpaceMark.size());
  }

  std::string_view longest(std::string_view rest) const {
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
