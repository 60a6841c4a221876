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

/// pack_trits of the digits of every number of five.
inline constexpr auto kTritBytes = [] {
  std::array<std::uint8_t, 243> out{};
  for (unsigned v = 0; v < out.size(); ++v) {
    out[v] =
        static_cast<std::uint8_t>(pack_trits({v / 81, v / 27 % 3, v / 9 % 3, v / 3 % 3, v % 3}));
  }
  return out;
}();

}  // namespace quant
