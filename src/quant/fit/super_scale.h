// Values of neighbouring lanes (the sub-blocks of one super-block) looked at together: their sum,
// and one step of which all are nearly integer multiples. Source: docs/spec/types/basic.md 1.4.
#pragma once

#include "quant/fit/lanes.h"

namespace quant::fit {

/// In every lane the sum over its group of L neighbouring lanes, added in a fixed order.
template <std::size_t L>
Lanes sum_groups(Lanes v) noexcept {
  alignas(64) float a[kLanes];
  store(a, v);
  for (std::size_t g = 0; g < kLanes; g += L) {
    float sum = 0;
    for (std::size_t k = 0; k < L; ++k) sum += a[g + k];
    for (std::size_t k = 0; k < L; ++k) a[g + k] = sum;
  }
  return load(a);
}

/// In every lane the largest magnitude of its group, with its sign.
template <std::size_t L>
Lanes largest_of_groups(Lanes v) noexcept {
  alignas(64) float a[kLanes];
  store(a, v);
  for (std::size_t g = 0; g < kLanes; g += L) {
    float largest = 0;
    for (std::size_t k = 0; k < L; ++k) {
      if (std::fabs(a[g + k]) > std::fabs(largest)) largest = a[g + k];
    }
    for (std::size_t k = 0; k < L; ++k) a[g + k] = largest;
  }
  return load(a);
}

/// Tries the step 1/t for every group: keeps the best step (refitted) in `step`.
template <std::size_t L>
void try_step(Lanes values, Lanes weight, Lanes t, float low, float high, Lanes& step,
              Lanes& best_gain) noexcept {
  const Lanes level = nearest(clamp(values * t, low, high));
  const Lanes a = sum_groups<L>(weight * values * level);
  const Lanes b = sum_groups<L>(weight * level * level);
  const Lanes gain = a * a / max(b, all(1e-30f));
  const Mask better = gain > best_gain;
  step = select(better, a / max(b, all(1e-30f)), step);
  best_gain = select(better, gain, best_gain);
}

/// The step of each group so that step * integer in 0..levels comes near the values (>= 0), errors
/// weighted. 0 if all values are 0.
template <std::size_t L>
Lanes fit_step(Lanes values, Lanes weight, float levels) noexcept {
  const Lanes t = inverse(largest_of_groups<L>(values));
  Lanes step = all(0), gain = all(0);
  for (int k = -10; k <= 6; ++k) {
    const float target = levels + 0.15f * static_cast<float>(k);
    try_step<L>(values, weight, t * all(target), 0, levels, step, gain);
  }
  return step;
}

/// The same for values of both signs and integers low..high (low < 0); the step has a sign.
template <std::size_t L>
Lanes fit_signed_step(Lanes values, Lanes weight, float low, float high) noexcept {
  const Lanes t = inverse(largest_of_groups<L>(values));
  Lanes step = all(0), gain = all(0);
  for (int k = -10; k <= 6; ++k) {
    const float stretch = 0.15f * static_cast<float>(k);
    try_step<L>(values, weight, t * all(low - stretch), low, high, step, gain);
    try_step<L>(values, weight, t * all(high + stretch), low, high, step, gain);
  }
  return step;
}

}  // namespace quant::fit
