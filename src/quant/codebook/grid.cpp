#include "quant/codebook/grid.h"

#include <algorithm>

namespace quant {
namespace {

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
  return grid;
}

}  // namespace

constexpr Grid<256, 8> grid_iq2xxs = make_grid<256, 8>(kIq2xxs, kLevels2, 8);
constexpr Grid<512, 8> grid_iq2xs = make_grid<512, 8>(kIq2xs, kLevels2, 8);
constexpr Grid<1024, 8> grid_iq2s = make_grid<1024, 8>(kIq2s, kLevels2, 8);
constexpr Grid<256, 4> grid_iq3xxs = make_grid<256, 4>(kIq3xxs, kLevels3xxs, 4);
constexpr Grid<512, 4> grid_iq3s = make_grid<512, 4>(kIq3s, kLevels3s, 1);

}  // namespace quant
