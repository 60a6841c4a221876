// Fits y = s * q + o, q in 0..high, to the blocks of a tile. Source: docs/spec/types/basic.md 1.3.
#pragma once

#include "quant/fit/tile.h"

namespace quant::fit {

/// What the least squares of a block needs that does not depend on the codes; x counts from `low`,
/// the smallest value, so that sums of all-positive blocks keep their digits.
struct AffineBasis {
  Lanes low, range;
  Lanes w, wx, wxx;  ///< sum w, sum w (x - low), sum w (x - low)^2
};

template <std::size_t N>
AffineBasis affine_basis(const Tile<N>& tile) noexcept {
  AffineBasis b{tile.x[0], tile.x[0], all(0), all(0), all(0)};
  for (std::size_t i = 1; i < N; ++i) {
    b.low = min(b.low, tile.x[i]);
    b.range = max(b.range, tile.x[i]);
  }
  b.range = b.range - b.low;
  for (std::size_t i = 0; i < N; ++i) {
    const Lanes x = tile.x[i] - b.low;
    const Lanes wx = tile.w[i] * x;
    b.w = b.w + tile.w[i];
    b.wx = b.wx + wx;
    b.wxx = fma(wx, x, b.wxx);
  }
  return b;
}

/// Sums over the nearest codes for a trial scale and offset.
struct AffineSums {
  Lanes q, qq, xq;  ///< sum w q, sum w q^2, sum w (x - low) q
};

struct AffineFit {
  Lanes scale, offset;  ///< y = scale * q + offset, in the tile's units
  Lanes error;
  AffineSums sums;
};

/// t = 1/scale, offset relative to basis.low.
template <std::size_t N>
[[gnu::always_inline]] inline AffineSums affine_sums(const Tile<N>& tile, const AffineBasis& basis,
                                                     Lanes t, Lanes offset, float high) noexcept {
  AffineSums sums{all(0), all(0), all(0)};
  const Lanes shift = -(basis.low + offset) * t;
  for (std::size_t i = 0; i < N; ++i) {
    const Lanes q = nearest(clamp(fma(tile.x[i], t, shift), 0, high));
    const Lanes wq = tile.w[i] * q;
    sums.q = sums.q + wq;
    sums.qq = fma(wq, q, sums.qq);
    sums.xq = fma(wq, tile.x[i] - basis.low, sums.xq);
  }
  return sums;
}

/// Which offsets a format can store.
enum class Offset { any, not_positive };

/// Scale and offset of least error for given codes.
[[gnu::always_inline]] inline AffineFit solve_affine(const AffineBasis& b, const AffineSums& s,
                                                     Offset allowed) noexcept {
  const Lanes tiny = all(1e-30f);
  const Lanes d = b.w * s.qq - s.q * s.q;
  Lanes scale = (b.w * s.xq - b.wx * s.q) / max(d, tiny);
  scale = select(d > all(1e-6f) * b.w * s.qq, max(scale, all(0)), all(0));
  Lanes offset = (b.wx - scale * s.q) / b.w;
  if (allowed == Offset::not_positive) {
    const Mask above = offset > -b.low;
    const Lanes pinned = -b.low;
    const Lanes pinned_scale = max((s.xq - pinned * s.q) / max(s.qq, tiny), all(0));
    offset = select(above, pinned, offset);
    scale = select(above, pinned_scale, scale);
  }
  // sum w (x - s q - o)^2, written out.
  const Lanes error = b.wxx + scale * (scale * s.qq - all(2) * s.xq) +
                      offset * (offset * b.w - all(2) * b.wx + all(2) * scale * s.q);
  return {.scale = scale, .offset = offset + b.low, .error = error, .sums = s};
}

[[gnu::always_inline]] inline AffineFit select(Mask m, const AffineFit& a,
                                               const AffineFit& b) noexcept {
  return {.scale = select(m, a.scale, b.scale),
          .offset = select(m, a.offset, b.offset),
          .error = select(m, a.error, b.error),
          .sums = {.q = select(m, a.sums.q, b.sums.q),
                   .qq = select(m, a.sums.qq, b.sums.qq),
                   .xq = select(m, a.sums.xq, b.sums.xq)}};
}

/// Trial ranges: the smallest value lands on code -shift, the largest on high + stretch.
struct AffineTrial {
  float stretch, shift;
};
struct AffinePlan {
  std::span<const AffineTrial> trials;
  int polish;  ///< rounds of rounding and refitting from the best trial
};

template <std::size_t N>
AffineFit fit_affine(const Tile<N>& tile, const AffineBasis& basis, float high, Offset allowed,
                     const AffinePlan& plan) noexcept {
  // Start: no codes at all, the best constant.
  AffineFit best = solve_affine(basis, {all(0), all(0), all(0)}, allowed);
  // A block above zero that cannot store its offset counts its codes from zero.
  const Lanes low = allowed == Offset::any ? basis.low : min(basis.low, all(0));
  const Lanes range = basis.range + (basis.low - low);
  for (const AffineTrial& trial : plan.trials) {
    const Lanes step = range / all(high + trial.stretch + trial.shift);
    const Lanes offset = (low - basis.low) + step * all(trial.shift);
    const AffineSums sums = affine_sums(tile, basis, inverse(step), offset, high);
    const AffineFit fitted = solve_affine(basis, sums, allowed);
    best = select(fitted.error < best.error, fitted, best);
  }
  for (int k = 0; k < plan.polish; ++k) {
    const AffineSums sums =
        affine_sums(tile, basis, inverse(best.scale), best.offset - basis.low, high);
    const AffineFit fitted = solve_affine(basis, sums, allowed);
    best = select(fitted.error < best.error, fitted, best);
  }
  return best;
}

/// Error of the nearest codes with exactly this step and offset.
template <std::size_t N>
[[gnu::always_inline]] inline Lanes affine_error(const Tile<N>& tile, Lanes step, Lanes offset,
                                                 float high) noexcept {
  const Lanes t = inverse(step);
  Lanes error = all(0);
  for (std::size_t i = 0; i < N; ++i) {
    const Lanes x = tile.x[i] - offset;
    const Lanes q = nearest(clamp(x * t, 0, high));
    const Lanes r = fma(-step, q, x);
    error = fma(tile.w[i] * r, r, error);
  }
  return error;
}

/// codes[lane * N + i] = nearest code of the tile's x for step and offset.
template <std::size_t N>
void affine_codes(const Tile<N>& tile, Lanes step, Lanes offset, float high,
                  std::uint8_t (&codes)[kLanes * N]) noexcept {
  const Lanes t = inverse(step);
  for (std::size_t first = 0; first < N; first += 8) {
    Lanes q[8];
    for (std::size_t i = 0; i < 8; ++i) {
      q[i] = nearest(clamp((tile.x[first + i] - offset) * t, 0, high));
    }
    store_bytes(q, codes + first, N);
  }
}

}  // namespace quant::fit
