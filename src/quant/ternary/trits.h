// Five ternary digits in a byte, as a fraction: digit p is the integer part of 3 * frac(z 3^p /
// 256). Source: docs/spec/types/basic.md, TQ1_0, and docs/spec/types/iqk.md, section 20.
#pragma once

#include <array>
#include <cstdint>

namespace quant {

inline constexpr std::array<unsigned, 5> kPowersOf3 = {1, 3, 9, 27, 81};

/// Digit `p` (0 = most significant) of byte z, 0..2.
constexpr unsigned trit(unsigned z, std::size_t p) noexcept {
  return (3 * ((z * kPowersOf3[p]) & 255U)) >> 8;
}

/// The byte with these digits, most significant first.
constexpr unsigned pack_trits(const std::array<unsigned, 5>& digits) noexcept {
  unsigned v = 0;
  for (const unsigned digit : digits) v = 3 * v + digit;
  return (256 * v + 242) / 243;
}

}  // namespace quant
