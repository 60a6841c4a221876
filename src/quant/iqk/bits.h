// Bit fields of packed blocks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace quant {

/// Bits [at, at + width) of v.
inline std::uint32_t bits(std::uint32_t v, std::size_t at, std::size_t width) noexcept {
  return (v >> at) & ((1U << width) - 1U);
}

/// Ors the low bits of v into a byte at bit `at`; the byte must start as zero.
inline void put_bits(std::byte* byte, std::uint32_t v, std::size_t at) noexcept {
  *byte |= static_cast<std::byte>((v << at) & 0xffU);
}

/// Field of `width` bits at bit `at` of a byte.
inline std::uint32_t get_bits(const std::byte* byte, std::size_t at, std::size_t width) noexcept {
  return bits(base::load_u8(byte), at, width);
}

}  // namespace quant
