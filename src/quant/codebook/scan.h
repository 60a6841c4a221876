// The innermost loop of the grid formats: the best entry of a whole codebook for eight vectors at
// once. An entry's value is the sum of two table entries, one for each half of the vector, so the
// scan is exact and costs one addition and one comparison an entry, whatever the dimension.
#pragma once

#include <algorithm>

#include "quant/codebook/grid.h"

namespace quant {

/// Value and index of the best entry of each lane.
struct Best {
  F8 value;
  I8 index;
};

/// Keeps four independent maxima: the latency of compare and blend would otherwise be the limit.
/// Later entries win only if they are better; equal values keep the lowest index of their chain.
template <std::size_t N, class Value>
Best scan(Value value) noexcept {
  static_assert(N % 4 == 0);
  F8 best[4];
  I8 at[4];
  for (std::size_t c = 0; c < 4; ++c) {
    best[c] = value(c);
    at[c] = splat(0);
  }
  I8 quad = splat(4);
  for (std::size_t n = 4; n < N; n += 4, quad += 4) {
    for (std::size_t c = 0; c < 4; ++c) {
      const F8 v = value(n + c);
      const I8 better = v > best[c];
      best[c] = better ? v : best[c];
      at[c] = better ? quad : at[c];
    }
  }
  Best out{best[0], at[0]};
  for (std::int32_t c = 1; c < 4; ++c) {
    const I8 better = best[c] > out.value;
    out.value = better ? best[c] : out.value;
    out.index = better ? at[c] + c : out.index;
  }
  return out;
}

/// Largest lower value of the entries first .. last - 1. Four chains, as the latency of a maximum
/// would else be the limit; the last four may overlap others.
template <class GridType>
F8 most_of_run(const GridType& grid, const F8* lo, std::size_t first, std::size_t last) noexcept {
  F8 most = lo[grid.lo[first]];
  if (last - first < 4) {
    for (std::size_t n = first + 1; n < last; ++n) most = max(most, lo[grid.lo[n]]);
    return most;
  }
  F8 chain[3] = {lo[grid.lo[first + 1]], lo[grid.lo[first + 2]], lo[grid.lo[first + 3]]};
  for (std::size_t n = first + 4; n < last; n += 4) {
    const std::uint8_t* at = grid.lo.data() + std::min(n, last - 4);
    most = max(most, lo[at[0]]);
    for (std::size_t c = 0; c < 3; ++c) chain[c] = max(chain[c], lo[at[c + 1]]);
  }
  return max(max(most, chain[0]), max(chain[1], chain[2]));
}

/// Upper halves, ascending, whose runs may hold an entry worth more than `least` in some lane.
/// Returns their number.
template <class GridType, class Tables>
std::size_t runs_above(const Tables& tables, F8 least, std::uint8_t* runs) noexcept {
  const F8* hi = tables.value[1];
  // Where all digit sums are even, an upper half goes with lower ones of its own parity only.
  const F8 either = max(tables.top[0], tables.top[1]);
  const F8 need[2] = {least - (GridType::kEvenSums ? tables.top[0] : either),
                      least - (GridType::kEvenSums ? tables.top[1] : either)};
  std::size_t count = 0;
  for (std::size_t h = 0; h < 81; ++h) {
    runs[count] = static_cast<std::uint8_t>(h);
    count += mask_of(hi[h] > need[kDigitParity[h]]) != 0 ? 1U : 0U;
  }
  return count;
}

/// As scan, for large grids of two four-digit halves; `tables` as search::Tables. Entries with the
/// same upper half stand in one run, so a run is worth its upper value plus the largest lower
/// one; runs that cannot win in any lane are skipped, and the entry is looked up at the end.
/// `known` has a value and what may be kept for its index where no entry is worth more; the higher
/// it is, the more is skipped.
template <class GridType, class Tables>
Best scan_above(const GridType& grid, const Tables& tables, Best known) noexcept {
  const F8 *lo = tables.value[0], *hi = tables.value[1];
  std::uint8_t runs[81];
  const std::size_t count = runs_above<GridType>(tables, known.value, runs);
  Best out = known;
  F8 inside = splat(0.0F);
  I8 run = splat(-1);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t h = runs[i];
    const F8 most = most_of_run(grid, lo, grid.first[h], grid.first[h + 1]);
    const F8 value = most + hi[h];
    const I8 better = value > out.value;
    out.value = better ? value : out.value;
    inside = better ? most : inside;
    run = better ? splat(static_cast<std::int32_t>(h)) : run;
  }
  for (int g = 0; g < kLanes; ++g) {
    if (run[g] < 0) continue;
    std::size_t n = grid.first[static_cast<std::size_t>(run[g])];
    while (lo[grid.lo[n]][g] != inside[g]) ++n;
    out.index[g] = static_cast<std::int32_t>(n);
  }
  return out;
}

/// The best entry of each lane. `hint` holds indices that are likely good.
template <class GridType, class Tables>
Best scan_from(const GridType& grid, const Tables& tables, I8 hint) noexcept {
  const F8 *lo = tables.value[0], *hi = tables.value[1];
  Best known{.value = {}, .index = hint};
  for (int g = 0; g < kLanes; ++g) {
    const auto n = static_cast<std::size_t>(hint[g]);
    known.value[g] = lo[grid.lo[n]][g] + hi[grid.hi[n]][g];
  }
  return scan_above(grid, tables, known);
}

/// sum_v sum_k weight * value^2 of the chosen entries, lane by lane. `squares`: Dim values an
/// entry; `rows` holds the weights of lane g at g * stride; vector v of a lane starts v * Dim
/// later.
inline F8 squares_of(const float* squares, std::size_t dim, const float* rows, int stride,
                     const I8* index, int vectors) noexcept {
  F8 out;
  const int step = dim == 8 ? 1 : 2;
  for (int g = 0; g < kLanes; ++g) {
    F8 total = splat(0.0F);
    const float* w = rows + g * stride;
    for (int v = 0; v < vectors; v += step) {
      F8 m;
      if (dim == 8) {
        m = load8(squares + 8 * index[v][g]);
      } else {
        const F4 a = load4(squares + 4 * index[v][g]);
        const F4 b = load4(squares + 4 * index[v + 1][g]);
        m = F8{a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]};
      }
      total += load8(w + v * static_cast<int>(dim)) * m;
    }
    out[g] = sum(total);
  }
  return out;
}

}  // namespace quant
