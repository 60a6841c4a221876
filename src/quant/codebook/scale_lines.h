// The joint choice of a super-block's f16 scale d and its small group scales l, where a group's
// scale is d * (2 l + 1). Every search of a group at some scale leaves a line (a, b): at scale s
// its codes are worth 2 s a - s^2 b. The maximum over the lines bounds the group's gain from below
// at every other scale, so thousands of (d, l) can be weighed without another search.
// Source: docs/spec/types/codebook.md, "Joint block scale".
#pragma once

#include <array>

#include "quant/codebook/lanes.h"

namespace quant {

/// Lines of eight groups.
class ScaleLines {
 public:
  static constexpr int kCapacity = 32;

  /// Full: the oldest searched line goes.
  void add(F8 a, F8 b) noexcept {
    const int at = count_ < kCapacity ? count_++ : (oldest_ = (oldest_ + 1) % kCapacity);
    a_[at] = a;
    b_[at] = b;
  }
  /// One lane of line `slot`; lanes that were never set lose at every scale.
  void set(int slot, int lane, float a, float b) noexcept {
    for (; count_ <= slot; ++count_) {
      a_[count_] = splat(-1.0F);
      b_[count_] = splat(0.0F);
    }
    a_[slot][lane] = a;
    b_[slot][lane] = b;
  }
  F8 gain_at(F8 s) const noexcept {
    const F8 minus = -0.5F * s;
    F8 best = fused(minus, b_[0], a_[0]);
    for (int i = 1; i < count_; ++i) best = max(best, fused(minus, b_[i], a_[i]));
    return (s + s) * best;
  }
  /// gain_at of two scales.
  std::array<F8, 2> gains_at(F8 s, F8 t) const noexcept {
    const F8 minus[2] = {-0.5F * s, -0.5F * t};
    F8 best[2] = {fused(minus[0], b_[0], a_[0]), fused(minus[1], b_[0], a_[0])};
    for (int i = 1; i < count_; ++i) {
      for (int j = 0; j < 2; ++j) best[j] = max(best[j], fused(minus[j], b_[i], a_[i]));
    }
    return {(s + s) * best[0], (t + t) * best[1]};
  }
  /// The scale of the best line at its own optimum a / b; 0 where no line gains.
  F8 best_scale() const noexcept {
    F8 best = splat(0.0F), scale = splat(0.0F);
    for (int i = 0; i < count_; ++i) {
      const F8 value = a_[i] > 0.0F ? a_[i] * a_[i] / b_[i] : splat(0.0F);
      const I8 better = value > best;
      best = better ? value : best;
      scale = better ? a_[i] / b_[i] : scale;
    }
    return scale;
  }

 private:
  F8 a_[kCapacity], b_[kCapacity];
  int count_ = 0;
  int oldest_ = 0;
};

/// Best of the two small scales around free / d on the lines of eight groups: level and gain.
struct LevelChoice {
  I8 level;
  F8 gain;
};
inline LevelChoice best_level(const ScaleLines& lines, F8 free, float d, int levels) noexcept {
  const float top = static_cast<float>(levels - 1);
  F8 middle = (free / d - 1.0F) * 0.5F;
  middle = min(max(middle, splat(0.0F)), splat(top));
  const F8 nearest = __builtin_convertvector(__builtin_convertvector(middle + 0.5F, I8), F8);
  const F8 other = nearest + (middle > nearest ? splat(1.0F) : splat(-1.0F));
  const F8 second = min(max(other, splat(0.0F)), splat(top));
  const auto gains = lines.gains_at((2.0F * nearest + 1.0F) * d, (2.0F * second + 1.0F) * d);
  const I8 better = gains[1] > gains[0];
  const F8 level = better ? second : nearest;
  return {.level = __builtin_convertvector(level, I8), .gain = max(gains[0], gains[1])};
}

}  // namespace quant
