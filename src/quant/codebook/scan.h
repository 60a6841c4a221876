// The innermost loop of the grid formats: the best entry of a whole codebook for eight vectors at
// once. An entry's value is the sum of two table entries, one for each half of the vector, so the
// scan is exact and costs one addition and one comparison an entry, whatever the dimension.
#pragma once

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

/// sum_v sum_k weight * value^2 of the chosen entries, lane by lane. `rows` holds the weights of
/// lane g at g * stride; vector v of a lane starts v * Dim later.
template <std::size_t N, std::size_t Dim>
F8 squares_of(const Grid<N, Dim>& grid, const float* rows, int stride, const I8* index,
              int vectors) noexcept {
  F8 out;
  for (int g = 0; g < kLanes; ++g) {
    F8 total = splat(0.0F);
    const float* w = rows + g * stride;
    for (int v = 0; v < vectors; v += static_cast<int>(8 / Dim)) {
      F8 m;
      if constexpr (Dim == 8) {
        m = load8(grid.squares.data() + 8 * index[v][g]);
      } else {
        const F4 a = load4(grid.squares.data() + 4 * index[v][g]);
        const F4 b = load4(grid.squares.data() + 4 * index[v + 1][g]);
        m = F8{a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]};
      }
      total += load8(w + v * static_cast<int>(Dim)) * m;
    }
    out[g] = sum(total);
  }
  return out;
}

}  // namespace quant
