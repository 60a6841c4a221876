// Exact search of the ternary grid of IQ1_S and IQ1_M at a given scale, eight groups at once. An
// entry holds -1, 0, 1; all values of a vector are shifted by +1/8 or -1/8 (delta).
// Source: docs/spec/types/codebook.md, "IQ1_S", "IQ1_M" and "A faster and better encoder".
#pragma once

#include "quant/codebook/magnitude_search.h"

namespace quant {

/// Who shares a delta.
enum class DeltaFor { group, vector };

/// An index is the grid index, plus 2048 where delta is negative.
template <int E, DeltaFor kShared>
struct TernarySearch {
  static constexpr int kGroup = E;
  static constexpr int kVectors = E / 8;
  static constexpr bool kSigned = true;
  static constexpr bool kEstimates = false;
  static constexpr float kPeakLevel = 1 + kDelta;
  /// `best`, `fast`. Three more for `best` gain less than 0.3 %.
  static constexpr std::array<int, 2> kProbes = {kShared == DeltaFor::vector ? 3 : 4, 4};
  static constexpr float kFirstProbe = 0.45F, kLastProbe = 1.45F;

  static Gain at_scale(const LaneGroups<E>& in, F8 s, I8* index) noexcept {
    Best found[2][kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const I8 hint = index[v] & static_cast<std::int32_t>(kTernaryEntries - 1);
      for (int sign = 0; sign < 2; ++sign) {
        search::Tables<3, 8> t;
        t.set_values(kLevels[static_cast<std::size_t>(sign)], in.wx + 8 * v, in.w + 8 * v, s);
        found[sign][v] = scan_from(grid_iq1s, t.value[0], t.value[1], hint);
      }
    }
    F8 total[2] = {splat(0.0F), splat(0.0F)};
    for (int v = 0; v < kVectors; ++v) {
      total[0] += found[0][v].value;
      total[1] += found[1][v].value;
    }
    F8 value = splat(0.0F);
    for (int v = 0; v < kVectors; ++v) {
      const I8 minus =
          kShared == DeltaFor::group ? total[1] > total[0] : found[1][v].value > found[0][v].value;
      value += minus ? found[1][v].value : found[0][v].value;
      index[v] = minus ? found[1][v].index + static_cast<std::int32_t>(kTernaryEntries)
                       : found[0][v].index;
    }
    const F8 b = squares_of(grid_iq1s.squares.data(), 8, in.rows, E, index, kVectors);
    return {.a = value / s + 0.5F * s * b, .b = b};
  }

 private:
  static constexpr std::array<std::array<float, 3>, 2> kLevels = {
      {{-1 + kDelta, kDelta, 1 + kDelta}, {-1 - kDelta, -kDelta, 1 - kDelta}}};
};

}  // namespace quant
