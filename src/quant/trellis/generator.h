// The computed codebooks of the KT formats: an index seeds a multiplicative generator whose states
// give the values of one group. Source: docs/spec/types/iqk.md, section 15.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace quant {

inline constexpr std::uint32_t kTrellisOffset = 4096;
inline constexpr std::uint32_t kTrellisStep = 0xCBAC1FED;

/// One generator output: four six-bit fields added up, -126..126.
constexpr int trellis_value(std::uint32_t state) noexcept {
  const std::uint32_t fields = state & 0x3f3f3f3fU;
  return static_cast<int>((fields * 0x01010101U) >> 24) - 126;  // at most 4 * 63: no carry
}

/// The values of the group with this seed (index plus offset).
constexpr void trellis_values(std::uint32_t seed, std::span<std::int8_t> out) noexcept {
  for (std::int8_t& v : out) {
    seed *= kTrellisStep;
    v = static_cast<std::int8_t>(trellis_value(seed));
  }
}

}  // namespace quant
