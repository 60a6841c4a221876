#include "convert/token_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "text/utf8.h"

namespace convert {
namespace {

constexpr float kAddedScore = -1000.0F, kPadScore = -10000.0F;  // as the public converter

/// Markers that some folders do not call special.
bool looks_special(std::string_view text) {
  constexpr std::string_view kKnown[] = {"<pad>", "<mask>", "<2mass>", "[@BOS@]"};
  if (std::find(std::begin(kKnown), std::end(kKnown), text) != std::end(kKnown)) return true;
  constexpr std::string_view kWideOpen = "<\xEF\xBD\x9C", kWideClose = "\xEF\xBD\x9C>";
  return (text.starts_with("<|") && text.ends_with("|>")) ||
         (text.starts_with(kWideOpen) && text.ends_with(kWideClose)) ||
         (text.starts_with("<unused") && text.ends_with(">"));
}

}  // namespace

void TokenList::set(std::int64_t id, std::string text, float score, TokenType type) {
  if (id < 0 || static_cast<std::uint64_t>(id) >= kMaxTokens) {
    throw base::Error(base::Fault::bad_file, "a token has an impossible id")
        .at("token", base::printable(text))
        .at("found", id)
        .at("expected", fmt::format("0 to {}", kMaxTokens - 1));
  }
  const auto at = static_cast<std::size_t>(id);
  if (at >= texts_.size()) {
    texts_.resize(at + 1);
    scores_.resize(at + 1, kPadScore);
    types_.resize(at + 1, static_cast<std::int32_t>(TokenType::unused));
    taken_.resize(at + 1, false);
  }
  texts_[at] = std::move(text);
  scores_[at] = score;
  types_[at] = static_cast<std::int32_t>(type);
  taken_[at] = true;
}

void TokenList::add(const AddedToken& token, base::Findings& findings) {
  const bool special = token.special || looks_special(token.content);
  const bool known = token.id >= 0 && taken(static_cast<std::size_t>(token.id));
  if (known) {
    const auto at = static_cast<std::size_t>(token.id);
    const auto type = static_cast<TokenType>(types_[at]);
    if (texts_[at] != token.content) {
      findings.push_back({.where = base::printable(token.content),
                          .text = fmt::format("replaces token {}, \"{}\"", token.id,
                                              base::printable(texts_[at]))});
    } else if (type == TokenType::unknown || type == TokenType::control ||
               type == TokenType::byte) {
      return;
    }
  }
  set(token.id, special ? token.content : text::replace_all(token.content, text::kSpaceMark, " "),
      kAddedScore, special ? TokenType::control : TokenType::user_defined);
}

void TokenList::pad(std::size_t n_vocab) {
  if (size() > n_vocab) {
    throw base::Error(base::Fault::bad_file, "the vocabulary has more tokens than the model")
        .at("found", fmt::format("{} tokens", size()))
        .at("expected", fmt::format("at most {}, the rows of the embedding", n_vocab))
        .hint("tokenizer and weights are of different models");
  }
  for (std::size_t id = 0; id < n_vocab; ++id) {
    if (taken(id)) continue;
    set(static_cast<std::int64_t>(id), fmt::format("[PAD{}]", id), kPadScore, TokenType::unused);
  }
}

std::int64_t TokenList::find(std::string_view text) const {
  const auto it = std::find(texts_.begin(), texts_.end(), text);
  return it == texts_.end() ? -1 : it - texts_.begin();
}

}  // namespace convert
