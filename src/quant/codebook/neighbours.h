// Good entries of a grid of vectors of four without a scan: a vector is rounded to the levels,
// coordinate by coordinate, and a table tells which entries are near. The best of them is not
// always the best of the grid, so this serves to compare scales, at a seventh of a scan's cost.
#pragma once

#include <algorithm>
#include <array>

#include "quant/codebook/lanes.h"

namespace quant {

/// Neighbours looked at: four add 0.5 % to iq3_s's error, eight take 0.1 % from it.
inline constexpr std::size_t kNear = 6;

/// For each of the 8^4 combinations of levels (first coordinate the lowest digit) the nearest
/// entries, nearest first, ties to the lower index. An entry is four bytes, first coordinate
/// lowest, each twice its level, which is a whole number.
using NeighbourTable = std::array<std::array<std::uint32_t, kNear>, 8 * 8 * 8 * 8>;

template <class GridType>
NeighbourTable make_neighbours(const GridType& grid, const std::array<float, 8>& levels) noexcept {
  constexpr std::size_t kEntries = GridType::kEntries;
  static_assert(GridType::kDim == 4 && kEntries <= 512);
  const auto twice = [&](std::size_t digits, std::size_t k) {
    return static_cast<int>(2 * levels[digits >> 3 * k & 7]);
  };
  NeighbourTable table;
  std::array<std::uint32_t, kEntries> order;  // distance, then index
  for (std::size_t cell = 0; cell < table.size(); ++cell) {
    for (std::size_t n = 0; n < kEntries; ++n) {
      const std::size_t entry = grid.lo[n] + 64U * grid.hi[n];
      int distance = 0;
      for (std::size_t k = 0; k < 4; ++k) {
        const int off = twice(cell, k) - twice(entry, k);
        distance += off * off;
      }
      order[n] = static_cast<std::uint32_t>(distance) << 9 | static_cast<std::uint32_t>(n);
    }
    std::partial_sort(order.begin(), order.begin() + kNear, order.end());
    for (std::size_t j = 0; j < kNear; ++j) {
      const std::size_t n = order[j] & 511;
      const std::size_t entry = grid.lo[n] + 64U * grid.hi[n];
      table[cell][j] = 0;
      for (std::size_t k = 0; k < 4; ++k) {
        table[cell][j] |= static_cast<std::uint32_t>(twice(entry, k)) << 8 * k;
      }
    }
  }
  return table;
}

namespace detail {

/// Coordinate k of packed entries, times 2 * 256^k: exact, as it has eight bits.
inline F8 coordinate(I8 word, int k) noexcept {
  return __builtin_convertvector(word & (255 << 8 * k), F8);
}
/// What takes that factor away.
constexpr float coordinate_unit(int k) noexcept { return 0.5F / static_cast<float>(1 << 8 * k); }

}  // namespace detail

/// sum w x c and sum w c^2 of an entry c.
struct VectorSums {
  F8 a, b;
};

/// The best neighbour at scale s of eight vectors x (>= 0, or a little below) with weights w. All
/// levels lie near 1, 3, ..., 15.
inline VectorSums best_neighbour(const NeighbourTable& table, const F8* x, const F8* wx,
                                 const F8* w, F8 s) noexcept {
  const F8 half = 0.5F / s;
  I8 cell = splat(0);
  F8 linear[4], square[4];  // an entry is worth sum c (linear - square c)
  for (int k = 3; k >= 0; --k) {
    const F8 level = min(max(x[k] * half, splat(0.5F)), splat(7.5F));
    cell = cell * 8 + __builtin_convertvector(level, I8);
    const float unit = detail::coordinate_unit(k);
    linear[k] = (2 * unit) * (s * wx[k]);
    square[k] = (unit * unit) * (s * s * w[k]);
  }
  const std::uint32_t* words = table[0].data();
  cell = cell * static_cast<std::int32_t>(kNear);
  F8 best = splat(-3e38F);
  I8 chosen = splat(0);
  for (std::size_t j = 0; j < kNear; ++j) {
    const I8 word = gather(words + j, cell);
    F8 value = splat(0.0F);
    for (int k = 0; k < 4; ++k) {
      const F8 c = detail::coordinate(word, k);
      value = fused(c, fused(-square[k], c, linear[k]), value);
    }
    const I8 better = value > best;
    best = better ? value : best;
    chosen = better ? word : chosen;
  }
  VectorSums out{};
  for (int k = 0; k < 4; ++k) {
    const F8 c = detail::coordinate(chosen, k) * detail::coordinate_unit(k);
    out.a += wx[k] * c;
    out.b += w[k] * (c * c);
  }
  return out;
}

}  // namespace quant
