// Super-blocks of 256 weights in sub-blocks of N with y = (d * scale) * q - dmin * min: joint fit
// of codes, integer scales and mins, and both super-scales. Source: docs/spec/types/basic.md 1.6.
//
// The order of work: fit every sub-block in real numbers; find super-scales for these; then, a few
// times, choose for the stored super-scales the integers of least error around the real ones, and
// solve for the super-scales that suit the integers and codes best.
#pragma once

#include <limits>

#include "quant/fit/affine.h"
#include "quant/fit/stored.h"
#include "quant/fit/super_scale.h"

namespace quant::fit {

struct SuperAffinePlan {
  AffinePlan blocks;              ///< search of a sub-block
  std::span<const float> starts;  ///< super-scales to start from, relative to the fitted one
  int window;                     ///< integer scales tried on either side for each start
  int rounds;                     ///< then: super-scales for the integers, integers +-1 for these
};

/// kLanes sub-blocks as stored; those of one super-block share d and dmin. Of the tile after
/// turn_positive_blocks.
struct SuperAffine {
  StoredScales d, dmin;
  Lanes scale, min;  ///< integers 0..max_scale
  Lanes error;

  Lanes step() const noexcept { return d.value * scale; }
  Lanes offset() const noexcept { return -(dmin.value * min); }
};

[[gnu::always_inline]] inline SuperAffine select(Mask m, const SuperAffine& a,
                                                 const SuperAffine& b) noexcept {
  return {.d = select(m, a.d, b.d),
          .dmin = select(m, a.dmin, b.dmin),
          .scale = select(m, a.scale, b.scale),
          .min = select(m, a.min, b.min),
          .error = select(m, a.error, b.error)};
}

/// For the scales of `s` and a window around them: the min that suits the codes, the error that
/// results, the best kept.
template <std::size_t N>
void choose_integers(const Tile<N>& tile, const AffineBasis& basis, float high, float max_scale,
                     int window, Lanes start_scale, Lanes start_offset, SuperAffine& s) noexcept {
  const Lanes per_min = inverse(s.dmin.value);
  Lanes best_scale = all(0), best_min = all(0);
  Lanes best = affine_error(tile, all(0), all(0), high);
  for (int k = -window; k <= window; ++k) {
    const Lanes scale = clamp(start_scale + all(static_cast<float>(k)), 0, max_scale);
    const Lanes step = s.d.value * scale;
    const AffineSums sums = affine_sums(tile, basis, inverse(step), start_offset - basis.low, high);
    const Lanes offset = basis.low + (basis.wx - step * sums.q) / basis.w;
    const Lanes min_value = nearest(clamp(-offset * per_min, 0, max_scale));
    const Lanes error = affine_error(tile, step, -(s.dmin.value * min_value), high);
    const Mask better = error < best;
    best = select(better, error, best);
    best_scale = select(better, scale, best_scale);
    best_min = select(better, min_value, best_min);
  }
  s.scale = best_scale;
  s.min = best_min;
  s.error = best;
}

/// Turns super-blocks around (x to -x) whose sub-blocks lie rather above zero than below: offsets
/// are never positive, but both super-scales may be negative. Returns -1 for turned lanes, else 1.
template <std::size_t N, std::size_t L>
Lanes turn_positive_blocks(Tile<N>& tile) noexcept {
  Lanes low = tile.x[0], high = tile.x[0], w = tile.w[0];
  for (std::size_t i = 1; i < N; ++i) {
    low = min(low, tile.x[i]);
    high = max(high, tile.x[i]);
    w = w + tile.w[i];
  }
  const Lanes above = max(low, all(0)), below = min(high, all(0));
  const Lanes gain = sum_groups<L>(w * (above * above - below * below));
  const Lanes sign = select(gain > all(0), all(-1), all(1));
  for (std::size_t i = 0; i < N; ++i) tile.x[i] = tile.x[i] * sign;
  return sign;
}

/// Super-scales of least error for the codes that `s` implies.
template <std::size_t N, std::size_t L>
void solve_super_scales(const Tile<N>& tile, const AffineBasis& basis, float high,
                        SuperAffine& s) noexcept {
  const AffineSums sums = affine_sums(tile, basis, inverse(s.step()), s.offset() - basis.low, high);
  const Lanes x = basis.wx + basis.low * basis.w;
  const Lanes xq = sums.xq + basis.low * sums.q;
  const Lanes terms[5] = {s.scale * s.scale * sums.qq, s.scale * s.min * sums.q,
                          s.min * s.min * basis.w, s.scale * xq, s.min * x};
  Lanes total[5];
  for (int k = 0; k < 5; ++k) total[k] = sum_groups<L>(terms[k]);
  // Normal equations of x ~ d a - dmin b with a = scale q, b = min.
  const auto [aa, ab, bb, xa, xb] = total;
  const Lanes tiny = all(1e-12f);
  const Lanes det = aa * bb - ab * ab;
  const Mask both = det > all(1e-5f) * aa * bb;
  const Lanes inv = inverse(select(both, det, all(0)));
  const Lanes d = select(both, (xa * bb - xb * ab) * inv, xa / max(aa, tiny));
  const Lanes dmin = select(both, (xa * ab - xb * aa) * inv, s.dmin.value);
  s.d = store_super_scales(max(d, all(0)), tile.unit);
  s.dmin = store_super_scales(max(dmin, all(0)), tile.unit);
}

/// The tile must have gone through turn_positive_blocks.
template <std::size_t N>
SuperAffine fit_super_affine(const Tile<N>& tile, float high, float max_scale,
                             const SuperAffinePlan& plan) noexcept {
  constexpr std::size_t kBlocks = 256 / N;
  const AffineBasis basis = affine_basis(tile);
  const AffineFit blocks = fit_affine(tile, basis, high, Offset::not_positive, plan.blocks);
  const Lanes d = fit_step<kBlocks>(blocks.scale, blocks.sums.qq, max_scale);
  const Lanes dmin = fit_step<kBlocks>(-blocks.offset, basis.w, max_scale);
  SuperAffine best{};
  Lanes best_total = all(std::numeric_limits<float>::infinity());
  const auto keep_better = [&](const SuperAffine& s) {
    const Lanes total = sum_groups<kBlocks>(s.error);
    const Mask better = total < best_total;
    best = select(better, s, best);
    best_total = min(total, best_total);
  };
  for (const float start : plan.starts) {
    SuperAffine s{};
    s.d = store_super_scales(d * all(start), tile.unit);
    s.dmin = store_super_scales(dmin * all(start), tile.unit);
    const Lanes scale = nearest(clamp(blocks.scale * inverse(s.d.value), 0, max_scale));
    choose_integers(tile, basis, high, max_scale, plan.window, scale, blocks.offset, s);
    keep_better(s);
  }
  for (int round = 0; round < plan.rounds; ++round) {
    SuperAffine s = best;
    solve_super_scales<N, kBlocks>(tile, basis, high, s);
    choose_integers(tile, basis, high, max_scale, 1, s.scale, s.offset(), s);
    keep_better(s);
  }
  return best;
}

}  // namespace quant::fit
