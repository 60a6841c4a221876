#pragma once

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "text/template/lexer.h"

namespace text::jinja {

/// Walks the tokens of a template; both parsers share it.
class TokenReader {
 public:
  explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& peek(std::size_t ahead = 0) const noexcept {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  Token take() {
    Token t = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return t;
  }
  std::size_t line() const noexcept { return peek().line; }

  bool is(Token::Type type) const noexcept { return peek().type == type; }
  bool is_operation(std::string_view text) const noexcept {
    return is(Token::Type::operation) && peek().text == text;
  }
  bool is_name(std::string_view text, std::size_t ahead = 0) const noexcept {
    return peek(ahead).type == Token::Type::name && peek(ahead).text == text;
  }
  bool skip_operation(std::string_view text) {
    if (!is_operation(text)) return false;
    take();
    return true;
  }
  bool skip_name(std::string_view text) {
    if (!is_name(text)) return false;
    take();
    return true;
  }
  void expect_operation(std::string_view text) {
    if (!skip_operation(text)) fail(fmt::format("expected '{}'", text));
  }
  std::string expect_name() {
    if (!is(Token::Type::name)) fail("expected a name");
    return take().text;
  }
  void expect(Token::Type type, std::string_view what) {
    if (!is(type)) fail(fmt::format("expected {}", what));
    take();
  }
  [[noreturn]] void fail(const std::string& message) const {
    const Token& t = peek();
    const std::string found = t.type == Token::Type::end_block    ? "%}"
                              : t.type == Token::Type::end_output ? "}}"
                              : t.type == Token::Type::end        ? "the end of the template"
                                                                  : t.text;
    base::Error e = syntax_error(message, t.line);
    e.at("found", found);
    throw e;
  }

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace text::jinja
