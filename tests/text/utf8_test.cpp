#include "text/utf8.h"

#include <gtest/gtest.h>

#include <vector>

namespace {

std::vector<char32_t> decoded(std::string_view text) {
  std::vector<char32_t> out;
  for (std::size_t at = 0; at < text.size();) out.push_back(text::decode_utf8(text, at));
  return out;
}

// docs/spec/tokenizers.md 2.6.
TEST(Utf8, LenientAsThePublicProgramsAreButNeverThrowing) {
  constexpr char32_t bad = text::kReplacement;
  struct Case {
    std::string_view bytes;
    std::vector<char32_t> expected;
  };
  const std::vector<Case> cases = {
      {"a\xC3\xA9\xE4\xB8\x80\xF0\x9F\x98\x80", {'a', 0xE9, 0x4E00, 0x1F600}},
      {"\x80", {bad}},  // a continuation byte alone
      {"\xC3", {bad}},  // cut off
      {"\xE4\xB8", {bad, bad}},
      {"\xF0\x9F\x98", {bad, bad, bad}},
      {"\xC3z", {bad, 'z'}},  // no continuation
      {"\xE4\xB8z", {bad, bad, 'z'}},
      {"\xC0\xAF", {'/'}},  // overlong
      {"\xE0\x80\xAF", {'/'}},
      {"\xED\xA0\x80", {0xD800}},  // a surrogate passes
      {"\xF4\x8F\xBF\xBF", {0x10FFFF}},
      {"\xF4\x90\x80\x80", {bad, bad, bad, bad}},  // above the last code point
      {"\xF7\xBF\xBF\xBF", {bad, bad, bad, bad}},
      {"\xF8\x88\x80\x80\x80", {bad, bad, bad, bad, bad}},
      {"\xFE\xFF", {bad, bad}},
      {std::string_view("\0a", 2), {0, 'a'}},
  };
  for (const Case& c : cases) EXPECT_EQ(decoded(c.bytes), c.expected) << c.bytes;
}

}  // namespace
