// UTF-8 as the public tokenizers read it: lenient, never throwing. Source: docs/spec/tokenizers.md
// 2.6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace text {

constexpr char32_t kReplacement = 0xFFFD;
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  ///< U+2581, a space inside token texts

/// Bytes that a lead byte announces, by its high nibble; continuation bytes count as 1.
inline std::size_t lead_length(char byte) noexcept {
  constexpr std::uint8_t kLengths[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4};
  return kLengths[static_cast<std::uint8_t>(byte) >> 4];
}

/// Decodes the code point at `at` and moves `at` behind it. One byte that is no valid start, or
/// whose continuation is broken, or a value above 10FFFF, gives U+FFFD and moves by one byte.
/// Overlong forms and surrogates pass. at < text.size().
char32_t decode_utf8(std::string_view text, std::size_t& at) noexcept;

/// Where the first byte stands that decode_utf8 replaces by U+FFFD; npos if none does.
std::size_t first_bad_byte(std::string_view text) noexcept;

/// Appends the shortest form; surrogates as three bytes. code <= 10FFFF.
void append_utf8(char32_t code, std::string& out);

/// Every occurrence of `from` (not empty) becomes `to`.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

}  // namespace text
