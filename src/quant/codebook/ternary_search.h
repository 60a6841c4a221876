// Search of the ternary grid of IQ1_S and IQ1_M at a given scale, eight groups at once. An
// entry holds -1, 0, 1; all values of a vector are shifted by +1/8 or -1/8 (delta).
// Source: docs/spec/types/codebook.md, "IQ1_S", "IQ1_M" and "A faster and better encoder".
#pragma once

#include "quant/codebook/magnitude_search.h"

namespace quant {

/// Who shares a delta.
enum class DeltaFor { group, vector };

/// How scales are compared and a delta is chosen: by the grid's own entries, or as if it had all
/// 3^8, which is six times as fast. It costs nothing for a delta of 32 elements whose scales are
/// chosen together; for one of eight the KL divergence of a small model rises by 7 %.
enum class DeltaBy { entries, estimates };

/// An index is the grid index, plus 2048 where delta is negative. The entries at a scale and a
/// delta are the best of the grid.
template <int E, DeltaFor kShared, DeltaBy kBy = DeltaBy::entries>
struct TernarySearch {
  static constexpr int kGroup = E;
  static constexpr int kVectors = E / 8;
  static constexpr bool kSigned = true;
  static constexpr bool kEvenSigns = false;
  static constexpr bool kEstimates = kBy == DeltaBy::estimates;  ///< `estimate` may be used
  static constexpr float kPeakLevel = 1 + kDelta;
  /// `best`, `fast`. Three more for `best` gain less than 0.3 %.
  static constexpr std::array<int, 2> kProbes =
      kEstimates ? std::array{8, 6} : std::array{kShared == DeltaFor::vector ? 3 : 4, 4};
  static constexpr float kFirstProbe = 0.45F, kLastProbe = 1.45F;

  static Gain at_scale(const LaneGroups<E>& in, F8 s, I8* index) noexcept {
    I8 minus[kVectors];
    const F8 value = kEstimates ? entries_by_estimates(in, s, index, minus)
                                : entries_of_both(in, s, index, minus);
    for (int v = 0; v < kVectors; ++v) {
      index[v] += minus[v] & static_cast<std::int32_t>(kTernaryEntries);
    }
    const F8 b = squares_of(grid_iq1s.squares.data(), 8, in.rows, E, index, kVectors);
    return {.a = value / s + 0.5F * s * b, .b = b};
  }

  /// As at_scale for a grid of all 3^8 entries: to compare scales.
  static Gain estimate(const LaneGroups<E>& in, F8 s) noexcept {
    I8 minus[kVectors];
    return estimate(in, s, minus);
  }

 private:
  /// Sets `minus` where delta is better below zero.
  static Gain estimate(const LaneGroups<E>& in, F8 s, I8* minus) noexcept {
    Gain sums[2][kVectors];
    F8 gained[kVectors], total = splat(0.0F);  // by a delta below zero
    for (int v = 0; v < kVectors; ++v) {
      for (int sign = 0; sign < 2; ++sign) sums[sign][v] = free_vector(in, v, s, sign);
      gained[v] = 2.0F * (sums[1][v].a - sums[0][v].a) - s * (sums[1][v].b - sums[0][v].b);
      total += gained[v];
    }
    Gain out{};
    for (int v = 0; v < kVectors; ++v) {
      minus[v] = (kShared == DeltaFor::group ? total : gained[v]) > 0.0F;
      out.a += minus[v] ? sums[1][v].a : sums[0][v].a;
      out.b += minus[v] ? sums[1][v].b : sums[0][v].b;
    }
    return out;
  }

  static F8 entries_by_estimates(const LaneGroups<E>& in, F8 s, I8* index, I8* minus) noexcept {
    estimate(in, s, minus);
    F8 value = splat(0.0F);
    for (int v = 0; v < kVectors; ++v) {
      const Best best = vector_at(in, v, s, minus[v], index[v]);
      value += best.value;
      index[v] = best.index;
    }
    return value;
  }

  static F8 entries_of_both(const LaneGroups<E>& in, F8 s, I8* index, I8* minus) noexcept {
    Best found[2][kVectors];
    F8 gained[kVectors], total = splat(0.0F);  // by a delta below zero
    for (int v = 0; v < kVectors; ++v) {
      found[0][v] = vector_at(in, v, s, splat(0), index[v]);
      found[1][v] = vector_at(in, v, s, splat(-1), index[v]);
      gained[v] = found[1][v].value - found[0][v].value;
      total += gained[v];
    }
    F8 value = splat(0.0F);
    for (int v = 0; v < kVectors; ++v) {
      minus[v] = (kShared == DeltaFor::group ? total : gained[v]) > 0.0F;
      value += minus[v] ? found[1][v].value : found[0][v].value;
      index[v] = minus[v] ? found[1][v].index : found[0][v].index;
    }
    return value;
  }

  /// The best entry of vector v, with a delta below zero in the lanes of `minus`.
  static Best vector_at(const LaneGroups<E>& in, int v, F8 s, I8 minus, I8 hint) noexcept {
    hint &= static_cast<std::int32_t>(kTernaryEntries - 1);
    F8 levels[3];
    for (std::size_t l = 0; l < 3; ++l) {
      levels[l] = minus ? splat(kLevels[1][l]) : splat(kLevels[0][l]);
    }
    search::Tables<3, 8> t;
    t.set_values(levels, in.wx + 8 * v, in.w + 8 * v, s);
    return scan_from(grid_iq1s, t.value[0], t.value[1], hint);
  }

  /// Vector v with the nearest of all 3^8 entries.
  static Gain free_vector(const LaneGroups<E>& in, int v, F8 s, int sign) noexcept {
    const F8 inverse = 1.0F / s;
    const float shift = sign == 0 ? kDelta : -kDelta;
    Gain out{};
    for (int k = 8 * v; k < 8 * v + 8; ++k) {
      const F8 y = in.x[k] * inverse - shift;
      const F8 up = y > 0.5F ? splat(1.0F) : splat(0.0F);
      const F8 level = (y < -0.5F ? splat(-1.0F) : up) + shift;
      out.a += in.wx[k] * level;
      out.b += in.w[k] * (level * level);
    }
    return out;
  }

  static constexpr std::array<std::array<float, 3>, 2> kLevels = {
      {{-1 + kDelta, kDelta, 1 + kDelta}, {-1 - kDelta, -kDelta, 1 - kDelta}}};
};

}  // namespace quant
