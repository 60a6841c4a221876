#include "text/template/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "text/template/strings.h"
#include "text/utf8.h"

namespace text::jinja {
namespace {

using Type = Token::Type;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

constexpr std::string_view kOperations[] = {"**", "//", "==", "!=", "<=", ">=", "+", "-", "*",
                                            "/",  "%",  "~",  "|",  ".",  ",",  ":", "(", ")",
                                            "[",  "]",  "{",  "}",  "<",  ">",  "="};

std::string with_plain_line_ends(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      if (i + 1 < source.size() && source[i + 1] == '\n') continue;
      out.push_back('\n');
    } else {
      out.push_back(source[i]);
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) {
      const std::size_t open = find_open(at_);
      data(open);
      if (open == std::string::npos) break;
      const char kind = source_[open + 1];
      if (kind == '#') {
        comment();
      } else if (kind == '%' && raw()) {
        continue;
      } else {
        inside(kind == '%');
      }
    }
    put(Type::end, "");
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return std::string_view(source_).substr(at_); }
  bool skip(std::string_view text) {
    if (!rest().starts_with(text)) return false;
    advance(text.size());
    return true;
  }
  void advance(std::size_t n) {
    line_ += static_cast<std::size_t>(
        std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                   source_.begin() + static_cast<std::ptrdiff_t>(at_ + n), '\n'));
    at_ += n;
  }
  void put(Type type, std::string text) {
    tokens_.push_back({.type = type, .text = std::move(text), .line = line_});
  }

  std::size_t find_open(std::size_t from) const {
    for (std::size_t at = from;; ++at) {
      at = source_.find('{', at);
      if (at == std::string::npos || at + 1 >= source_.size()) return std::string::npos;
      if (source_[at + 1] == '{' || source_[at + 1] == '%' || source_[at + 1] == '#') return at;
    }
  }

  /// Emits the text up to the mark at `open`, stripped as the mark asks.
  void data(std::size_t open) {
    const std::size_t end = std::min(open, source_.size());
    std::string_view text = std::string_view(source_).substr(at_, end - at_);
    if (open != std::string::npos) {
      const char sign = open + 2 < source_.size() ? source_[open + 2] : ' ';
      if (sign == '-') {
        text = strip(text, std::nullopt, false, true);
      } else if (sign != '+' && source_[open + 1] != '{') {
        text = without_indent(text);
      }
    }
    if (!text.empty()) put(Type::data, std::string(text));
    advance(end - at_);
  }

  /// Blanks between the start of the line and a block go.
  std::string_view without_indent(std::string_view text) const {
    const std::size_t feed = text.rfind('\n');
    const bool whole = feed == std::string_view::npos;
    if (whole && at_ > 0 && source_[at_ - 1] != '\n') return text;
    const std::size_t start = whole ? 0 : feed + 1;
    return strip(text.substr(start), std::nullopt, true, true).empty() ? text.substr(0, start)
                                                                       : text;
  }

  /// Behind a closing mark with `sign` in front of it.
  void after_close(char sign, bool drops_feed) {
    if (sign == '-') {
      advance(rest().size() - strip(rest(), std::nullopt, true, false).size());
      if (strip(rest(), std::nullopt, true, false).empty()) advance(rest().size());
    } else if (sign != '+' && drops_feed) {
      skip("\n");
    }
  }

  /// A comment whose mark ends the template is none, as in Jinja.
  void comment() {
    advance(2);
    if (rest().starts_with('-') || rest().starts_with('+')) advance(1);
    if (rest().empty()) return;
    const std::size_t close = source_.find("#}", at_);
    if (close == std::string::npos) throw syntax_error("a comment is not closed", line_);
    const char sign = close > at_ ? source_[close - 1] : ' ';
    advance(close + 2 - at_);
    after_close(sign, true);
  }

  /// {% raw %} ... {% endraw %}: true if that is what begins here. Behind the first mark a line
  /// feed stays. Like a comment it need not end where the template ends with the first mark.
  bool raw() {
    const std::size_t line = line_;
    const RawMark mark = raw_mark(at_, "raw");
    if (mark.end == 0 || mark.sign == '+') return false;
    advance(mark.end - at_);
    after_close(mark.sign, false);
    if (rest().empty()) return true;
    for (std::size_t at = at_;; ++at) {
      at = source_.find("{%", at);
      if (at == std::string::npos) throw syntax_error("a raw block is not closed", line);
      const RawMark close = raw_mark(at, "endraw");
      if (close.end == 0) continue;
      data(at);
      advance(close.end - at_);
      after_close(close.sign, true);
      return true;
    }
  }

  /// A block at `at` that is only `word`.
  struct RawMark {
    std::size_t end = 0;  ///< behind it; 0: there is none
    char sign = ' ';      ///< in front of its %}
  };
  RawMark raw_mark(std::size_t at, std::string_view word) const {
    at += 2;
    const auto blanks = [&] {
      while (at < source_.size() && is_ascii_space(source_[at])) ++at;
    };
    if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) ++at;
    blanks();
    if (!std::string_view(source_).substr(at).starts_with(word)) return {};
    at += word.size();
    blanks();
    char sign = ' ';
    if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) sign = source_[at++];
    if (!std::string_view(source_).substr(at).starts_with("%}")) return {};
    return {.end = at + 2, .sign = sign};
  }

  /// Everything from {{ or {% to its end.
  void inside(bool block) {
    put(block ? Type::begin_block : Type::begin_output, "");
    advance(2);
    if (rest().starts_with('-') || rest().starts_with('+')) advance(1);
    const std::string_view close = block ? "%}" : "}}";
    std::vector<char> open;
    for (;;) {
      while (!rest().empty() && is_ascii_space(rest()[0])) advance(1);
      if (rest().empty()) throw syntax_error("the template ends inside a tag", line_);
      if (open.empty()) {
        const char sign = rest()[0];
        if (skip(close)) return close_tag(block, ' ');
        if ((sign == '-' || (sign == '+' && block)) && rest().substr(1).starts_with(close)) {
          advance(1 + close.size());
          return close_tag(block, sign);
        }
      }
      token(open);
    }
  }
  void close_tag(bool block, char sign) {
    put(block ? Type::end_block : Type::end_output, "");
    after_close(sign, block);
  }

  void token(std::vector<char>& open) {
    const char c = rest()[0];
    if (c == '"' || c == '\'') return string(c);
    if (is_digit(c)) return number();
    if (starts_name(c)) return name();
    for (const std::string_view op : kOperations) {
      if (!rest().starts_with(op)) continue;
      if (c == '(' || c == '[' || c == '{') open.push_back(c);
      if (c == ')' || c == ']' || c == '}') {
        const char expected = c == ')' ? '(' : c == ']' ? '[' : '{';
        if (open.empty() || open.back() != expected) {
          throw syntax_error(fmt::format("unexpected '{}'", c), line_);
        }
        open.pop_back();
      }
      put(Type::operation, std::string(op));
      advance(op.size());
      return;
    }
    throw syntax_error(fmt::format("unexpected character '{}'", c), line_);
  }

  void name() {
    std::size_t n = 0;
    while (n < rest().size() && (starts_name(rest()[n]) || is_digit(rest()[n]))) ++n;
    put(Type::name, std::string(rest().substr(0, n)));
    advance(n);
  }

  /// 0x1f, 0o17, 0b11.
  bool with_prefix() {
    const std::string_view text = rest();
    const std::size_t kind =
        text.size() > 2 && text[0] == '0' ? std::string_view("xXoObB").find(text[1]) : text.npos;
    if (kind == text.npos) return false;
    const int base = kind < 2 ? 16 : kind < 4 ? 8 : 2;
    std::string digits;
    std::size_t n = 2;
    const auto is_part = [base](char c) {
      std::uint8_t digit = 0;
      return std::from_chars(&c, &c + 1, digit, base).ec == std::errc();
    };
    for (; n < text.size(); ++n) {
      const bool mark = text[n] == '_' && n + 1 < text.size() && is_part(text[n + 1]);
      if (!mark && !is_part(text[n])) break;
      if (!mark) digits += text[n];
    }
    if (digits.empty()) return false;
    std::uint64_t value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value, base).ec !=
        std::errc()) {
      throw syntax_error("a whole number does not fit 64 bits", line_);
    }
    put(Type::integer, std::to_string(value));
    advance(n);
    return true;
  }

  void number() {
    std::size_t n = 0;
    const std::string_view text = rest();
    const auto digits = [&] {
      while (n < text.size() && (is_digit(text[n]) || (text[n] == '_' && n > 0))) ++n;
    };
    if (with_prefix()) return;
    digits();
    bool real = false;
    // Behind a point it is an element, as in x.0.1.
    const bool element =
        !tokens_.empty() && tokens_.back().type == Type::operation && tokens_.back().text == ".";
    if (!element && n + 1 < text.size() && text[n] == '.' && is_digit(text[n + 1])) {
      real = true;
      ++n;
      digits();
    }
    std::size_t e = n;
    if (!element && e < text.size() && (text[e] == 'e' || text[e] == 'E')) {
      ++e;
      if (e < text.size() && (text[e] == '+' || text[e] == '-')) ++e;
      if (e < text.size() && is_digit(text[e])) {
        real = true;
        n = e;
        digits();
      }
    }
    std::string plain(text.substr(0, n));
    std::erase(plain, '_');
    put(real ? Type::real : Type::integer, plain);
    advance(n);
  }

  void string(char quote) {
    const std::string_view text = rest();
    std::size_t n = 1;
    while (n < text.size() && text[n] != quote) n += text[n] == '\\' ? 2 : 1;
    if (n >= text.size()) throw syntax_error("a string is not closed", line_);
    put(Type::string, unescaped(text.substr(1, n - 1)));
    advance(n + 1);
  }

  static std::string unescaped(std::string_view text) {
    constexpr std::string_view kNames = "abfnrtv\\'\"";
    constexpr std::string_view kBytes = "\a\b\f\n\r\t\v\\'\"";
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\' || i + 1 == text.size()) {
        out.push_back(text[i]);
        continue;
      }
      const char c = text[++i];
      if (const std::size_t known = kNames.find(c); known != std::string_view::npos) {
        out.push_back(kBytes[known]);
      } else if (c == '\n') {
        continue;
      } else if (c >= '0' && c <= '7') {
        char32_t code = 0;
        std::size_t n = 0;
        for (; n < 3 && i + n < text.size() && text[i + n] >= '0' && text[i + n] <= '7'; ++n) {
          code = code * 8 + static_cast<char32_t>(text[i + n] - '0');
        }
        append_utf8(code, out);
        i += n - 1;
      } else if (const std::size_t digits = c == 'x'   ? 2
                                            : c == 'u' ? 4
                                            : c == 'U' ? 8
                                                       : 0;
                 digits > 0 && append_code(text.substr(i + 1, digits), digits, out)) {
        i += digits;
      } else {
        out.push_back('\\');
        out.push_back(c);
      }
    }
    return out;
  }

  static bool append_code(std::string_view hex, std::size_t digits, std::string& out) {
    if (hex.size() != digits) return false;
    char32_t code = 0;
    for (const char c : hex) {
      const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(c);
      if (digit == std::string_view::npos) return false;
      code = code << 4 | static_cast<char32_t>(digit < 16 ? digit : digit - 6);
    }
    if (code > 0x10FFFF) return false;
    append_utf8(code, out);
    return true;
  }

  std::string source_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::vector<Token> tokens_;
};

}  // namespace

base::Error syntax_error(const std::string& message, std::size_t line) {
  base::Error e(base::Fault::bad_input, "chat template: " + message);
  e.at("line", line);
  return e;
}

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(with_plain_line_ends(source)).run();
}

}  // namespace text::jinja
