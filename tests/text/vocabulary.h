// Small vocabularies of our own for tests, and the golden files.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "support/support.h"
#include "text/tokenizer.h"

namespace test {

struct Token {
  std::string text;
  float score = 0;
  std::int32_t type = 1;  // docs/spec/gguf.md 5
};

inline gguf::Metadata vocabulary(std::string_view model, const std::vector<Token>& tokens) {
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<std::int32_t> types;
  for (const Token& t : tokens) {
    texts.push_back(t.text);
    scores.push_back(t.score);
    types.push_back(t.type);
  }
  gguf::Metadata m;
  m.set("tokenizer.ggml.model", std::string(model));
  m.set("tokenizer.ggml.tokens", gguf::Array::of_strings(texts));
  m.set("tokenizer.ggml.scores", gguf::Array::of_f32(scores));
  m.set("tokenizer.ggml.token_type", gguf::Array::of_i32(types));
  return m;
}

/// <unk> 0, <s> 1, </s> 2, the 256 bytes 3 to 258, then `more` from 259.
inline std::vector<Token> spm_tokens(const std::vector<Token>& more) {
  std::vector<Token> tokens = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}};
  for (int b = 0; b < 256; ++b) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", static_cast<unsigned>(b));
    tokens.push_back({text, 0, 6});
  }
  tokens.insert(tokens.end(), more.begin(), more.end());
  return tokens;
}
constexpr text::TokenId kFirstByte = 3;
constexpr text::TokenId kFirstOwn = 259;

inline std::unique_ptr<text::Tokenizer> open_vocabulary(const std::filesystem::path& path) {
  return text::make_tokenizer(gguf::File::open(path).metadata());
}

/// {"text": ...} or {"hex": ...} of a golden case.
inline std::string golden_text(const nlohmann::json& holder) {
  if (const auto text = holder.find("text"); text != holder.end()) return *text;
  const std::string hex = holder.at("hex");
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return out;
}

inline std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace test
