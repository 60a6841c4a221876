// Encodes one row of a grid format whose f16 scale belongs to the whole row: all group scales, the
// row scale and all entries are chosen together, as BlockFit does for 256 weights.
// Source: docs/spec/types/codebook.md, "A faster and better encoder".
#pragma once

#include <algorithm>
#include <vector>

#include "base/half.h"
#include "quant/codebook/block_input.h"
#include "quant/codebook/scale_lines.h"
#include "quant/fit/stretch.h"
#include "quant/trellis/row_input.h"

namespace quant {

/// Group scales are d * (kStep * level + kOffset), level 0 .. kLevels - 1.
template <int Levels, int Step, int Offset>
struct GroupScales {
  static constexpr int kLevels = Levels, kStep = Step, kOffset = Offset;
  static F8 factor(I8 level) noexcept {
    return static_cast<float>(Step) * __builtin_convertvector(level, F8) +
           static_cast<float>(Offset);
  }
};

/// `Search`: as TernarySearch. Estimates choose the scales, exact searches the entries.
template <class Search, class Scales>
class RowGridFit {
 public:
  static constexpr std::size_t kGroup = Search::kGroup, kVectors = Search::kVectors;
  struct Group {
    unsigned level = 0;
    std::array<unsigned, kVectors> index{};
  };
  struct Result {
    std::uint16_t d = 0;  ///< f16 bits; 0 means that nothing gains over zeros
    std::vector<Group> groups;
  };

  explicit RowGridFit(const RowInput& in)
      : in_(in), sets_((in.x.size() / kGroup + kLanes - 1) / kLanes) {}

  Result run(Effort effort) {
    for (std::size_t s = 0; s < sets_.size(); ++s) probe(s, effort);
    Result out;
    out.groups.resize(in_.x.size() / kGroup);
    refine(scan_row_scale(), false, out);
    if (effort == Effort::best) refine(scan_row_scale(), true, out);
    double energy = 0;
    for (std::size_t i = 0; i < in_.x.size(); ++i) {
      energy += static_cast<double>(in_.w[i] * in_.x[i] * in_.x[i]);
    }
    // By energy also without importance: at 1.75 bits the other rule costs more error than the
    // reference makes.
    if (out.d != 0) to_f16(fitted_ * fit::stretch(energy, explained_, true), out.d);
    return out;
  }

 private:
  struct Set {
    alignas(32) float rows[kGroup * kLanes];  ///< weights in element order
    LaneGroups<static_cast<int>(kGroup)> groups;
    ScaleLines lines;
    F8 free;
  };
  struct Found {
    I8 level;
    F8 a, b, gain;
    I8 index[kVectors];
  };

  /// Groups beyond the end of the row are zeros that weigh next to nothing.
  void load(std::size_t s) noexcept {
    Set& set = sets_[s];
    set.groups.rows = set.rows;
    set.groups.peak = splat(0.0F);
    for (std::size_t e = 0; e < kGroup; ++e) {
      F8 x = splat(0.0F);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const std::size_t at = (s * kLanes + lane) * kGroup + e;
        const bool inside = at < in_.x.size();
        if (inside) x[lane] = in_.x[at];
        set.rows[lane * kGroup + e] = inside ? in_.w[at] : 1e-6F;
        set.groups.w[e][lane] = set.rows[lane * kGroup + e];
      }
      set.groups.x[e] = x;
      set.groups.wx[e] = set.groups.w[e] * x;
      set.groups.peak = max(set.groups.peak, max(x, -x));
    }
    for (F8& odd : set.groups.odd) odd = splat(0.0F);
  }

  void probe(std::size_t s, Effort effort) noexcept {
    load(s);
    Set& set = sets_[s];
    const int count = Search::kProbes[effort == Effort::best ? 0 : 1];
    const float step = (Search::kLastProbe - Search::kFirstProbe) / static_cast<float>(count - 1);
    const F8 full = max(set.groups.peak, splat(1e-6F)) / Search::kPeakLevel;
    for (int i = 0; i < count; ++i) {
      const F8 scale = full * (Search::kFirstProbe + step * static_cast<float>(i));
      const auto gain = Search::estimate(set.groups, scale);
      set.lines.add(gain.a, gain.b);
    }
  }

  float to_f16(float d, std::uint16_t& bits) const noexcept {
    bits = std::clamp<std::uint16_t>(base::f32_to_f16(std::min(d * in_.unit, 65504.0F)), 1, 0x7bff);
    return base::f16_to_f32(bits) / in_.unit;
  }

  static I8 clamped(I8 level) noexcept {
    level = level < 0 ? splat(0) : level;
    return level > Scales::kLevels - 1 ? splat(Scales::kLevels - 1) : level;
  }

  /// Best of the levels near free / d on the lines.
  static LevelChoice likely_level(const Set& set, float d) noexcept {
    const F8 top = splat(static_cast<float>(Scales::kLevels - 1));
    const F8 middle =
        (set.free / d - static_cast<float>(Scales::kOffset)) / static_cast<float>(Scales::kStep);
    const I8 nearest = __builtin_convertvector(min(max(middle, splat(0.0F)), top) + 0.5F, I8);
    LevelChoice best{.level = splat(0), .gain = splat(-1e30F)};
    for (const int step : {0, -1, 1}) {
      const I8 level = clamped(nearest + step);
      const F8 gain = set.lines.gain_at(Scales::factor(level) * d);
      const I8 better = gain > best.gain;
      best.gain = better ? gain : best.gain;
      best.level = better ? level : best.level;
    }
    return best;
  }

  /// Best row scale on the lines: a coarse ladder around the scale that lets the largest group use
  /// its best scale, then a fine one.
  float scan_row_scale() noexcept {
    float largest = 1e-9F;
    for (Set& set : sets_) {
      set.free = set.lines.best_scale();
      for (int g = 0; g < kLanes; ++g) largest = std::max(largest, set.free[g]);
    }
    constexpr int kTop = Scales::kStep * (Scales::kLevels - 1) + Scales::kOffset;
    const float full = largest / static_cast<float>(kTop);
    float best = full, best_gain = -1e30F;
    const auto weigh = [&](float wanted) {
      std::uint16_t bits;
      const float d = to_f16(wanted, bits);
      float gain = 0;
      for (const Set& set : sets_) gain += sum(likely_level(set, d).gain);
      if (gain > best_gain) best_gain = gain, best = d;
    };
    for (int i = 0; i < 34; ++i) weigh(full * (0.36F + 0.03F * static_cast<float>(i)));
    const float centre = best;
    for (int i = -3; i <= 3; ++i) weigh(centre * (1.0F + 0.008F * static_cast<float>(i)));
    return best;
  }

  /// Exact searches at the quantized scales of row scale `d`, then the least-squares d for the
  /// entries found. Keeps the result if it is the best so far.
  void refine(float d, bool neighbours, Result& out) {
    std::vector<Found> found(sets_.size());
    double linear = 0, square = 0;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      search_levels(sets_[s], d, neighbours, found[s]);
      const F8 factor = Scales::factor(found[s].level);
      linear += static_cast<double>(sum(factor * found[s].a));
      square += static_cast<double>(sum(factor * factor * found[s].b));
    }
    if (!(linear > 0 && square > 0)) return;
    std::uint16_t bits;
    const float fitted = to_f16(static_cast<float>(linear / square), bits);
    const double real = static_cast<double>(fitted);
    const double gain = real * (2 * linear - real * square);
    if (!(gain > best_gain_)) return;
    best_gain_ = gain;
    out.d = bits;
    fitted_ = fitted;
    explained_ = linear * linear / square;
    for (std::size_t g = 0; g < out.groups.size(); ++g) {
      const Found& f = found[g / kLanes];
      out.groups[g].level = static_cast<unsigned>(f.level[g % kLanes]);
      for (std::size_t v = 0; v < kVectors; ++v) {
        out.groups[g].index[v] = static_cast<unsigned>(f.index[v][g % kLanes]);
      }
    }
  }

  void search_levels(Set& set, float d, bool neighbours, Found& out) noexcept {
    const I8 likely = likely_level(set, d).level;
    out.gain = splat(-1e30F);
    const int steps[] = {0, -1, 1};
    for (int i = 0; i < (neighbours ? 3 : 1); ++i) {
      const I8 level = clamped(likely + steps[i]);
      // A scale of zero: the entries do not matter, but the search divides by it.
      const F8 scale = max(Scales::factor(level) * d, splat(1e-20F));
      I8 index[kVectors];
      const auto gain = Search::at_scale(set.groups, scale, index);
      set.lines.add(gain.a, gain.b);
      const F8 value = level == 0 && Scales::kOffset == 0
                           ? splat(0.0F)
                           : scale * (2.0F * gain.a - scale * gain.b);
      const I8 better = value > out.gain;
      out.gain = better ? value : out.gain;
      out.level = better ? level : out.level;
      out.a = better ? gain.a : out.a;
      out.b = better ? gain.b : out.b;
      for (std::size_t v = 0; v < kVectors; ++v) {
        out.index[v] = better ? index[v] : out.index[v];
      }
    }
  }

  const RowInput& in_;
  std::vector<Set> sets_;
  float fitted_ = 0;
  double best_gain_ = 0, explained_ = 0;
};

}  // namespace quant
