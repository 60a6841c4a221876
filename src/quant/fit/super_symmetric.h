// Super-blocks of 256 weights in sub-blocks of N with y = (d * scale) * q: joint fit of codes,
// integer scales and the super-scale. Source: docs/spec/types/basic.md 1.6.
#pragma once

#include <limits>

#include "quant/fit/stored.h"
#include "quant/fit/super_scale.h"
#include "quant/fit/symmetric.h"

namespace quant::fit {

/// What a format can store: codes and integer scales, both inclusive.
struct SymmetricLevels {
  float low, high;
  float low_scale, high_scale;
};

struct SuperSymmetricPlan {
  SymmetricPlan blocks;           ///< search of a sub-block
  std::span<const float> starts;  ///< super-scales to start from, relative to the fitted one
  int window;                     ///< integer scales tried on either side for each start
  bool mirror;                    ///< and around the scale of opposite sign
  int rounds;                     ///< then: super-scale for the integers, integers +-1 for it
};

/// kLanes sub-blocks as stored; those of one super-block share d.
struct SuperSymmetric {
  StoredScales d;
  Lanes scale;  ///< integers low_scale..high_scale
  Lanes error;

  Lanes step() const noexcept { return d.value * scale; }
};

[[gnu::always_inline]] inline SuperSymmetric select(Mask m, const SuperSymmetric& a,
                                                    const SuperSymmetric& b) noexcept {
  return {.d = select(m, a.d, b.d),
          .scale = select(m, a.scale, b.scale),
          .error = select(m, a.error, b.error)};
}

/// The integer scales of least error within `window` of `start` (and of -start).
template <std::size_t N>
void choose_scales(const Tile<N>& tile, const SymmetricLevels& levels, int window, bool mirror,
                   Lanes start, SuperSymmetric& s) noexcept {
  Lanes best_scale = all(0);
  Lanes best = symmetric_error(tile, all(0), levels.low, levels.high);
  const auto attempt = [&](Lanes scale) {
    scale = clamp(scale, levels.low_scale, levels.high_scale);
    const Lanes error = symmetric_error(tile, s.d.value * scale, levels.low, levels.high);
    const Mask better = error < best;
    best = select(better, error, best);
    best_scale = select(better, scale, best_scale);
  };
  for (int k = -window; k <= window; ++k) {
    attempt(start + all(static_cast<float>(k)));
    if (mirror) attempt(all(static_cast<float>(k)) - start);
  }
  s.scale = best_scale;
  s.error = best;
}

/// The super-scale of least error for the codes that `s` implies.
template <std::size_t N, std::size_t L>
void solve_super_scale(const Tile<N>& tile, const SymmetricLevels& levels,
                       SuperSymmetric& s) noexcept {
  const Lanes step = s.step();
  const SymmetricSums sums = symmetric_sums(tile, inverse(step), levels.low, levels.high);
  // sum w (x/step) q = rq + qq, so the common factor on all steps is their weighted mean.
  const Lanes weight = step * step;
  const Lanes a = sum_groups<L>(weight * (sums.rq + sums.qq));
  const Lanes b = sum_groups<L>(weight * sums.qq);
  const Lanes factor = select(b > all(0), a / max(b, all(1e-36f)), all(1));
  s.d = store_super_scales(s.d.value * factor, tile.unit);
}

template <std::size_t N>
SuperSymmetric fit_super_symmetric(const Tile<N>& tile, const SymmetricLevels& levels,
                                   const SuperSymmetricPlan& plan) noexcept {
  constexpr std::size_t kBlocks = 256 / N;
  const SymmetricFit blocks = fit_symmetric(tile, levels.low, levels.high, plan.blocks);
  const Lanes d =
      fit_signed_step<kBlocks>(blocks.scale, blocks.weight, levels.low_scale, levels.high_scale);
  SuperSymmetric best{};
  Lanes best_total = all(std::numeric_limits<float>::infinity());
  const auto keep_better = [&](const SuperSymmetric& s) {
    const Lanes total = sum_groups<kBlocks>(s.error);
    const Mask better = total < best_total;
    best = select(better, s, best);
    best_total = min(total, best_total);
  };
  for (const float start : plan.starts) {
    SuperSymmetric s{};
    s.d = store_super_scales(d * all(start), tile.unit);
    const Lanes scale =
        nearest(clamp(blocks.scale * inverse(s.d.value), levels.low_scale, levels.high_scale));
    choose_scales(tile, levels, plan.window, plan.mirror, scale, s);
    keep_better(s);
  }
  for (int round = 0; round < plan.rounds; ++round) {
    SuperSymmetric s = best;
    solve_super_scale<N, kBlocks>(tile, levels, s);
    choose_scales(tile, levels, 1, false, s.scale, s);
    keep_better(s);
  }
  return best;
}

}  // namespace quant::fit
