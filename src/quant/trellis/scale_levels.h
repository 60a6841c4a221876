// The 16 scale levels of IQ1_KT and IQ2_KT. Source: docs/spec/types/iqk.md, table T4.
#pragma once

#include <array>

namespace quant {

inline constexpr std::array<int, 16> kScaleLevels = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                     1,    13,   25,  38,  53,  69,  89,  113};

/// What RowFit wants to know of them: variant 0 has the positive scales, variant 1 the negative.
struct SignedLevels {
  static constexpr int kSigns = 2;
  static constexpr int kBooks = 1;
  static constexpr bool kMagnitudes = false;
  static constexpr bool kUniform = false;
  static constexpr bool kZeroLevel = false;
  static constexpr std::array<std::array<float, 8>, 2> kLevels = {
      {{1, 13, 25, 38, 53, 69, 89, 113}, {10, 22, 35, 49, 65, 83, 104, 127}}};

  /// The scale code in the file.
  static constexpr int stored_level(int variant, int level) noexcept {
    return variant == 0 ? 8 + level : 7 - level;
  }
};

}  // namespace quant
