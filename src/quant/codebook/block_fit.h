// Encodes one super-block of a grid format: all group scales, the block scale and all entries are
// chosen together. Source: docs/spec/types/codebook.md, "A faster and better encoder".
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "base/half.h"
#include "quant/codebook/block_input.h"
#include "quant/codebook/scale_lines.h"
#include "quant/codec.h"
#include "quant/fit/stretch.h"

namespace quant {

/// A coded super-block: group g has scale d * (2 level[g] + 1) and entries index[g][..]. A zero d
/// means that nothing gains over zeros.
template <int Groups, int Vectors>
struct BlockCodes {
  std::uint16_t d = 0;  ///< f16 bits
  std::array<std::uint8_t, Groups> level{};
  std::array<std::array<std::uint16_t, Vectors>, Groups> index{};
};

/// `Search`: as MagnitudeSearch. `Levels`: number of small scales. Where the search can estimate,
/// estimates choose the scales and one exact search the entries; else every search is exact.
template <class Search, int Levels>
class BlockFit {
 public:
  static constexpr int kGroups = static_cast<int>(kSuperBlock) / Search::kGroup;
  static constexpr int kSets = kGroups / kLanes;
  using Codes = BlockCodes<kGroups, Search::kVectors>;

  Codes run(const BlockInput& in, Effort effort) noexcept {
    Codes codes;
    if (in.zero) return codes;
    unit_ = in.unit;
    best_gain_ = 0;
    double energy = 0;
    for (std::size_t i = 0; i < kSuperBlock; ++i) {
      energy += static_cast<double>(in.weight[i] * in.magnitude[i] * in.magnitude[i]);
    }
    for (int set = 0; set < kSets; ++set) {
      to_lanes<Search::kGroup, Search::kSigned>(in, set * kLanes, groups_[set]);
      probe(set, effort);
    }
    const bool best = effort == Effort::best;
    if constexpr (Search::kEstimates) {
      float d = scan_block_scale();
      if (best) {
        estimate_beside(d);
        d = scan_block_scale_beside(d);
      }
      refine(d, false, codes);
    } else {
      refine(scan_block_scale(), best, codes);
    }
    if (codes.d != 0) to_f16(fitted_ * fit::stretch(energy, explained_, in.weighted), codes.d);
    return codes;
  }

 private:
  /// Searches at a ladder of scales between where nearly all and nearly no elements are clipped.
  void probe(int set, Effort effort) noexcept {
    const LaneGroups<Search::kGroup>& in = groups_[set];
    const int count = Search::kProbes[effort == Effort::best ? 0 : 1];
    const float step = (Search::kLastProbe - Search::kFirstProbe) / static_cast<float>(count - 1);
    const F8 full = max(in.peak, splat(1e-6F)) / Search::kPeakLevel;
    lines_[set] = {};
    if constexpr (Search::kEstimates) {
      turned_[set] = in;
      if constexpr (Search::kEvenSigns) turn_cheapest(turned_[set]);
    }
    for (int i = 0; i < count; ++i) {
      const F8 s = full * (Search::kFirstProbe + step * static_cast<float>(i));
      add_line(set, s);
    }
  }

  /// A line of the codes at scales s, found as cheaply as the search can.
  void add_line(int set, F8 s) noexcept {
    if constexpr (Search::kEstimates) {
      const auto gain = Search::estimate(turned_[set], s);
      lines_[set].add(gain.a, gain.b);
    } else {
      I8 index[Search::kVectors];
      const auto gain = Search::at_scale(groups_[set], s, index);
      lines_[set].add(gain.a, gain.b);
    }
  }

  static F8 scale_of(I8 level, float d) noexcept {
    return (2.0F * __builtin_convertvector(level, F8) + 1.0F) * d;
  }
  static I8 valid(I8 level) noexcept {
    level = level < 0 ? splat(0) : level;
    return level > Levels - 1 ? splat(Levels - 1) : level;
  }

  /// Lines at the likely small scales of block scale `d` and at their neighbours.
  void estimate_beside(float d) noexcept {
    for (int set = 0; set < kSets; ++set) {
      const I8 likely = best_level(lines_[set], free_[set], d, Levels).level;
      for (const int step : {-1, 0, 1}) add_line(set, scale_of(valid(likely + step), d));
    }
  }

  /// The nearest scale that an f16 can hold, in units of the normalised block; at least the
  /// smallest subnormal.
  float to_f16(float d, std::uint16_t& bits) const noexcept {
    bits = std::clamp<std::uint16_t>(base::f32_to_f16(std::min(d * unit_, 65504.0F)), 1, 0x7bff);
    return base::f16_to_f32(bits) / unit_;
  }

  float total_gain(float d) const noexcept {
    F8 total = splat(0.0F);
    for (int set = 0; set < kSets; ++set) {
      total += best_level(lines_[set], free_[set], d, Levels).gain;
    }
    return sum(total);
  }

  /// Best block scale on the lines: a coarse ladder around the scale that lets the largest group
  /// use its best scale, then a fine one.
  float scan_block_scale() noexcept {
    float largest = 1e-9F;
    for (int set = 0; set < kSets; ++set) {
      free_[set] = lines_[set].best_scale();
      for (int g = 0; g < kLanes; ++g) largest = std::max(largest, free_[set][g]);
    }
    const float full = largest / static_cast<float>(2 * Levels - 1);
    constexpr int kCoarse = Search::kEstimates ? 16 : 26;
    Weighed best{.d = full};
    for (int i = 0; i < kCoarse; ++i) {
      weigh(full * (0.60F + 0.78F / kCoarse * static_cast<float>(i)), best);
    }
    return fine_scan(best);
  }
  struct Weighed {
    float d, gain = -1e30F;
  };
  void weigh(float d, Weighed& best) const noexcept {
    std::uint16_t bits;
    d = to_f16(d, bits);
    const float gain = total_gain(d);
    if (gain > best.gain) best = {.d = d, .gain = gain};
  }
  float fine_scan(Weighed best) const noexcept {
    const float centre = best.d;
    for (int i = -3; i <= 3; ++i) weigh(centre * (1.0F + 0.008F * static_cast<float>(i)), best);
    return best.d;
  }
  /// As scan_block_scale when there are new lines near block scale `d`.
  float scan_block_scale_beside(float d) noexcept {
    for (int set = 0; set < kSets; ++set) free_[set] = lines_[set].best_scale();
    return fine_scan({.d = d});
  }

  /// Exact searches at the quantized scales of block scale `d`, then the least-squares d for the
  /// entries found. Keeps the result if it is the best so far.
  void refine(float d, bool neighbours, Codes& codes) noexcept {
    Found found[kSets];
    float linear = 0, square = 0;
    for (int set = 0; set < kSets; ++set) {
      search_levels(set, d, neighbours, found[set]);
      const F8 factor = 2.0F * __builtin_convertvector(found[set].level, F8) + 1.0F;
      linear += sum(factor * found[set].a);
      square += sum(factor * factor * found[set].b);
    }
    std::uint16_t bits;
    const float fitted = to_f16(linear / square, bits);
    const float gain = fitted * (2 * linear - fitted * square);
    if (!(gain > best_gain_)) return;
    best_gain_ = gain;
    codes.d = bits;
    fitted_ = fitted;
    explained_ = static_cast<double>(linear * linear / square);
    for (int set = 0; set < kSets; ++set) store(found[set], set, codes);
  }

  struct Found {
    I8 level;
    F8 a, b, gain;
    I8 index[Search::kVectors];
  };

  void search_levels(int set, float d, bool neighbours, Found& out) noexcept {
    const I8 likely = best_level(lines_[set], free_[set], d, Levels).level;
    out.gain = splat(-1e30F);
    const int steps[] = {0, -1, 1};
    for (int i = 0; i < (neighbours ? 3 : 1); ++i) {
      const I8 level = valid(likely + steps[i]);
      const F8 s = scale_of(level, d);
      I8 index[Search::kVectors];
      const auto gain = Search::at_scale(groups_[set], s, index);
      lines_[set].add(gain.a, gain.b);
      const F8 value = s * (2.0F * gain.a - s * gain.b);
      const I8 better = value > out.gain;
      out.gain = better ? value : out.gain;
      out.level = better ? level : out.level;
      out.a = better ? gain.a : out.a;
      out.b = better ? gain.b : out.b;
      for (int v = 0; v < Search::kVectors; ++v) {
        out.index[v] = better ? index[v] : out.index[v];
      }
    }
  }

  static void store(const Found& found, int set, Codes& codes) noexcept {
    for (int g = 0; g < kLanes; ++g) {
      const auto group = static_cast<std::size_t>(set) * kLanes + static_cast<std::size_t>(g);
      codes.level[group] = static_cast<std::uint8_t>(found.level[g]);
      for (std::size_t v = 0; v < Search::kVectors; ++v) {
        codes.index[group][v] = static_cast<std::uint16_t>(found.index[v][g]);
      }
    }
  }

  LaneGroups<Search::kGroup> groups_[kSets];
  LaneGroups<Search::kGroup> turned_[Search::kEstimates ? kSets : 1];  ///< as estimates want them
  ScaleLines lines_[kSets];
  F8 free_[kSets];
  float unit_ = 1;
  float best_gain_ = 0;
  float fitted_ = 0;
  double explained_ = 0;  ///< of the energy, by the codes kept
};

}  // namespace quant
