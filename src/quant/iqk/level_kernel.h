// Rounding a tile to a level table at given scales: the inner loops of the level-table encoders.
#pragma once

#include "quant/iqk/levels.h"
#include "quant/iqk/tile.h"

namespace quant {

/// Sums over the elements of a sub-block with levels q: w x q and w q^2. At scale s its error is
/// energy + s (s qq - 2 xq); the best s is xq / qq.
struct Sums {
  lanes::F8 xq, qq;
};

/// The operations that depend on the level table. `inverse` = 1 / scale by lanes (0 for scale 0),
/// `shift` = the table half's constant by lanes.
struct LevelKernel {
  float first, last;              ///< ends of the plain half
  float shift;                    ///< of the shifted half, 0 if the format has but one
  std::span<const float> levels;  ///< of the plain half

  /// Levels for one sub-block scale; may take a neighbour of the nearest level near a tie.
  void (*sums)(const Tile&, const lanes::F8& inverse, const lanes::F8& shift, Sums& out) noexcept;
  /// Two scales at once.
  void (*sums2)(const Tile&, const lanes::F8 (&inverse)[2], const lanes::F8& shift,
                Sums (&out)[2]) noexcept;
  /// Codes of the nearest levels, out[lane * elems + j].
  void (*codes)(const Tile&, const lanes::F8& inverse, const lanes::F8& shift,
                std::uint8_t* out) noexcept;
};

template <class T>
struct LevelRounding {
  static void sums(const Tile& tile, const lanes::F8& inverse, const lanes::F8& shift,
                   Sums& out) noexcept {
    using lanes::F8, lanes::fused, lanes::level_of, lanes::rough_code;
    F8 xq{}, qq{};
    for (std::size_t j = 0; j < tile.elems; ++j) {
      const F8 q = level_of<T>(rough_code<T>(fused(tile.x[j], inverse, -shift))) + shift;
      xq = fused(tile.wx[j], q, xq);
      qq = fused(tile.w[j] * q, q, qq);
    }
    out = {xq, qq};
  }

  static void sums2(const Tile& tile, const lanes::F8 (&inverse)[2], const lanes::F8& shift,
                    Sums (&out)[2]) noexcept {
    using lanes::F8, lanes::fused, lanes::level_of, lanes::rough_code;
    F8 xq0{}, qq0{}, xq1{}, qq1{};
    for (std::size_t j = 0; j < tile.elems; ++j) {
      const F8 q0 = level_of<T>(rough_code<T>(fused(tile.x[j], inverse[0], -shift))) + shift;
      const F8 q1 = level_of<T>(rough_code<T>(fused(tile.x[j], inverse[1], -shift))) + shift;
      xq0 = fused(tile.wx[j], q0, xq0);
      xq1 = fused(tile.wx[j], q1, xq1);
      qq0 = fused(tile.w[j] * q0, q0, qq0);
      qq1 = fused(tile.w[j] * q1, q1, qq1);
    }
    out[0] = {xq0, qq0};
    out[1] = {xq1, qq1};
  }

  static void codes(const Tile& tile, const lanes::F8& inverse, const lanes::F8& shift,
                    std::uint8_t* out) noexcept {
    using lanes::I8, lanes::exact_code, lanes::kLanes;
    for (std::size_t j = 0; j < tile.elems; ++j) {
      const I8 code = exact_code<T>(tile.x[j] * inverse - shift);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        out[lane * tile.elems + j] = static_cast<std::uint8_t>(code[lane]);
      }
    }
  }

  static constexpr LevelKernel kernel(float shift) noexcept {
    return {.first = T::kLevel.front(),
            .last = T::kLevel.back(),
            .shift = shift,
            .levels = T::kLevel,
            .sums = sums,
            .sums2 = sums2,
            .codes = codes};
  }
};

}  // namespace quant
