// The codebooks as the searches want them. Source: docs/spec/types/codebook.md, "Codebooks".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quant/codebook/lanes.h"

namespace quant {

/// N vectors of Dim values. A half of a vector (its first or last Dim/2 values) is one of `Halves`
/// digit combinations; `lo` and `hi` name the two halves of an entry.
template <std::size_t N, std::size_t Dim>
struct Grid {
  static constexpr bool kEvenSums = true;  ///< of digits, where Dim is 8
  static constexpr std::size_t kEntries = N;
  static constexpr std::size_t kDim = Dim;
  std::array<std::int8_t, N * Dim> values{};  ///< as in the file
  std::array<std::uint8_t, N> lo{}, hi{};
  std::array<float, N * Dim> squares{};  ///< (value / unit)^2
  /// Entries with upper half h are first[h] .. first[h + 1]: indices ascend with the upper half.
  /// Filled for halves of four ternary digits.
  std::array<std::uint16_t, 82> first{};

  const std::int8_t* entry(std::size_t index) const noexcept { return values.data() + index * Dim; }
};

/// Decoded magnitudes in units of the group scale d * (2 l + 1).
inline constexpr std::array<float, 3> kLevels2 = {1.0F, 25.0F / 8, 43.0F / 8};
inline constexpr std::array<float, 8> kLevels3xxs = {1, 3, 5, 7, 9, 11, 13, 15.5F};
inline constexpr std::array<float, 8> kLevels3s = {1, 3, 5, 7, 9, 11, 13, 15};

/// Whether the digit sum of four ternary digits is odd.
inline constexpr std::array<std::uint8_t, 81> kDigitParity = [] {
  std::array<std::uint8_t, 81> out{};
  for (unsigned half = 0; half < 81; ++half) {
    for (unsigned rest = half; rest != 0; rest /= 3) {
      out[half] = static_cast<std::uint8_t>(out[half] ^ (rest % 3 & 1));
    }
  }
  return out;
}();

/// Values of IQ1_S and IQ1_M are an entry of -1, 0, 1 shifted by delta.
inline constexpr float kDelta = 0.125F;
inline constexpr std::size_t kTernaryEntries = 2048;

/// As Grid; `squares` has the entries twice, with a positive and with a negative shift.
struct TernaryGrid {
  static constexpr bool kEvenSums = false;
  std::array<std::int8_t, kTernaryEntries * 8> values{};
  std::array<std::uint8_t, kTernaryEntries> lo{}, hi{};
  std::array<float, 2 * kTernaryEntries * 8> squares{};
  std::array<std::uint16_t, 82> first{};

  const std::int8_t* entry(std::size_t index) const noexcept { return values.data() + index * 8; }
};

extern const TernaryGrid grid_iq1s;
extern const Grid<256, 8> grid_iq2xxs;
extern const Grid<512, 8> grid_iq2xs;
extern const Grid<1024, 8> grid_iq2s;
extern const Grid<256, 4> grid_iq3xxs;
extern const Grid<512, 4> grid_iq3s;

/// Sign mask of eight elements from its seven stored bits: bit 7 makes the number of bits even.
constexpr std::uint8_t even_signs(std::uint32_t code) noexcept {
  return static_cast<std::uint8_t>(
      code | (static_cast<std::uint32_t>(__builtin_popcount(code)) & 1U) << 7);
}

}  // namespace quant
