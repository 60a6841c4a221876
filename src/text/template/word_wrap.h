#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace text::jinja {

struct WrapStyle {
  std::size_t width = 79;  ///< in characters, at least 1
  bool break_long_words = true;
  bool break_on_hyphens = true;
};

/// Python's textwrap.wrap of one line, whose white space stays what it is: the lines without white
/// space at their ends (the first keeps what it begins with).
std::vector<std::string> wrapped(std::string_view line, const WrapStyle& style);

/// A letter, a digit or an underscore, as \w of Python's expressions.
bool is_word_character(std::string_view character);

}  // namespace text::jinja
