// Exact search of the magnitude grids IQ2_* and IQ3_* at a given scale, eight groups at once.
// Source: docs/spec/types/codebook.md, "A faster and better encoder".
#pragma once

#include "quant/codebook/block_input.h"
#include "quant/codebook/grid_runs.h"
#include "quant/codebook/near_cells.h"
#include "quant/codebook/neighbours.h"
#include "quant/codebook/scan.h"

namespace quant {

/// What a choice of entries is worth at scale s: error falls by 2 s a - s^2 b.
struct Gain {
  F8 a, b;
};

/// How the signs of eight elements are stored.
enum class Signs { free, even };

namespace search {

/// Values of one coordinate for each level: level * linear - level^2 * square.
template <class Levels>
inline void coordinate(const Levels& levels, F8 linear, F8 square, F8* out) noexcept {
  for (std::size_t l = 0; l < std::size(levels); ++l) {
    out[l] = levels[l] * linear - (levels[l] * levels[l]) * square;
  }
}

/// out[i + La * j] = combine(a[i], b[j]).
template <std::size_t La, std::size_t Lb, class Combine>
inline void outer(const F8* a, const F8* b, F8* out, Combine combine) noexcept {
  for (std::size_t j = 0; j < Lb; ++j) {
    for (std::size_t i = 0; i < La; ++i) out[i + La * j] = combine(a[i], b[j]);
  }
}

template <std::size_t L, std::size_t HalfDim>
inline constexpr std::size_t kHalves = HalfDim == 2 ? L* L : L* L* L* L;

/// Tables over all digit combinations of HalfDim coordinates: their value, and the smallest
/// loss of turning one sign (2 * level * linear, minimum over the coordinates).
template <std::size_t L, std::size_t HalfDim, class Combine>
inline void half_table(const F8 (*single)[L], F8* out, Combine combine) noexcept {
  if constexpr (HalfDim == 2) {
    outer<L, L>(single[0], single[1], out, combine);
  } else {
    F8 front[L * L], back[L * L];
    outer<L, L>(single[0], single[1], front, combine);
    outer<L, L>(single[2], single[3], back, combine);
    outer<L * L, L * L>(front, back, out, combine);
  }
}

inline F8 add(F8 a, F8 b) noexcept { return a + b; }
inline F8 lesser(F8 a, F8 b) noexcept { return min(a, b); }

/// Half tables of one vector at one scale.
template <std::size_t L, std::size_t Dim>
struct Tables {
  static constexpr std::size_t kHalf = Dim / 2;
  F8 value[2][kHalves<L, kHalf>];
  F8 flip[2][kHalves<L, kHalf>];

  F8 top[2];  ///< of three levels, the largest lower values of an even and an odd digit sum

  /// `levels`: L floats, or F8 where they differ by lane.
  template <class Levels>
  void set_values(const Levels& levels, const F8* wx, const F8* w, F8 s) noexcept {
    const F8 square = s * s * 0.5F;
    F8 single[Dim][L];
    for (std::size_t k = 0; k < Dim; ++k) coordinate(levels, wx[k] * s, w[k] * square, single[k]);
    half_table<L, kHalf>(single, value[0], add);
    half_table<L, kHalf>(single + kHalf, value[1], add);
    if constexpr (L == 3) set_tops(single);
  }
  /// Pair by pair, as value[0] was added up: rounding keeps order, so these are values of it.
  void set_tops(const F8 (*single)[3]) noexcept {
    struct EvenOdd {
      F8 even, odd;
    };
    const auto one = [&](int k) { return EvenOdd{max(single[k][0], single[k][2]), single[k][1]}; };
    const auto join = [](const EvenOdd& a, const EvenOdd& b) {
      return EvenOdd{max(a.even + b.even, a.odd + b.odd), max(a.even + b.odd, a.odd + b.even)};
    };
    const EvenOdd all = join(join(one(0), one(1)), join(one(2), one(3)));
    top[0] = all.even;
    top[1] = all.odd;
  }
  void set_flips(const std::array<float, L>& levels, const F8* wx, F8 twice_s) noexcept {
    F8 single[Dim][L];
    for (std::size_t k = 0; k < Dim; ++k) {
      for (std::size_t l = 0; l < L; ++l) single[k][l] = levels[l] * (wx[k] * twice_s);
    }
    half_table<L, kHalf>(single, flip[0], lesser);
    half_table<L, kHalf>(single + kHalf, flip[1], lesser);
  }
};

}  // namespace search

/// For grids of vectors of eight.
inline constexpr int kNoRuns = 0;

/// Search of a format: its grid, levels, elements a group, sign rule, and the runs of a grid of
/// vectors of four.
template <const auto& kGrid, const auto& kLevels, int E, Signs kSigns, const auto& kRuns = kNoRuns>
struct MagnitudeSearch {
  static constexpr int kGroup = E;
  static constexpr std::size_t kDim = std::decay_t<decltype(kGrid)>::kDim;
  static constexpr std::size_t kEntries = std::decay_t<decltype(kGrid)>::kEntries;
  static constexpr std::size_t kLevelCount = kLevels.size();
  static constexpr int kVectors = E / static_cast<int>(kDim);
  static constexpr bool kSigned = false;
  static constexpr bool kEvenSigns = kSigns == Signs::even;
  /// There is an `estimate`. The grid of iq2_xxs is small enough to be scanned at each scale:
  /// estimates are twice as fast, but KL divergence of a small model rises by 2 %.
  static constexpr bool kEstimates = kDim == 4 || kEntries > 256;
  static constexpr float kPeakLevel = kLevels[kLevelCount - 1];
  /// `best`, `fast`. One probe of five more gains less than 0.05 %.
  static constexpr std::array<int, 2> kProbes = !kEstimates ? std::array{5, 5}
                                                : kDim == 4 ? std::array{12, 9}
                                                            : std::array{8, 6};
  static constexpr float kFirstProbe = 0.40F, kLastProbe = 1.20F;  ///< times peak / kPeakLevel
  using Tables = search::Tables<kLevelCount, kDim>;

  /// Best entries of all eight groups at scales `s` > 0. index[v][g] = entry of vector v of lane g.
  static Gain at_scale(const LaneGroups<E>& in, F8 s, I8* index) noexcept {
    F8 value = splat(0.0F);
    if constexpr (kSigns == Signs::free) {
      for (int v = 0; v < kVectors; ++v) value += free_vector(in, v, s, index[v]);
    } else if constexpr (kDim == 8) {
      for (int v = 0; v < kVectors; ++v) value += even_vector(in, v, s, index[v]);
    } else {
      for (int v = 0; v < kVectors; v += 2) value += even_pair(in, v, s, index + v);
    }
    const F8 b = squares_of(kGrid.squares.data(), kDim, in.rows, E, index, kVectors);
    return {.a = value / s + 0.5F * s * b, .b = b};
  }

  /// As at_scale, with entries that are good, not always best, and not told. Signs are free: with
  /// even ones, `in` has gone through turn_cheapest.
  static Gain estimate(const LaneGroups<E>& in, F8 s) noexcept {
    if constexpr (kDim == 8) {
      return estimate_eights(in, s);
    } else {
      return estimate_fours(in, s);
    }
  }

 private:
  static Gain estimate_fours(const LaneGroups<E>& in, F8 s) noexcept {
    static const NeighbourTable table = make_neighbours(kGrid, kLevels);
    Gain out{};
    for (int v = 0; v < kVectors; ++v) {
      const auto sums = best_neighbour(table, in.x + 4 * v, in.wx + 4 * v, in.w + 4 * v, s);
      out.a += sums.a;
      out.b += sums.b;
    }
    return out;
  }

  static Gain estimate_eights(const LaneGroups<E>& in, F8 s) noexcept {
    F8 value = splat(0.0F), a = splat(0.0F);
    for (int v = 0; v < kVectors; ++v) {
      const NearEntry near = near_vector(in, v, s);
      value += near.value;
      a += weighted_sum(kCurve, in.wx + 8 * v).of(near.digits);
    }
    const F8 inverse = 1.0F / s;
    return {.a = a, .b = 2.0F * inverse * (a - inverse * value)};
  }

  static constexpr DigitCurve kCurve = curve_through(kLevels[0], kLevels[1], kLevels[2]);
  static constexpr DigitCurve kSquareCurve =
      curve_through(kLevels[0] * kLevels[0], kLevels[1] * kLevels[1], kLevels[2] * kLevels[2]);

  static const CellTable& cells() noexcept {
    static const CellTable table = make_cells(kGrid, kLevels);
    return table;
  }

  /// A good entry of vector v, with free signs.
  static NearEntry near_vector(const LaneGroups<E>& in, int v, F8 s) noexcept {
    const I8 cell = cell_of(in.x + 8 * v, s * (0.5F * (kLevels[0] + kLevels[1])),
                            s * (0.5F * (kLevels[1] + kLevels[2])));
    const DigitSum value = entry_value(kCurve, kSquareCurve, in.wx + 8 * v, in.w + 8 * v, s);
    return best_near<kNearEntries>(cells(), cell, value);
  }

  static void set_values(Tables& t, const LaneGroups<E>& in, int v, F8 s) noexcept {
    t.set_values(kLevels, in.wx + v * kDim, in.w + v * kDim, s);
  }

  static F8 free_vector(const LaneGroups<E>& in, int v, F8 s, I8& index) noexcept {
    Tables t;
    set_values(t, in, v, s);
    Best best;
    if constexpr (kDim == 8) {
      const NearEntry near = near_vector(in, v, s);
      best = scan_from(kGrid, t, index_of(cells(), near.cell, near.rank));
    } else {
      best = scan_runs<kRuns>(t.value[0], t.value[1]);
    }
    index = best.index;
    return best.value;
  }

  /// An odd number of minus signs costs the cheapest flip of one of the eight.
  static F8 even_vector(const LaneGroups<E>& in, int v, F8 s, I8& index) noexcept {
    Tables t;
    set_values(t, in, v, s);
    t.set_flips(kLevels, in.wx + v * kDim, 2 * s * in.odd[v]);
    const Best best = scan<kEntries>([&](std::size_t n) {
      const std::size_t lo = kGrid.lo[n], hi = kGrid.hi[n];
      return t.value[0][lo] + t.value[1][hi] - min(t.flip[0][lo], t.flip[1][hi]);
    });
    index = best.index;
    return best.value;
  }

  /// Two vectors of four share the parity: the flip, if one is due, is taken where it costs less.
  static F8 even_pair(const LaneGroups<E>& in, int v, F8 s, I8* index) noexcept {
    Best kept[2], flipped[2];
    for (int h = 0; h < 2; ++h) {
      Tables t;
      set_values(t, in, v + h, s);
      t.set_flips(kLevels, in.wx + (v + h) * static_cast<int>(kDim), 2 * s);
      kept[h] = scan_runs<kRuns>(t.value[0], t.value[1]);
      flipped[h] = scan<kEntries>([&](std::size_t n) {
        const std::size_t lo = kGrid.lo[n], hi = kGrid.hi[n];
        return t.value[0][lo] + t.value[1][hi] - min(t.flip[0][lo], t.flip[1][hi]);
      });
    }
    const F8 first = flipped[0].value + kept[1].value, second = kept[0].value + flipped[1].value;
    const I8 odd = in.odd[v / 2] > 0.0F;
    const I8 flip_first = odd & (first > second), flip_second = odd & ~flip_first;
    index[0] = flip_first ? flipped[0].index : kept[0].index;
    index[1] = flip_second ? flipped[1].index : kept[1].index;
    return odd ? max(first, second) : kept[0].value + kept[1].value;
  }
};

}  // namespace quant
