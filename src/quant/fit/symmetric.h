// Fits y = s * q, q in low..high, to the blocks of a tile: weighted least squares over s with
// nearest codes. Source: docs/spec/types/basic.md 1.2.
#pragma once

#include <limits>

#include "quant/fit/tile.h"

namespace quant::fit {

/// Sums over a block for the trial scale 1/t, in units of one code: r = t x - q.
struct SymmetricSums {
  Lanes rr, rq, qq;

  /// Least error that these codes allow, times t^2. Free of cancellation, as r is small.
  Lanes error() const noexcept { return rr - rq * ratio(); }
  /// The best scale for these codes, times t.
  Lanes scale() const noexcept { return all(1) + ratio(); }
  Lanes ratio() const noexcept { return rq / max(qq, all(1e-30f)); }
};

/// `Clipped`: values beyond the codes may occur.
template <std::size_t N, bool Clipped = true>
[[gnu::always_inline]] inline SymmetricSums symmetric_sums(const Tile<N>& tile, Lanes t, float low,
                                                           float high) noexcept {
  SymmetricSums sums{all(0), all(0), all(0)};
  for (std::size_t i = 0; i < N; ++i) {
    const Lanes v = tile.x[i] * t;
    const Lanes q = nearest(Clipped ? clamp(v, low, high) : v);
    const Lanes r = v - q;
    const Lanes wr = tile.w[i] * r;
    sums.rr = fma(wr, r, sums.rr);
    sums.rq = fma(wr, q, sums.rq);
    sums.qq = fma(tile.w[i] * q, q, sums.qq);
  }
  return sums;
}

/// Error of the nearest codes with exactly the scale s.
template <std::size_t N>
[[gnu::always_inline]] inline Lanes symmetric_error(const Tile<N>& tile, Lanes s, float low,
                                                    float high) noexcept {
  const Lanes t = inverse(s);
  Lanes error = all(0);
  for (std::size_t i = 0; i < N; ++i) {
    const Lanes q = nearest(clamp(tile.x[i] * t, low, high));
    const Lanes d = fma(-s, q, tile.x[i]);
    error = fma(tile.w[i] * d, d, error);
  }
  return error;
}

struct SymmetricFit {
  Lanes scale;  ///< signed
  Lanes error;
  Lanes weight;  ///< sum w q^2 with its codes: what an error of the scale costs
};

/// Trial scales: for both signs the largest magnitude lands on code `first`, `first + step`, ...
/// (`count` trials; for the negative sign counted from -low, else from high), then `polish` rounds
/// of refitting.
struct SymmetricPlan {
  float first, step;
  int count;
  int polish;
};

template <std::size_t N, bool Clipped = true>
[[gnu::always_inline]] inline void try_symmetric(const Tile<N>& tile, Lanes t, float low,
                                                 float high, SymmetricFit& best) noexcept {
  const SymmetricSums sums = symmetric_sums<N, Clipped>(tile, t, low, high);
  const Lanes unit = inverse(t);
  const Lanes error = sums.error() * unit * unit;
  const Mask better = error < best.error;
  best.error = select(better, error, best.error);
  best.scale = select(better, sums.scale() * unit, best.scale);
  best.weight = select(better, sums.qq, best.weight);
}

/// With as many codes on either side: the other sign gives the same codes.
template <std::size_t N>
SymmetricFit fit_even(const Tile<N>& tile, float high, const SymmetricPlan& plan) noexcept {
  const Lanes unit = inverse(tile.peak);
  SymmetricFit best{
      .scale = all(0), .error = all(std::numeric_limits<float>::infinity()), .weight = all(0)};
  for (int k = 0; k < plan.count; ++k) {
    const float offset = plan.first + plan.step * static_cast<float>(k);
    const Lanes t = unit * all(high + offset);
    if (offset > 0) {
      try_symmetric(tile, t, -high, high, best);
    } else {
      try_symmetric<N, false>(tile, t, -high, high, best);
    }
  }
  for (int k = 0; k < plan.polish; ++k) {
    try_symmetric(tile, inverse(best.scale), -high, high, best);
  }
  return best;
}

template <std::size_t N>
SymmetricFit fit_symmetric(const Tile<N>& tile, float low, float high,
                           const SymmetricPlan& plan) noexcept {
  if (low == -high) return fit_even(tile, high, plan);
  Lanes largest = all(0), smallest = all(0), energy = all(0);
  for (std::size_t i = 0; i < N; ++i) {
    largest = max(largest, tile.x[i]);
    smallest = min(smallest, tile.x[i]);
    energy = fma(tile.w[i] * tile.x[i], tile.x[i], energy);
  }
  const Lanes signed_largest = select(largest < -smallest, smallest, largest);
  SymmetricFit best{.scale = all(0), .error = energy, .weight = all(0)};
  const Lanes unit = inverse(signed_largest);
  for (int k = 0; k < plan.count; ++k) {
    const float offset = plan.first + plan.step * static_cast<float>(k);
    try_symmetric(tile, unit * all(low - offset), low, high, best);
    try_symmetric(tile, unit * all(high + offset), low, high, best);
  }
  for (int k = 0; k < plan.polish; ++k) {
    try_symmetric(tile, inverse(best.scale), low, high, best);
  }
  return best;
}

/// Codes of the nearest levels, as bytes: codes[lane * N + i] = q - low.
template <std::size_t N>
void symmetric_codes(const Tile<N>& tile, Lanes s, float low, float high,
                     std::uint8_t (&codes)[kLanes * N]) noexcept {
  const Lanes t = inverse(s);
  for (std::size_t first = 0; first < N; first += 8) {
    Lanes q[8];
    for (std::size_t i = 0; i < 8; ++i) {
      q[i] = nearest(clamp(tile.x[first + i] * t, low, high)) - all(low);
    }
    store_bytes(q, codes + first, N);
  }
}

}  // namespace quant::fit
