// Properties of code points, from tables of ours: they decide token ids, so no system library's
// version of Unicode may. Source: docs/spec/tokenizers.md, docs/spec/tables/unicode_*.txt.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace text {

/// General category, coarse; bits of the table.
enum Category : std::uint32_t {
  kCategoryNumber = 0x02,
  kCategoryLetter = 0x04,
  kCategorySeparator = 0x08,
  kCategoryMark = 0x10,
  kCategoryPunctuation = 0x20,
  kCategorySymbol = 0x40,
  kCategoryOther = 0x80,  ///< control, format, private use, surrogate
};

/// Valid from `first` up to the next row.
struct CategoryRow {
  std::uint32_t first;
  std::uint32_t bits;
};
std::span<const CategoryRow> category_rows() noexcept;

/// Bits of Category. code <= 10FFFF.
std::uint32_t category(char32_t code) noexcept;
/// The 25 code points that count as white space.
bool is_white_space(char32_t code) noexcept;
/// Simple case mappings, one to one.
char32_t to_lower(char32_t code) noexcept;
char32_t to_upper(char32_t code) noexcept;
/// A mark that takes no room (category Mn): an accent.
bool is_nonspacing_mark(char32_t code) noexcept;

struct Parts {
  std::array<char32_t, 3> codes{};
  std::size_t n = 0;
};
/// The canonical decomposition without nonspacing marks: a letter without its accents, the letters
/// of a Hangul syllable, nothing for an accent.
Parts without_accents(char32_t code) noexcept;

}  // namespace text
