#include "text/pretokenize/requirements.h"

#include <gtest/gtest.h>

namespace {

using text::CodePointSet;

/// The ASCII characters of a set; "-" for no set.
std::string ascii(const std::optional<CodePointSet>& set) {
  if (!set) return "-";
  std::string out;
  for (char32_t c = '!'; c < 0x7F; ++c) {
    if (set->contains(c)) out += static_cast<char>(c);
  }
  return set->contains(' ') ? "_" + out : out;
}

TEST(Requirements, OfExpressions) {
  struct Case {
    const char *expression, *somewhere, *at_end;
  };
  for (const Case& c : {
           Case{"[abc]", "abc", "-"},    {" ?[abc]+", "abc", "-"}, {" +[abc]?", "_", "-"},
           {"[abc]*", "-", "-"},         {"[ab]{0,3}", "-", "-"},  {"[ab]{1,3}", "ab", "-"},
           {"a|[bc]+", "abc", "-"},      {"a|b?", "-", "-"},       {"a|", "-", "-"},
           {"(?:a|b)+c?", "ab", "-"},    {"(a|b)?c", "c", "-"},    {"(?:[ab]c)+|d", "cd", "-"},
           {"x(?!y)", "x", "-"},         {"(?!x)y?", "-", "-"},    {"(?=[xy])", "-", "-"},
           {"(?<!z)[ab]+$", "ab", "ab"}, {"a[bc]$", "a", "bc"},    {"a?$", "-", "-"},
           {"[ab]*$", "-", "-"},         {"a$|b$", "ab", "-"},     {"[ab][a-z]+", "ab", "-"},
       }) {
    const text::Requirements r = text::requirements_of(text::parse_dialect(c.expression));
    EXPECT_EQ(ascii(r.somewhere), c.somewhere) << c.expression;
    EXPECT_EQ(ascii(r.at_end), c.at_end) << c.expression;
  }
}

}  // namespace
