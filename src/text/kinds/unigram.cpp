// SentencePiece unigram, model "t5": the cut of the whole text with the best sum of scores.
// Source: docs/spec/tokenizers.md 7.1.
#include <algorithm>
#include <limits>

#include "text/byte_trie.h"
#include "text/kinds/charsmap.h"
#include "text/kinds/kind.h"
#include "text/utf8.h"

namespace text {
namespace {

/// How much worse an unknown character is than the worst token.
constexpr float kUnknownPenalty = 10.0F;

struct Options {
  TokenId unknown = kNone;
  bool space_prefix = false;
  bool remove_extra_spaces = false;
};

class Unigram final : public Engine {
 public:
  Unigram(const Vocab& vocab, CharsMap charsmap, const Options& options)
      : vocab_(vocab), charsmap_(std::move(charsmap)), options_(options) {
    float lowest = std::numeric_limits<float>::max();
    for (std::size_t i = 0; i < vocab.size(); ++i) {
      const TokenId id = static_cast<TokenId>(i);
      if (vocab.has(id, kNormal)) lowest = std::min(lowest, vocab.score(id));
      if (vocab.has(id, kNormal | kUserDefined | kUnused)) {
        check_length(id);
        tokens_.add(vocab.text(id), static_cast<std::uint32_t>(id));
      }
      if (vocab.has(id, kUserDefined)) user_defined_.add(vocab.text(id), 0);
    }
    unknown_score_ = lowest - kUnknownPenalty;
  }

  void encode(std::string_view raw, std::vector<TokenId>& out) const override {
    const std::string text = normalized(raw);
    if (text.empty()) return;
    const std::vector<Step> best = best_steps(text);
    const std::size_t first = out.size();
    for (std::size_t end = text.size(); end > 0; end = best[end].begin) {
      const TokenId id = best[end].token;
      const bool repeats = id == options_.unknown && out.size() > first && out.back() == id;
      if (!repeats) out.push_back(id);
    }
    std::reverse(out.begin() + static_cast<std::ptrdiff_t>(first), out.end());
  }

  std::string normal_piece(std::string_view token_text) const override {
    return replace_all(token_text, kSpaceMark, " ");
  }

 private:
  /// Each place of a text looks as far as tokens go. Published ones are below 64 bytes.
  void check_length(TokenId id) const {
    constexpr std::size_t kMaxBytes = 1024;
    if (vocab_.text(id).size() <= kMaxBytes) return;
    throw base::Error(base::Fault::bad_file, "a token of a unigram vocabulary is too long")
        .at("key", "tokenizer.ggml.tokens")
        .at("id", id)
        .at("found", std::to_string(vocab_.text(id).size()) + " bytes")
        .expected("at most " + std::to_string(kMaxBytes));
  }

  /// How the best cut of the text up to some place ends.
  struct Step {
    double score = std::numeric_limits<double>::lowest();
    std::size_t begin = 0;
    TokenId token = kNone;
  };

  std::vector<Step> best_steps(std::string_view text) const {
    std::vector<Step> best(text.size() + 1);
    best[0].score = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t character = std::min(lead_length(text[at]), text.size() - at);
      bool covered = false;
      ByteTrie::Node node = 0;
      for (std::size_t end = at; end < text.size();) {
        node = tokens_.child(node, text[end++]);
        if (node == ByteTrie::kNoNode) break;
        const std::uint32_t value = tokens_.value(node);
        if (value == ByteTrie::kNoValue) continue;
        const TokenId id = static_cast<TokenId>(value);
        covered = covered || end - at == character;
        const double score = vocab_.has(id, kUserDefined) ? 0.0 : vocab_.score(id);
        offer({best[at].score + score, at, id}, best[end]);
      }
      if (!covered) offer(unknown(best[at].score, at), best[at + character]);
      at += character;
    }
    return best;
  }

  Step unknown(double score, std::size_t at) const {
    if (options_.unknown == kNone) {
      throw base::Error(base::Fault::bad_file, "the vocabulary has no token for unknown text")
          .at("key", "tokenizer.ggml.unknown_token_id");
    }
    return {score + unknown_score_, at, options_.unknown};
  }

  static void offer(const Step& step, Step& best) {
    if (step.score > best.score) best = step;
  }

  std::string normalized(std::string_view raw) const {
    std::string out;
    out.reserve(raw.size() * 2);
    bool in_word = false;
    bool prefixed = false;
    std::string part;
    for (std::size_t at = 0; at < raw.size();) {
      part.clear();
      at += normalize_prefix(raw.substr(at), part);
      for (const char c : part) {
        if (c == ' ') {
          in_word = false;
          if (!options_.remove_extra_spaces) out += kSpaceMark;
          continue;
        }
        if (!in_word && ((options_.space_prefix && !prefixed) || options_.remove_extra_spaces)) {
          out += kSpaceMark;
          prefixed = true;
        }
        in_word = true;
        out.push_back(c);
      }
    }
    return out;
  }

  /// Appends the normal form of what begins `rest` and returns the bytes that it stands for.
  std::size_t normalize_prefix(std::string_view rest, std::string& out) const {
    // As the public programs, the whole way walked counts, even if no token ends there.
    std::size_t walked = 0;
    ByteTrie::Node node = 0;
    while (walked < rest.size()) {
      node = user_defined_.child(node, rest[walked]);
      if (node == ByteTrie::kNoNode) break;
      ++walked;
    }
    if (walked > 0) {
      out += rest.substr(0, walked);
      return walked;
    }
    if (const auto match = charsmap_.longest(rest)) {
      out += match->replacement;
      return match->length;
    }
    std::size_t length = 0;
    const char32_t code = decode_utf8(rest, length);
    if (code == kReplacement && length == 1) {
      append_utf8(kReplacement, out);
    } else {
      out += rest.substr(0, length);
    }
    return length;
  }

  const Vocab& vocab_;
  CharsMap charsmap_;
  Options options_;
  ByteTrie tokens_, user_defined_;
  float unknown_score_ = 0;
};

Behaviour defaults(const gguf::Metadata&, base::Findings&) {
  Behaviour b{.add_eos = true, .escape_spaces = true};
  b.ids[Role::eos] = 1;
  b.ids[Role::unknown] = 2;
  b.ids[Role::padding] = 0;
  return b;
}

std::unique_ptr<Engine> make(const gguf::Metadata& metadata, const Vocab& vocab,
                             const Behaviour& behaviour) {
  const gguf::Array* blob = metadata.array("tokenizer.ggml.precompiled_charsmap");
  return std::make_unique<Unigram>(
      vocab, blob == nullptr ? CharsMap() : CharsMap(*blob),
      Options{.unknown = behaviour.ids[Role::unknown],
              .space_prefix = behaviour.add_space_prefix,
              .remove_extra_spaces =
                  metadata.boolean("tokenizer.ggml.remove_extra_whitespaces").value_or(false)});
}

}  // namespace

const Kind unigram_kind{.model = "t5", .defaults = defaults, .make = make};

}  // namespace text
