// What the encoders of the level-table formats search over: eight sub-blocks side by side, one a
// lane, weighted.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "quant/codec.h"
#include "quant/iqk/lanes.h"

namespace quant {

/// Eight sub-blocks of `elems` elements, lane = sub-block.
struct Tile {
  static constexpr std::size_t kMaxElems = 32;

  std::size_t elems = 0;
  std::array<lanes::F8, kMaxElems> x;   ///< weights of the model, times the row's `down`
  std::array<lanes::F8, kMaxElems> w;   ///< >= 0
  std::array<lanes::F8, kMaxElems> wx;  ///< w x
  lanes::F8 energy;                     ///< sum w x^2: the error of rounding to zero
  lanes::F8 peak;                       ///< the element of largest magnitude, with its sign
};

/// The columns' importance scaled to a mean of 1; ones where there is none (empty or all zero).
std::vector<float> scaled_importance(std::span<const float> importance, std::size_t cols);

/// Whether a column of scaled importance `v` (whole eights) counts for so little that a huge weight
/// in it could decide over the others' codes, or take their digits.
bool has_hidden(std::span<const float> v) noexcept;

/// Weights smaller than this everywhere count as zeros.
inline constexpr float kNothing = 0x1p-100F;

/// The power of two that brings the largest magnitude of x, where v > 0 (anywhere, if v is zero
/// everywhere), below 1 (or 256, if near the end of f32) and, but for that, to 0.5 or more; 1 if
/// all are below kNothing. Multiplying by it and by its inverse is exact.
float scale_down(std::span<const float> x, const float* v) noexcept;

/// One sub-block of a tile: where its elements and their importance begin.
struct TileLane {
  const float* x;
  const float* v;
  float down;  ///< factor of x
};

/// Up to eight sub-blocks, an error weighted by its column's importance; the lanes behind them are
/// empty (zeros without weight). A sub-block whose columns all have importance next to zero is
/// weighted evenly, but lightly.
void fill_tile(std::span<const TileLane> from, std::size_t elems, Tile& tile) noexcept;

}  // namespace quant
