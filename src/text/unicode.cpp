#include "text/unicode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>

namespace text {
namespace {

struct Case {
  std::uint32_t from, to;
};
struct Accent {
  std::uint32_t first, last, base;
};
struct Range {
  std::uint32_t first, last;
};
struct PartsRow {
  std::uint32_t code;
  std::array<std::uint32_t, 3> parts;
};

constexpr auto kCategoryNumbers = std::to_array<std::uint32_t>({
#include "text/data/unicode_categories.txt.inc"
});
constexpr auto kLowerNumbers = std::to_array<std::uint32_t>({
#include "text/data/unicode_lowercase.txt.inc"
});
constexpr auto kUpperNumbers = std::to_array<std::uint32_t>({
#include "text/data/unicode_uppercase.txt.inc"
});
constexpr auto kSpacingMarkNumbers = std::to_array<std::uint32_t>({
#include "text/data/unicode_spacing_marks.txt.inc"
});
constexpr auto kPartNumbers = std::to_array<std::uint32_t>({
#include "text/data/unicode_parts.txt.inc"
});
constexpr auto kAccentNumbers = std::to_array<std::uint32_t>({
#include "text/data/unicode_accents.txt.inc"
});

/// A flat list of numbers as rows.
template <class Row, std::size_t N>
constexpr auto rows_of(const std::array<std::uint32_t, N>& numbers) {
  static_assert(N * sizeof(std::uint32_t) % sizeof(Row) == 0);
  return std::bit_cast<std::array<Row, N * sizeof(std::uint32_t) / sizeof(Row)>>(numbers);
}
constexpr auto kCategories = rows_of<CategoryRow>(kCategoryNumbers);
constexpr auto kLower = rows_of<Case>(kLowerNumbers);
constexpr auto kUpper = rows_of<Case>(kUpperNumbers);
constexpr auto kSpacingMarks = rows_of<Range>(kSpacingMarkNumbers);
constexpr auto kParts = rows_of<PartsRow>(kPartNumbers);
constexpr auto kAccents = rows_of<Accent>(kAccentNumbers);

template <std::size_t N>
char32_t map_case(const std::array<Case, N>& rows, char32_t code) noexcept {
  const auto* at = std::lower_bound(rows.begin(), rows.end(), code,
                                    [](const Case& row, char32_t c) { return row.from < c; });
  return at != rows.end() && at->from == code ? at->to : code;
}

}  // namespace

std::span<const CategoryRow> category_rows() noexcept { return kCategories; }

std::uint32_t category(char32_t code) noexcept {
  const auto* above =
      std::upper_bound(std::begin(kCategories), std::end(kCategories), code,
                       [](char32_t c, const CategoryRow& row) { return c < row.first; });
  return above == std::begin(kCategories) ? 0 : std::prev(above)->bits;
}

bool is_white_space(char32_t code) noexcept {
  return (code >= 0x9 && code <= 0xD) || code == 0x20 || code == 0x85 || code == 0xA0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 ||
         code == 0x202F || code == 0x205F || code == 0x3000;
}

char32_t to_lower(char32_t code) noexcept { return map_case(kLower, code); }
char32_t to_upper(char32_t code) noexcept { return map_case(kUpper, code); }

bool is_nonspacing_mark(char32_t code) noexcept {
  if ((category(code) & kCategoryMark) == 0) return false;
  const auto* above = std::upper_bound(kSpacingMarks.begin(), kSpacingMarks.end(), code,
                                       [](char32_t c, const Range& row) { return c < row.first; });
  return above == kSpacingMarks.begin() || code > std::prev(above)->last;
}

namespace {

/// First code point of the canonical decomposition.
char32_t base_of(char32_t code) noexcept {
  const auto* above = std::upper_bound(kAccents.begin(), kAccents.end(), code,
                                       [](char32_t c, const Accent& row) { return c < row.first; });
  if (above == kAccents.begin()) return code;
  const Accent& row = *std::prev(above);
  return code <= row.last ? row.base : code;
}

/// Unicode 3.12: a syllable is a leading consonant, a vowel, and perhaps a trailing consonant.
Parts hangul_parts(char32_t code) noexcept {
  constexpr char32_t kLeading = 0x1100, kVowel = 0x1161, kTrailing = 0x11A7;
  constexpr char32_t kTrailings = 28, kEndings = 21 * kTrailings;
  const char32_t at = code - 0xAC00;
  const char32_t trailing = at % kTrailings;
  return {.codes = {kLeading + at / kEndings, kVowel + at % kEndings / kTrailings,
                    kTrailing + trailing},
          .n = trailing == 0 ? std::size_t{2} : std::size_t{3}};
}

}  // namespace

Parts without_accents(char32_t code) noexcept {
  if (code < 0x80) return {.codes = {code}, .n = 1};
  if (code >= 0xAC00 && code <= 0xD7A3) return hangul_parts(code);
  const auto* at = std::lower_bound(kParts.begin(), kParts.end(), code,
                                    [](const PartsRow& row, char32_t c) { return row.code < c; });
  if (at != kParts.end() && at->code == code) {
    Parts out;
    for (const std::uint32_t part : at->parts) {
      if (part != 0) out.codes[out.n++] = part;
    }
    return out;
  }
  const char32_t base = base_of(code);
  if (is_nonspacing_mark(base)) return {};
  return {.codes = {base}, .n = 1};
}

}  // namespace text
