#include "quant/iqk/level_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "quant/fit/stretch.h"
#include "quant/fit/worse_than_zero.h"

namespace quant {
namespace {
using lanes::F8, lanes::I8, lanes::abs, lanes::kLanes, lanes::max, lanes::min, lanes::pick,
    lanes::round, lanes::splat, lanes::sum;

constexpr std::size_t kSuper = 256;
constexpr std::size_t kMaxTrials = 24;
// Larger d could overflow: 127 is the largest integer scale, and no level exceeds 131.
constexpr float kLargest = std::numeric_limits<float>::max() / (127 * 131);

/// Trial scales of one tile: for both table halves and both signs, the sums at each trial.
struct Scan {
  std::array<std::array<std::array<Sums, kMaxTrials>, 2>, 2> sums;  // [half][sign][trial]
  std::array<std::array<F8, 2>, 2> best;                            // [half][sign], best real scale
  F8 overall;                                                       // best of the four
};

/// What is chosen for each sub-block of a tile.
struct Pick {
  F8 s;       ///< integer scale
  F8 shift;   ///< 0 or the kernel's shift
  Sums sums;  ///< at that choice
  F8 error;
};

/// 0 where all levels are 0.
F8 best_scale(const Sums& s) noexcept {
  const F8 none = splat(0.0F);
  return s.qq > none ? s.xq / s.qq : none;
}

class Fitter {
 public:
  Fitter(const LevelFormat& format, Effort effort, bool weighted, float up)
      : f_(format),
        k_(*format.kernel),
        up_(up),
        weighted_(weighted),
        best_(effort == Effort::best) {
    trials_ = best_ ? format.trials : format.fast_trials;
  }

  /// d in units of the tiles: for choosing codes, and as it is to be stored.
  struct Common {
    float d = 0, stretched = 0;
    bool hardly_gains = false;  ///< so little that rounding may make it a loss
  };
  /// Chooses d and fills `picks`, one a tile.
  Common fit(std::span<const Tile> tiles, std::span<Scan> scans, std::span<Pick> picks) const;

 private:
  F8 error_at(const Sums& s, F8 energy, F8 scale) const noexcept {
    return energy + scale * (scale * s.qq - splat(2.0F) * s.xq);
  }
  F8 to_grid(F8 u) const noexcept;
  float stored(float d) const noexcept;
  void scan(const Tile& tile, Scan& out) const noexcept;
  F8 envelope(const Scan& scan, int half, int sign, F8 scale) const noexcept;
  double estimate(const Tile& tile, const Scan& scan, float d, Pick& pick) const noexcept;
  double choose(const Tile& tile, float d, Pick& pick) const noexcept;
  float best_common(std::span<const Tile>, std::span<const Scan>, std::span<Pick>) const noexcept;
  float refit(std::span<const Pick> picks, float d) const noexcept;

  const LevelFormat& f_;
  const LevelKernel& k_;
  float up_;       // tile units to real units
  bool weighted_;  // there is importance
  bool best_;
  int trials_;
};

/// The nearest integer scale that the format can store.
F8 Fitter::to_grid(F8 u) const noexcept {
  const auto lowest = static_cast<float>(f_.scales.min);
  const auto highest = static_cast<float>(f_.scales.max);
  const auto step = static_cast<float>(f_.scales.step);
  u = max(min(u, splat(highest)), splat(lowest));
  return splat(lowest) + splat(step) * round((u - splat(lowest)) * splat(1 / step));
}

/// d as the file will give it back.
float Fitter::stored(float d) const noexcept {
  if (!f_.f16_scale) return std::clamp(d, -kLargest / up_, kLargest / up_);
  const float real = std::clamp(d * up_, -65504.0F, 65504.0F);
  return base::f16_to_f32(base::f32_to_f16(real)) / up_;
}

void Fitter::scan(const Tile& tile, Scan& out) const noexcept {
  const F8 none = splat(0.0F);
  const F8 peak = abs(tile.peak);
  F8 overall_gain = splat(-1.0F);
  out.overall = none;
  const int halves = k_.shift != 0 ? 2 : 1;
  for (int half = 0; half < halves; ++half) {
    const F8 shift = splat(half != 0 ? k_.shift : 0.0F);
    const F8 low = abs(splat(k_.first) + shift), high = splat(k_.last) + shift;
    // With a positive scale a positive peak meets the last level, a negative one the first.
    const F8 end[2] = {tile.peak > none ? high : low, tile.peak > none ? low : high};
    F8 gain[2] = {splat(-1.0F), splat(-1.0F)};
    for (int t = 0; t < trials_; ++t) {
      const float ratio = f_.narrowest + (f_.widest - f_.narrowest) * static_cast<float>(t) /
                                             static_cast<float>(trials_ - 1);
      const F8 over = splat(ratio) / peak;
      const F8 inverse[2] = {peak > none ? over * end[0] : none,
                             peak > none ? -over * end[1] : none};
      Sums sums[2];
      k_.sums2(tile, inverse, shift, sums);
      for (int sign = 0; sign < 2; ++sign) {
        out.sums[half][sign][t] = sums[sign];
        const F8 scale = best_scale(sums[sign]);
        const F8 g = scale * sums[sign].xq;
        out.best[half][sign] = g > gain[sign] ? scale : out.best[half][sign];
        out.overall = g > overall_gain ? scale : out.overall;
        gain[sign] = max(g, gain[sign]);
        overall_gain = max(g, overall_gain);
      }
    }
  }
}

/// Least error (less the energy) of the trials' codes at another scale.
F8 Fitter::envelope(const Scan& scan, int half, int sign, F8 scale) const noexcept {
  const auto& sums = scan.sums[half][sign];
  const F8 twice = scale + scale, square = scale * scale;
  F8 least = square * sums[0].qq - twice * sums[0].xq;
  for (int t = 1; t < trials_; ++t) {
    least = min(least, square * sums[t].qq - twice * sums[t].xq);
  }
  return least;
}

/// Choice of integer scales and halves at d from the scan alone.
double Fitter::estimate(const Tile& tile, const Scan& scan, float d, Pick& pick) const noexcept {
  const F8 inverse = splat(d != 0 ? 1 / d : 0.0F);
  F8 least = splat(3e38F);
  const int halves = k_.shift != 0 ? 2 : 1;
  for (int half = 0; half < halves; ++half) {
    for (int sign = 0; sign < 2; ++sign) {
      const F8 u = scan.best[half][sign] * inverse;
      const F8 s0 = to_grid(u);
      // The neighbour on the other side of u.
      const auto step = static_cast<float>(f_.scales.step);
      const F8 s1 = to_grid(s0 + (u > s0 ? splat(step) : splat(-step)));
      for (const F8& s : {s0, s1}) {
        const F8 cost = envelope(scan, half, sign, s * splat(d));
        pick.s = cost < least ? s : pick.s;
        pick.shift = cost < least ? splat(half != 0 ? k_.shift : 0.0F) : pick.shift;
        least = min(cost, least);
      }
    }
  }
  pick.error = tile.energy + least;
  return sum(pick.error);
}

/// Best integer scale around the current one and best half at d, with the codes of exactly these.
double Fitter::choose(const Tile& tile, float d, Pick& pick) const noexcept {
  const F8 centre = pick.s;
  F8 least = splat(3e38F);
  const int halves = k_.shift != 0 ? 2 : 1;
  for (int half = 0; half < halves; ++half) {
    const F8 shift = splat(half != 0 ? k_.shift : 0.0F);
    for (int delta = -f_.window; delta <= f_.window; ++delta) {
      const F8 s = to_grid(centre + splat(static_cast<float>(delta * f_.scales.step)));
      const F8 scale = s * splat(d);
      const F8 inverse = scale != splat(0.0F) ? splat(1.0F) / scale : splat(0.0F);
      Sums sums;
      k_.sums(tile, inverse, shift, sums);
      const F8 error = error_at(sums, tile.energy, scale);
      const I8 better = error < least;
      pick.s = better ? s : pick.s;
      pick.shift = better ? shift : pick.shift;
      pick.sums.xq = better ? sums.xq : pick.sums.xq;
      pick.sums.qq = better ? sums.qq : pick.sums.qq;
      least = min(error, least);
    }
  }
  pick.error = least;
  return sum(least);
}

float Fitter::best_common(std::span<const Tile> tiles, std::span<const Scan> scans,
                          std::span<Pick> picks) const noexcept {
  float extreme = 0;
  for (const Scan& s : scans) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (std::fabs(s.overall[lane]) > std::fabs(extreme)) extreme = s.overall[lane];
    }
  }
  if (extreme == 0) return 0;
  const int count = best_ ? f_.commons : 8;
  const auto end = static_cast<float>(std::max(f_.scales.max, -f_.scales.min));
  double least = -1;
  float best_d = 0;
  std::vector<Pick> trial(picks.size());
  for (int i = 0; i < count; ++i) {
    const float at = end * (1.03F - 0.45F * static_cast<float>(i) / static_cast<float>(count));
    const float d = stored(-extreme / at);
    double total = 0;
    for (std::size_t t = 0; t < tiles.size(); ++t) {
      total += estimate(tiles[t], scans[t], d, trial[t]);
    }
    if (least < 0 || total < least) {
      least = total;
      best_d = d;
      std::copy(trial.begin(), trial.end(), picks.begin());
    }
  }
  return best_d;
}

float Fitter::refit(std::span<const Pick> picks, float d) const noexcept {
  double above = 0, below = 0;
  for (const Pick& p : picks) {
    above += sum(p.s * p.sums.xq);
    below += sum(p.s * p.s * p.sums.qq);
  }
  return below > 0 ? stored(static_cast<float>(above / below)) : d;
}

Fitter::Common Fitter::fit(std::span<const Tile> tiles, std::span<Scan> scans,
                           std::span<Pick> picks) const {
  double energy = 0;
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    scan(tiles[t], scans[t]);
    energy += sum(tiles[t].energy);
  }
  float d = best_common(tiles, scans, picks);
  const auto choose_all = [&](float at, std::span<Pick> into) {
    double total = 0;
    for (std::size_t t = 0; t < tiles.size(); ++t) total += choose(tiles[t], at, into[t]);
    return total;
  };
  double error = choose_all(d, picks);
  std::vector<Pick> next(picks.begin(), picks.end());
  for (int round = 0; round < (best_ ? f_.rounds : 1); ++round) {
    const float moved = refit(picks, d);
    if (moved == d) break;
    const double moved_error = choose_all(moved, next);
    if (!(moved_error < error)) break;
    d = moved;
    error = moved_error;
    std::copy(next.begin(), next.end(), picks.begin());
  }
  if (!(error < energy)) return {};
  const float stretch = fit::stretch(energy, energy - error, weighted_);
  return {.d = d, .stretched = stored(d * stretch), .hardly_gains = error > 0.99 * energy};
}

/// Buffers of one call of encode_levels.
struct Workspace {
  std::vector<Tile> tiles;
  std::vector<Scan> scans;
  std::vector<Pick> picks;
};

/// The tiles of one super-block at x.
void fill_tiles(const LevelFormat& format, const float* x, const float* v, float down,
                std::span<Tile> tiles) {
  for (std::size_t part = 0; part < tiles.size(); ++part) {
    std::array<TileLane, kLanes> from;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t at = (part * kLanes + lane) * format.sub_elems;
      from[lane] = {.x = x + at, .v = v + at, .down = down};
    }
    fill_tile(from, format.sub_elems, tiles[part]);
  }
}

void take_codes(const LevelFormat& format, const Tile& tile, const Pick& pick, float d,
                std::size_t part, LevelBlock& block) {
  const F8 scale = pick.s * splat(d);
  const F8 inverse = scale != splat(0.0F) ? splat(1.0F) / scale : splat(0.0F);
  format.kernel->codes(tile, inverse, pick.shift,
                       block.code.data() + part * kLanes * format.sub_elems);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    block.scale[part * kLanes + lane] = static_cast<std::int16_t>(pick.s[lane]);
    block.half[part * kLanes + lane] = pick.shift[lane] != 0 ? 1 : 0;
  }
}

void store_scale(const LevelFormat& format, float d, std::byte* at) noexcept {
  if (format.f16_scale) {
    base::store_f16(at, std::clamp(d, -65504.0F, 65504.0F));
  } else {
    base::store(at, d);
  }
}

float load_scale(const LevelFormat& format, const std::byte* at) noexcept {
  return format.f16_scale ? base::load_f16(at) : base::load_f32(at);
}

/// True of a d with fewer digits than the search takes for granted: an f16 below its normal range.
bool is_coarse(const LevelFormat& format, float d) noexcept {
  return format.f16_scale && d != 0 && std::fabs(d) < 0x1p-14F;
}

/// The stretched d of tiny weights, rounded to a coarse f16, can be off by half, and d can come
/// from columns that count for next to nothing. Where that makes the weights worse than zeros it is
/// replaced by the `plain` d, and that by zeros. `coded` begins with d.
void mend_worse_than_zero(const LevelFormat& format, std::span<const float> x,
                          const float* importance, float plain, std::span<std::byte> coded) {
  std::vector<float> decoded(x.size());
  const auto is_worse = [&] {
    decode_levels(format, coded, x.size(), decoded);
    return worse_than_zero(x.data(), decoded.data(), importance, x.size());
  };
  if (!is_worse()) return;
  store_scale(format, plain, coded.data());
  if (is_worse()) std::ranges::fill(coded, std::byte{0});
}

/// `supers` neighbouring super-blocks with one d between them; `blocks` is where they go,
/// `at_scale` where d goes.
void encode_group(const LevelFormat& format, std::span<const float> x, const float* v,
                  bool weighted, Effort effort, Workspace& work, std::byte* blocks,
                  std::byte* at_scale) {
  const std::size_t supers = x.size() / kSuper;
  const std::size_t parts = kSuper / (kLanes * format.sub_elems);  // tiles a super-block
  const float down = scale_down(x, v);
  for (std::size_t super = 0; super < supers; ++super) {
    fill_tiles(format, x.data() + super * kSuper, v + super * kSuper, down,
               std::span(work.tiles).subspan(super * parts, parts));
  }
  const auto common =
      Fitter(format, effort, weighted, 1 / down).fit(work.tiles, work.scans, work.picks);
  for (std::size_t super = 0; super < supers; ++super) {
    LevelBlock block;
    for (std::size_t part = 0; part < parts; ++part) {
      take_codes(format, work.tiles[super * parts + part], work.picks[super * parts + part],
                 common.d, part, block);
    }
    format.pack(block, blocks + super * format.block_bytes);
  }
  store_scale(format, common.stretched / down, at_scale);
  if (common.hardly_gains || has_hidden({v, x.size()}) ||
      is_coarse(format, load_scale(format, at_scale))) {
    mend_worse_than_zero(format, x, weighted ? v : nullptr, common.d / down,
                         {at_scale, format.meta_bytes() + supers * format.block_bytes});
  }
}

}  // namespace

void encode_levels(const LevelFormat& format, const EncodeInput& in, std::span<std::byte> out) {
  const std::vector<float> v = scaled_importance(in.importance, in.cols);
  const std::size_t group = format.scope == LevelFormat::Scope::row ? in.cols : kSuper;
  const std::size_t n_tiles = group / (kLanes * format.sub_elems);
  Workspace work{.tiles = std::vector<Tile>(n_tiles),
                 .scans = std::vector<Scan>(n_tiles),
                 .picks = std::vector<Pick>(n_tiles)};
  const std::size_t row_bytes = format.meta_bytes() + in.cols / kSuper * format.block_bytes;
  for (std::size_t row = 0; row < in.rows; ++row) {
    std::byte* row_out = out.data() + row * row_bytes;
    for (std::size_t first = 0; first < in.cols; first += group) {
      std::byte* blocks = row_out + format.meta_bytes() + first / kSuper * format.block_bytes;
      std::byte* at_scale = format.scope == LevelFormat::Scope::row ? row_out : blocks;
      encode_group(format, {in.row(row) + first, group}, v.data() + first, !in.importance.empty(),
                   in.effort, work, blocks, at_scale);
    }
  }
}

void decode_levels(const LevelFormat& format, std::span<const std::byte> in, std::size_t cols,
                   std::span<float> out) noexcept {
  const bool per_row = format.scope == LevelFormat::Scope::row;
  const LevelKernel& kernel = *format.kernel;
  LevelBlock block;
  for (std::size_t super = 0; super < cols / kSuper; ++super) {
    const std::byte* at = in.data() + format.meta_bytes() + super * format.block_bytes;
    const float d = load_scale(format, per_row ? in.data() : at);
    format.unpack(at, block);
    float* y = out.data() + super * kSuper;
    for (std::size_t b = 0; b < kSuper / format.sub_elems; ++b) {
      const float scale = d * static_cast<float>(block.scale[b]);
      const float shift = block.half[b] != 0 ? kernel.shift : 0.0F;
      for (std::size_t i = b * format.sub_elems; i < (b + 1) * format.sub_elems; ++i) {
        y[i] = scale * (kernel.levels[block.code[i]] + shift);
      }
    }
  }
}

std::optional<BadBlock> check_levels(const LevelFormat& format, std::span<const std::byte> in,
                                     std::size_t cols) noexcept {
  const bool per_row = format.scope == LevelFormat::Scope::row;
  for (std::size_t b = 0; b < (per_row ? 1 : cols / kSuper); ++b) {
    const std::size_t at = b * format.block_bytes;
    const float d = load_scale(format, in.data() + at);
    if (!std::isfinite(d)) return BadBlock{.block = b, .offset = at, .what = "scale is not finite"};
    if (std::fabs(d) > kLargest) {
      return BadBlock{.block = b, .offset = at, .what = "scale is so large that weights overflow"};
    }
  }
  return std::nullopt;
}

}  // namespace quant
