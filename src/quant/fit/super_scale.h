// Values of neighbouring lanes (the sub-blocks of one super-block) looked at together: their sum,
// and one step of which all are nearly integer multiples. Source: docs/spec/types/basic.md 1.4.
#pragma once

#include <array>

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

/// Steps to try, as the integer that the largest value becomes.
using StepTargets = std::array<float, 2 * kLanes>;

/// For every group the best of the steps, refitted to its integers. One lane is one step, so the
/// sums over a group need no adding across lanes.
template <std::size_t L>
Lanes best_step(Lanes values, Lanes weight, const StepTargets& targets, std::size_t count,
                float low, float high) noexcept {
  alignas(64) float v[kLanes], w[kLanes], inverses[kLanes], steps[kLanes];
  store(v, values);
  store(w, weight);
  store(inverses, inverse(largest_of_groups<L>(values)));
  for (std::size_t g = 0; g < kLanes; g += L) {
    float step = 0, best = 0;
    for (std::size_t first = 0; first < count; first += kLanes) {
      const Lanes t = all(inverses[g]) * load(targets.data() + first);
      Lanes a = all(0), b = all(0);
      for (std::size_t k = g; k < g + L; ++k) {
        const Lanes level = nearest(clamp(all(v[k]) * t, low, high));
        a = a + all(w[k] * v[k]) * level;
        b = b + all(w[k]) * level * level;
      }
      alignas(64) float gain[kLanes], fitted[kLanes];
      store(fitted, a / max(b, all(1e-30f)));
      store(gain, a * a / max(b, all(1e-30f)));
      for (std::size_t l = 0; l < kLanes; ++l) {
        step = gain[l] > best ? fitted[l] : step;
        best = gain[l] > best ? gain[l] : best;
      }
    }
    for (std::size_t k = g; k < g + L; ++k) steps[k] = step;
  }
  return load(steps);
}

/// The step of each group so that step * integer in 0..levels comes near the values (>= 0), errors
/// weighted. 0 if all values are 0.
template <std::size_t L>
Lanes fit_step(Lanes values, Lanes weight, float levels) noexcept {
  StepTargets targets;
  for (std::size_t k = 0; k < kLanes; ++k) {
    targets[k] = levels + 0.15f * (static_cast<float>(k) - 9);
  }
  return best_step<L>(values, weight, targets, kLanes, 0, levels);
}

/// The same for values of both signs and integers low..high (low < 0); the step has a sign.
template <std::size_t L>
Lanes fit_signed_step(Lanes values, Lanes weight, float low, float high) noexcept {
  StepTargets targets;
  for (std::size_t k = 0; k < kLanes; ++k) {
    const float stretch = 0.15f * (static_cast<float>(k) - 9);
    targets[k] = low - stretch;
    targets[kLanes + k] = high + stretch;
  }
  return best_step<L>(values, weight, targets, 2 * kLanes, low, high);
}

}  // namespace quant::fit
