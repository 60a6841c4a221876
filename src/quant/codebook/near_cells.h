// Good entries of a grid of vectors of eight without a scan: as neighbours.h, for three levels a
// coordinate. A vector is rounded to the levels, which gives one of 3^8 cells; a table tells which
// entries are near the cell, and the one of them that is worth most is taken.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "quant/codebook/grid.h"

namespace quant {

/// Entries listed for a cell, the most that can be weighed.
inline constexpr std::size_t kNearEntries = 8;

/// For each combination of eight digits 0, 1, 2 (first coordinate the highest digit) the nearest
/// entries, nearest first, ties to the lower index. An entry is sixteen bits, two for each
/// coordinate, the first lowest; two entries share a word, the nearer in its lower half.
struct CellTable {
  static constexpr std::size_t kCells = 3 * 3 * 3 * 3 * 3 * 3 * 3 * 3, kWords = kNearEntries / 2;
  std::array<std::array<std::uint32_t, kWords>, kCells> digits{};
  std::array<std::array<std::uint16_t, kNearEntries>, kCells> index{};
};

namespace detail {

/// Digits of half a vector, first coordinate the lowest in both: base 3 to two bits each.
constexpr std::uint32_t packed_half(unsigned half) noexcept {
  std::uint32_t out = 0;
  for (unsigned k = 0; k < 4; ++k, half /= 3) out |= half % 3 << 2 * k;
  return out;
}

/// Squared distances between halves of vectors, from those between digits.
using HalfDistances = std::array<std::array<std::uint16_t, 81>, 81>;

inline HalfDistances half_distances(const std::array<float, 3>& levels) noexcept {
  HalfDistances out{};
  for (unsigned a = 0; a < 81; ++a) {
    for (unsigned b = 0; b < 81; ++b) {
      float total = 0;
      for (unsigned k = 0, i = a, j = b; k < 4; ++k, i /= 3, j /= 3) {
        const float off = 8 * (levels[i % 3] - levels[j % 3]);
        total += off * off;
      }
      out[a][b] = static_cast<std::uint16_t>(total);
    }
  }
  return out;
}

/// Indices of the nearest entries, by the distances of their halves.
template <class GridType>
std::array<std::uint32_t, kNearEntries> nearest_of(
    const GridType& grid, const std::array<std::uint16_t, 81>& from_lo,
    const std::array<std::uint16_t, 81>& from_hi) noexcept {
  std::array<std::uint32_t, kNearEntries> nearest;  // distance, then index; ascending
  nearest.fill(~0U);
  for (std::size_t n = 0; n < grid.lo.size(); ++n) {
    const std::uint32_t distance = std::uint32_t{from_lo[grid.lo[n]]} + from_hi[grid.hi[n]];
    std::uint32_t key = distance << 11 | static_cast<std::uint32_t>(n);
    if (key >= nearest.back()) continue;
    for (std::uint32_t& place : nearest) {
      if (key < place) std::swap(key, place);
    }
  }
  for (std::uint32_t& place : nearest) place &= 2047;
  return nearest;
}

}  // namespace detail

/// `levels`: of the digits, multiples of 1/8 not above 43/8. Takes some milliseconds.
template <class GridType>
CellTable make_cells(const GridType& grid, const std::array<float, 3>& levels) noexcept {
  static_assert(std::tuple_size_v<decltype(grid.lo)> <= 2048);
  const detail::HalfDistances distances = detail::half_distances(levels);
  CellTable table;
  for (std::size_t cell = 0; cell < CellTable::kCells; ++cell) {
    unsigned half[2] = {0, 0};  // digits of the lower and the upper half, the first lowest
    for (std::size_t k = 8, rest = cell; k-- > 0; rest /= 3) {
      half[k / 4] = half[k / 4] * 3 + static_cast<unsigned>(rest % 3);
    }
    const auto nearest = detail::nearest_of(grid, distances[half[0]], distances[half[1]]);
    for (std::size_t j = 0; j < kNearEntries; ++j) {
      const std::size_t n = nearest[j];
      table.index[cell][j] = static_cast<std::uint16_t>(n);
      const std::uint32_t entry = detail::packed_half(grid.lo[n]) | detail::packed_half(grid.hi[n])
                                                                        << 8;
      table.digits[cell][j / 2] |= entry << 16 * (j % 2);
    }
  }
  return table;
}

/// The cell of eight vectors x: a digit is how many of the two bounds its coordinate exceeds.
inline I8 cell_of(const F8* x, F8 first_bound, F8 second_bound) noexcept {
  I8 cell = splat(0);
  for (int k = 0; k < 8; ++k) {
    cell = cell + cell + cell - (x[k] > first_bound) - (x[k] > second_bound);
  }
  return cell;
}

/// Coordinate k of packed entries: its digit, times 4^k.
inline F8 packed_digit(I8 entry, int k) noexcept {
  return __builtin_convertvector(entry & (3 << 2 * k), F8);
}
/// What takes that factor away.
constexpr float digit_unit(int k) noexcept { return 1.0F / static_cast<float>(1 << 2 * k); }

/// start + e (linear + e square): the curve through three values at e = 0, 1, 2.
struct DigitCurve {
  float start, linear, square;
};
constexpr DigitCurve curve_through(float v0, float v1, float v2) noexcept {
  const float square = 0.5F * (v2 - 2 * v1 + v0);
  return {.start = v0, .linear = v1 - v0 - square, .square = square};
}

/// A function of an entry: start plus the sum over coordinates of e (linear + e square), e the
/// packed digit.
struct DigitSum {
  F8 start = splat(0.0F);
  F8 linear[8], square[8];

  F8 of(I8 entry) const noexcept {
    F8 value = start;
    for (int k = 0; k < 8; ++k) {
      const F8 e = packed_digit(entry, k);
      value = fused(e, fused(e, square[k], linear[k]), value);
    }
    return value;
  }
};

/// The sum over coordinates of factor_k times what the curve says.
inline DigitSum weighted_sum(const DigitCurve& curve, const F8* factor) noexcept {
  DigitSum out;
  for (int k = 0; k < 8; ++k) {
    const float unit = digit_unit(k);
    out.start += curve.start * factor[k];
    out.linear[k] = (curve.linear * unit) * factor[k];
    out.square[k] = (curve.square * unit * unit) * factor[k];
  }
  return out;
}

/// Value of an entry at scale s: s sum w x m - s^2 / 2 sum w m^2, where curves give m and m^2.
inline DigitSum entry_value(const DigitCurve& level, const DigitCurve& squared, const F8* wx,
                            const F8* w, F8 s) noexcept {
  const F8 half_square = s * s * 0.5F;
  DigitSum out;
  for (int k = 0; k < 8; ++k) {
    const float unit = digit_unit(k);
    const F8 x = s * wx[k], y = half_square * w[k];
    out.start += level.start * x - squared.start * y;
    out.linear[k] = (level.linear * unit) * x - (squared.linear * unit) * y;
    out.square[k] = (level.square * unit * unit) * x - (squared.square * unit * unit) * y;
  }
  return out;
}

/// An entry near a cell, lane by lane.
struct NearEntry {
  F8 value;
  I8 digits;  ///< packed; more may stand above the sixteen bits
  I8 rank;    ///< place in the cell's list
  I8 cell;
};

/// The most valuable of the `Take` nearest entries. The last three bits of a value tell its rank
/// while values are compared, so entries closer than 2^-20 of it count as equal.
template <std::size_t Take>
NearEntry best_near(const CellTable& table, I8 cell, const DigitSum& value) noexcept {
  static_assert(Take % 2 == 0 && Take <= kNearEntries && kNearEntries == 8);
  constexpr std::int32_t kRank = 7;
  const std::uint32_t* words = table.digits[0].data();
  const I8 at = cell * static_cast<std::int32_t>(CellTable::kWords);
  F8 best = splat(-3e38F);
  for (std::size_t pair = 0; pair < Take / 2; ++pair) {
    I8 entry = gather(words + pair, at);
    for (std::size_t j = 2 * pair; j < 2 * pair + 2; ++j, entry >>= 16) {
      const I8 bits = reinterpret_cast<I8>(value.of(entry)) & ~kRank;
      best = max(best, reinterpret_cast<F8>(bits | static_cast<std::int32_t>(j)));
    }
  }
  const I8 rank = reinterpret_cast<I8>(best) & kRank;
  const I8 word = gather(words, at + (rank >> 1));
  return {.value = best, .digits = word >> ((rank & 1) << 4), .rank = rank, .cell = cell};
}

/// Grid indices of entries.
inline I8 index_of(const CellTable& table, I8 cell, I8 rank) noexcept {
  I8 out;
  for (int g = 0; g < kLanes; ++g) {
    out[g] = table.index[static_cast<std::size_t>(cell[g])][static_cast<std::size_t>(rank[g])];
  }
  return out;
}

}  // namespace quant
