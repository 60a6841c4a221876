#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace text {

/// The printable code point that stands for a byte in byte-level vocabularies.
/// Source: docs/spec/tokenizers.md 4.2.
char32_t byte_alias(std::uint8_t byte) noexcept;

/// Bytes of a token text spelt in aliases; any other character gives a visible mark, as in the
/// public programs (docs/spec/tokenizers.md 8.1).
std::string undo_aliases(std::string_view token_text);

}  // namespace text
