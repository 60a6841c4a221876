#pragma once

#include <string_view>

namespace text::jinja {

/// A letter whose upper case is more than one character, with both its capital forms.
struct SpecialCase {
  char32_t code = 0;
  std::u32string_view upper = {};
  std::u32string_view title = {};  ///< at the start of a word
};

/// Null for all other characters.
const SpecialCase* special_case(char32_t code) noexcept;

}  // namespace text::jinja
