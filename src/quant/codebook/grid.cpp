#include "quant/codebook/grid.h"

#include <algorithm>

namespace quant {
namespace {

constexpr std::array<std::int8_t, kTernaryEntries* 8> kIq1s = {
#include "quant/codebook/data/iq1s_grid.txt.inc"
};
constexpr std::array<std::int8_t, 256 * 8> kIq2xxs = {
#include "quant/codebook/data/iq2xxs_grid.txt.inc"
};
constexpr std::array<std::int8_t, 512 * 8> kIq2xs = {
#include "quant/codebook/data/iq2xs_grid.txt.inc"
};
constexpr std::array<std::int8_t, 1024 * 8> kIq2s = {
#include "quant/codebook/data/iq2s_grid.txt.inc"
};
constexpr std::array<std::int8_t, 256 * 4> kIq3xxs = {
#include "quant/codebook/data/iq3xxs_grid.txt.inc"
};
constexpr std::array<std::int8_t, 512 * 4> kIq3s = {
#include "quant/codebook/data/iq3s_grid.txt.inc"
};

/// Position of `value` among the levels, which are `value / unit`.
template <std::size_t L>
constexpr unsigned digit_of(const std::array<float, L>& levels, float unit, int value) {
  unsigned digit = 0;
  while (levels[digit] * unit != static_cast<float>(value)) ++digit;
  return digit;
}

/// Where the runs of equal upper halves start. Throws (at compile time) if they are not in order.
template <std::size_t N>
constexpr std::array<std::uint16_t, 82> run_starts(const std::array<std::uint8_t, N>& hi) {
  std::array<std::uint16_t, 82> first{};
  std::size_t n = 0;
  for (std::size_t h = 0; h < 81; ++h) {
    first[h] = static_cast<std::uint16_t>(n);
    while (n < N && hi[n] == h) ++n;
  }
  if (n != N) throw "upper halves do not ascend";
  first[81] = static_cast<std::uint16_t>(n);
  return first;
}

constexpr TernaryGrid make_ternary_grid() {
  TernaryGrid grid;
  grid.values = kIq1s;
  for (std::size_t n = 0; n < kTernaryEntries; ++n) {
    unsigned half[2] = {0, 0};
    for (std::size_t k = 8; k-- > 0;) {
      const std::int8_t t = kIq1s[n * 8 + k];
      half[k / 4] = half[k / 4] * 3 + static_cast<unsigned>(t + 1);
      const float up = static_cast<float>(t) + kDelta, down = static_cast<float>(t) - kDelta;
      grid.squares[n * 8 + k] = up * up;
      grid.squares[(kTernaryEntries + n) * 8 + k] = down * down;
    }
    grid.lo[n] = static_cast<std::uint8_t>(half[0]);
    grid.hi[n] = static_cast<std::uint8_t>(half[1]);
  }
  grid.first = run_starts(grid.hi);
  return grid;
}

template <std::size_t N, std::size_t Dim, std::size_t L>
constexpr Grid<N, Dim> make_grid(const std::array<std::int8_t, N * Dim>& values,
                                 const std::array<float, L>& levels, float unit) {
  Grid<N, Dim> grid;
  grid.values = values;
  for (std::size_t n = 0; n < N; ++n) {
    unsigned half[2] = {0, 0};
    for (std::size_t k = Dim; k-- > 0;) {  // the first element is the fastest digit
      const unsigned digit = digit_of(levels, unit, values[n * Dim + k]);
      unsigned& code = half[k / (Dim / 2)];
      code = code * static_cast<unsigned>(L) + digit;
      grid.squares[n * Dim + k] = levels[digit] * levels[digit];
    }
    grid.lo[n] = static_cast<std::uint8_t>(half[0]);
    grid.hi[n] = static_cast<std::uint8_t>(half[1]);
  }
  if constexpr (Dim == 8) {
    grid.first = run_starts(grid.hi);
    for (std::size_t n = 0; n < N; ++n) {
      if (kDigitParity[grid.lo[n]] != kDigitParity[grid.hi[n]]) throw "a digit sum is odd";
    }
  }
  return grid;
}

}  // namespace

constexpr TernaryGrid grid_iq1s = make_ternary_grid();
constexpr Grid<256, 8> grid_iq2xxs = make_grid<256, 8>(kIq2xxs, kLevels2, 8);
constexpr Grid<512, 8> grid_iq2xs = make_grid<512, 8>(kIq2xs, kLevels2, 8);
constexpr Grid<1024, 8> grid_iq2s = make_grid<1024, 8>(kIq2s, kLevels2, 8);
constexpr Grid<256, 4> grid_iq3xxs = make_grid<256, 4>(kIq3xxs, kLevels3xxs, 4);
constexpr Grid<512, 4> grid_iq3s = make_grid<512, 4>(kIq3s, kLevels3s, 1);

}  // namespace quant
