// Search of the ternary grid of IQ1_S and IQ1_M at a given scale, eight groups at once. An
// entry holds -1, 0, 1; all values of a vector are shifted by +1/8 or -1/8 (delta).
// Source: docs/spec/types/codebook.md, "IQ1_S", "IQ1_M" and "A faster and better encoder".
#pragma once

#include "quant/codebook/magnitude_search.h"
#include "quant/codebook/near_cells.h"

namespace quant {

/// Who shares a delta.
enum class DeltaFor { group, vector };

/// An index is the grid index, plus 2048 where delta is negative.
template <int E, DeltaFor kShared>
struct TernarySearch {
  static constexpr int kGroup = E;
  static constexpr int kVectors = E / 8;
  static constexpr bool kSigned = true;
  static constexpr bool kEvenSigns = false;
  static constexpr bool kEstimates = true;  ///< there is an `estimate`
  static constexpr float kPeakLevel = 1 + kDelta;
  /// `best`, `fast`. Two more for `best` gain less than 0.05 %.
  static constexpr std::array<int, 2> kProbes = {6, 5};
  static constexpr float kFirstProbe = 0.45F, kLastProbe = 1.45F;
  /// Entries that an estimate weighs. Six have 0.1 % less error than four, and 0.5 to 1.5 % less
  /// KL divergence of a small model, but 1.5 % more where a vector has its own delta.
  static constexpr std::size_t kWeighed = kShared == DeltaFor::group ? 6 : 4;

  /// Best entries and deltas of all eight groups at scales `s` > 0. index[v][g] = entry of vector v
  /// of lane g.
  static Gain at_scale(const LaneGroups<E>& in, F8 s, I8* index) noexcept {
    F8 value;
    if constexpr (kShared == DeltaFor::group) {
      value = group_entries(in, s, index);
    } else {
      value = splat(0.0F);
      for (int v = 0; v < kVectors; ++v) value += vector_entries(in, v, s, index[v]);
    }
    const F8 b = squares_of(grid_iq1s.squares.data(), 8, in.rows, E, index, kVectors);
    return {.a = value / s + 0.5F * s * b, .b = b};
  }

  /// As at_scale, with entries and deltas that are good, not always best, and not told.
  static Gain estimate(const LaneGroups<E>& in, F8 s) noexcept {
    NearEntry near[2][kVectors];
    F8 gained[kVectors], total = splat(0.0F);  // by a delta below zero
    for (int v = 0; v < kVectors; ++v) {
      near_both<kWeighed>(in, v, s, near[0][v], near[1][v]);
      gained[v] = near[1][v].value - near[0][v].value;
      total += gained[v];
    }
    F8 value = splat(0.0F), a = splat(0.0F);
    for (int v = 0; v < kVectors; ++v) {
      const I8 minus = (kShared == DeltaFor::group ? total : gained[v]) > 0.0F;
      value += minus ? near[1][v].value : near[0][v].value;
      const I8 digits = minus ? near[1][v].digits : near[0][v].digits;
      F8 sum_wx = splat(0.0F);
      for (int k = 0; k < 8; ++k) {
        const F8 wx = in.wx[8 * v + k];
        sum_wx += wx;
        a = fused(packed_digit(digits, k), digit_unit(k) * wx, a);
      }
      a = fused(minus ? splat(kLevels[1][0]) : splat(kLevels[0][0]), sum_wx, a);
    }
    const F8 inverse = 1.0F / s;
    return {.a = a, .b = 2.0F * inverse * (a - inverse * value)};
  }

 private:
  using Tables = search::Tables<3, 8>;

  static const CellTable& cells() noexcept {
    static const CellTable table = make_cells(grid_iq1s, {-1, 0, 1});
    return table;
  }

  /// Good entries of vector v for a delta above and for one below zero. A digit e stands for
  /// m = e + m0, so m^2 = e^2 + 2 e m0 + m0^2: between the deltas only what is linear in e differs.
  template <std::size_t Take>
  static void near_both(const LaneGroups<E>& in, int v, F8 s, NearEntry& above,
                        NearEntry& below) noexcept {
    const F8 *wx = in.wx + 8 * v, *w = in.w + 8 * v;
    const F8 square = s * s, half = -0.5F * square;
    F8 sum_wx = splat(0.0F), sum_w = splat(0.0F);
    DigitSum value[2];
    for (int k = 0; k < 8; ++k) {
      const float unit = digit_unit(k);
      sum_wx += wx[k];
      sum_w += w[k];
      const F8 y = square * w[k];
      const F8 linear = fused(s, wx[k], y) * unit, apart = y * (unit * kDelta);
      value[0].linear[k] = linear - apart;
      value[1].linear[k] = linear + apart;
      value[0].square[k] = value[1].square[k] = (w[k] * (unit * unit)) * half;
    }
    for (std::size_t i = 0; i < 2; ++i) {
      const float first = kLevels[i][0], delta = kLevels[i][1];
      value[i].start = s * first * sum_wx + half * first * first * sum_w;
      const I8 cell = cell_of(in.x + 8 * v, s * (delta - 0.5F), s * (delta + 0.5F));
      (i == 0 ? above : below) = best_near<Take>(cells(), cell, value[i]);
    }
  }

  /// The best entries of all vectors for each delta, and the better delta.
  static F8 group_entries(const LaneGroups<E>& in, F8 s, I8* index) noexcept {
    Best found[2][kVectors];
    F8 gained = splat(0.0F);  // by a delta below zero
    for (int v = 0; v < kVectors; ++v) {
      NearEntry near[2];
      near_both<kNearEntries>(in, v, s, near[0], near[1]);
      for (int i = 0; i < 2; ++i) {
        Tables tables;
        set_values(tables, in, v, s, splat(-i));
        const I8 hint = index_of(cells(), near[i].cell, near[i].rank);
        found[i][v] = scan_from(grid_iq1s, tables, hint);
      }
      gained += found[1][v].value - found[0][v].value;
    }
    const I8 minus = gained > 0.0F;
    F8 value = splat(0.0F);
    for (int v = 0; v < kVectors; ++v) {
      value += minus ? found[1][v].value : found[0][v].value;
      index[v] = marked(minus ? found[1][v].index : found[0][v].index, minus);
    }
    return value;
  }

  /// The best entry of vector v: with the delta that is likely better, then those of the other that
  /// are worth more than it.
  static F8 vector_entries(const LaneGroups<E>& in, int v, F8 s, I8& index) noexcept {
    NearEntry near[2];
    near_both<kNearEntries>(in, v, s, near[0], near[1]);
    I8 minus = near[1].value > near[0].value;
    Tables tables;
    set_values(tables, in, v, s, minus);
    const I8 cell = minus ? near[1].cell : near[0].cell;
    const I8 rank = minus ? near[1].rank : near[0].rank;
    const Best likely = scan_from(grid_iq1s, tables, index_of(cells(), cell, rank));
    set_values(tables, in, v, s, ~minus);
    const Best other = scan_above(grid_iq1s, tables, {.value = likely.value, .index = splat(-1)});
    const I8 turn = other.index >= 0;
    minus ^= turn;
    index = marked(turn ? other.index : likely.index, minus);
    return other.value;
  }

  static I8 marked(I8 index, I8 minus) noexcept {
    return index + (minus & static_cast<std::int32_t>(kTernaryEntries));
  }

  /// `minus`: lanes where delta is below zero.
  static void set_values(Tables& tables, const LaneGroups<E>& in, int v, F8 s, I8 minus) noexcept {
    F8 levels[3];
    for (std::size_t l = 0; l < 3; ++l) {
      levels[l] = minus ? splat(kLevels[1][l]) : splat(kLevels[0][l]);
    }
    tables.set_values(levels, in.wx + 8 * v, in.w + 8 * v, s);
  }

  static constexpr std::array<std::array<float, 3>, 2> kLevels = {
      {{-1 + kDelta, kDelta, 1 + kDelta}, {-1 - kDelta, -kDelta, 1 - kDelta}}};
};

}  // namespace quant
