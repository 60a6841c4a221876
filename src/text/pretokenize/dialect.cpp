#include "text/pretokenize/dialect.h"

#include <fmt/format.h>

#include "base/error.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace text {
namespace {

struct Property {
  std::string_view name;
  std::uint32_t bits;
};
/// Case is not distinguished: the public programs keep one class for all letters.
constexpr Property kProperties[] = {
    {"L", kCategoryLetter},  {"Lu", kCategoryLetter},     {"Ll", kCategoryLetter},
    {"Lt", kCategoryLetter}, {"Lm", kCategoryLetter},     {"Lo", kCategoryLetter},
    {"N", kCategoryNumber},  {"P", kCategoryPunctuation}, {"S", kCategorySymbol},
    {"M", kCategoryMark},
};

constexpr CodePointSet::Range kHan[] = {{0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},
                                        {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F},
                                        {0x2B820, 0x2CEAF}, {0x2CEB0, 0x2EBEF}, {0x2F800, 0x2FA1F}};

class DialectParser {
 public:
  explicit DialectParser(std::string_view pattern)
      : pattern_(pattern), uses_properties_(pattern.find("\\p{") != std::string_view::npos) {}

  std::vector<DialectItem> parse() {
    while (at_ < pattern_.size()) step();
    return std::move(items_);
  }

 private:
  bool next_is(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
  bool skip(std::string_view text) {
    if (!next_is(text)) return false;
    at_ += text.size();
    return true;
  }
  [[noreturn]] void fail(std::string_view what) const {
    throw base::Error(base::Fault::bad_input, fmt::format("pre-tokenizer expression: {}", what))
        .at("expression", pattern_)
        .at("offset", at_);
  }

  void put(CodePointSet set) { items_.push_back({.is_set = true, .set = std::move(set)}); }
  void put_operation(std::string_view text) { items_.push_back({.operation = std::string(text)}); }

  void step() {
    if (try_intersection()) return;
    for (const std::string_view group : {"(?:", "(?=", "(?!", "(?<!"}) {
      if (skip(group)) return put_operation(group);
    }
    if (skip("(")) return put_operation("(?:");
    if (std::string_view(")|?*+$").find(pattern_[at_]) != std::string_view::npos) {
      put_operation(pattern_.substr(at_++, 1));
    } else if (next_is("{")) {
      const std::size_t end = pattern_.find('}', at_);
      if (end == std::string_view::npos) fail("a quantifier is not closed");
      put_operation(pattern_.substr(at_, end + 1 - at_));
      at_ = end + 1;
    } else {
      put(one_set());
    }
  }

  /// ((?=[A])([B])) is the set of what is in both; as a set it needs no stack in a repetition.
  bool try_intersection() {
    const std::size_t start = at_;
    if (!skip("((?=[")) return false;
    const CodePointSet a = bracket();
    if (skip(")([")) {
      const CodePointSet b = bracket();
      if (skip("))")) {
        put(a.intersected(b));
        return true;
      }
    }
    at_ = start;
    return false;
  }

  CodePointSet one_set() {
    if (skip("[")) return bracket();
    if (next_is("\\")) return escape();
    return single();
  }

  /// Behind "[".
  CodePointSet bracket() {
    const bool inverted = skip("^");
    CodePointSet set;
    while (!skip("]")) {
      if (at_ >= pattern_.size()) fail("a class is not closed");
      const std::size_t start = at_;
      CodePointSet part = next_is("\\") ? escape() : single();
      if (next_is("-") && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']') {
        const char32_t first = code_at(start);
        ++at_;
        const std::size_t second = at_;
        next_is("\\") ? void(escape()) : void(single());
        part = literal(first, code_at(second));
      }
      set = set.united(part);
    }
    return inverted ? set.inverted() : set;
  }

  CodePointSet single() {
    const char32_t code = decode_utf8(pattern_, at_);
    return literal(code, code);
  }

  /// The code point written at `start`, escaped or not.
  char32_t code_at(std::size_t start) const {
    if (pattern_[start] == '\\') return escaped_code(pattern_[start + 1]);
    return decode_utf8(pattern_, start);
  }

  static char32_t escaped_code(char c) {
    constexpr std::string_view kNames = "nrt";
    constexpr char32_t kCodes[] = {'\n', '\r', '\t'};
    const std::size_t known = kNames.find(c);
    return known == std::string_view::npos ? static_cast<unsigned char>(c) : kCodes[known];
  }

  CodePointSet escape() {
    if (skip("\\p{")) return property();
    if (skip("\\s")) return white_space();
    if (skip("\\S")) return white_space().inverted();
    if (skip("\\d")) return {'0', '9'};
    if (at_ + 1 >= pattern_.size()) fail("ends in a backslash");
    const char c = pattern_[at_ + 1];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const char32_t code = escaped_code(c);
    if (letter && code == static_cast<unsigned char>(c)) fail("unknown escape");
    at_ += 2;
    return {code, code};
  }

  /// White space outside ASCII has become U+000B before anything is matched.
  static CodePointSet white_space() { return CodePointSet(0x9, 0xD).united({' ', ' '}); }

  /// An expression with properties sees one class per category outside ASCII, so its literals and
  /// ranges match nothing there.
  CodePointSet literal(char32_t first, char32_t last) const {
    if (!uses_properties_) return {first, last};
    if (first > 0x7F) return {};
    return {first, std::min<char32_t>(last, 0x7F)};
  }

  /// Behind "\p{".
  CodePointSet property() {
    const std::size_t end = pattern_.find('}', at_);
    const std::string_view name = pattern_.substr(at_, end - at_);
    for (const Property& row : kProperties) {
      if (row.name == name) {
        at_ = end + 1;
        return CodePointSet::of_category(row.bits);
      }
    }
    if (name != "Han") fail("unknown property");
    at_ = end + 1;
    CodePointSet set;
    for (const CodePointSet::Range& r : kHan) set = set.united({r.first, r.last});
    return set;
  }

  std::string_view pattern_;
  bool uses_properties_;
  std::size_t at_ = 0;
  std::vector<DialectItem> items_;
};

}  // namespace

std::vector<DialectItem> parse_dialect(std::string_view pattern) {
  return DialectParser(pattern).parse();
}

}  // namespace text
