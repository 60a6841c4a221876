// q8_KV: signed bytes with one f32 scale a row, and their sum for kernels that shift one operand;
// 8 bits per weight. Source: docs/spec/types/iqk.md, section 23.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "quant/fit/column_weights.h"
#include "quant/fit/eight.h"
#include "quant/registry.h"

namespace quant {
namespace {
using eight::F8, eight::I8, eight::fused, eight::max, eight::min, eight::splat;

constexpr std::size_t kRun = 32;            // elements handled together
constexpr std::size_t kSum = 4, kMeta = 8;  // scale, sum of the codes, then the codes

void decode(std::span<const std::byte> in, std::size_t cols, std::span<float> out) noexcept {
  const float scale = base::load_f32(in.data());
  for (std::size_t i = 0; i < cols; ++i) {
    out[i] = scale * static_cast<float>(base::load_i8(in.data() + kMeta + i));
  }
}

F8 load(const float* p) noexcept {
  F8 v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
F8 magnitude(F8 x) noexcept {
  return reinterpret_cast<F8>(reinterpret_cast<I8>(x) & splat(0x7fffffff));
}
constexpr double kLargest = std::numeric_limits<float>::max();

double total_of(F8 v) noexcept {
  double total = 0;
  for (int i = 0; i < 8; ++i) total += static_cast<double>(v[i]);
  return total;
}

/// The largest magnitudes of a row: lane l of peak g is that of elements 32 g + l + {0, 8, 16, 24}.
struct Peaks {
  std::vector<float> lanes;
  float largest = 0;

  void find(std::span<const float> x) noexcept {
    F8 whole = splat(0.0F);
    for (std::size_t i = 0; i < x.size(); i += kRun) {
      const F8 run = max(max(magnitude(load(&x[i])), magnitude(load(&x[i + 8]))),
                         max(magnitude(load(&x[i + 16])), magnitude(load(&x[i + 24]))));
      std::memcpy(&lanes[i / 4], &run, sizeof run);
      whole = max(whole, run);
    }
    largest = 0;
    for (int i = 0; i < 8; ++i) largest = std::max(largest, whole[i]);
  }
};

/// What a shorter reach must gain by the model below, relative to the squared error, to be
/// measured.
constexpr double least_gain(Effort effort) noexcept { return effort == Effort::best ? 0.02 : 0.1; }

/// A row with what an error in its columns is worth.
struct Row {
  std::span<const float> x;
  const float* w;  ///< null: all 1
  double total;    ///< sum of w
  double least_gain;
};

/// Bit i: lane i of a comparison.
unsigned bits_of(I8 mask) noexcept {
#if defined(__AVX2__)
  return static_cast<unsigned>(_mm256_movemask_ps(reinterpret_cast<__m256>(mask)));
#else
  unsigned bits = 0;
  for (unsigned i = 0; i < 8; ++i) bits |= static_cast<unsigned>(mask[i] != 0) << i;
  return bits;
#endif
}

/// The magnitudes beyond a limit.
struct Outliers {
  struct One {
    double a, w;
  };
  std::vector<One> found;  ///< room for a row is kept
  float limit = 0;

  void find(const Row& row, const Peaks& peaks, float beyond) {
    limit = beyond;
    found.clear();
    for (std::size_t i = 0; i < row.x.size(); i += kRun) {
      unsigned lanes = bits_of(load(&peaks.lanes[i / 4]) > splat(beyond));
      for (; lanes != 0; lanes &= lanes - 1) {
        const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
        for (std::size_t at = i + lane; at < i + kRun; at += 8) add(row, at);
      }
    }
  }
  void add(const Row& row, std::size_t at) {
    const float a = std::fabs(row.x[at]);
    if (!(a > limit)) return;
    found.push_back(
        {.a = static_cast<double>(a), .w = row.w == nullptr ? 1 : static_cast<double>(row.w[at])});
  }
};

/// What is lost with a reach c, the largest magnitude that the codes express: rounding costs each
/// weight c^2 / (12 127^2), cutting costs (|x| - c)^2. Convex in c, with a concave slope.
struct Reach {
  double rounding;                ///< cost of rounding is this times c^2
  double linear = 0, weight = 0;  ///< sums of w |x| and w over the weights cut off
  double square = 0;              ///< sum of w x^2

  Reach(double rounding_, const Outliers& outliers, double c) noexcept : rounding(rounding_) {
    for (const auto& [a, w] : outliers.found) {
      if (!(a > c)) continue;
      linear += w * a;
      weight += w;
      square += w * a * a;
    }
  }
  /// Half the slope of the cost.
  double slope(double c) const noexcept { return (rounding + weight) * c - linear; }
  double cost(double c) const noexcept {
    return rounding * c * c + square - 2 * c * linear + c * c * weight;
  }
  /// Where the cost is least if the same weights are cut off.
  double best() const noexcept { return linear / (rounding + weight); }
};

/// The reach with the least cost by the model above; the largest magnitude where cutting does not
/// pay.
float best_reach(const Row& row, const Peaks& peaks, Outliers& outliers) {
  const double rounding = row.total / (12 * 127.0 * 127.0);
  const double whole = static_cast<double>(peaks.largest);
  outliers.find(row, peaks, 0.87F * peaks.largest);
  double shorter = 0.03;  // steps grow: to halves where the outliers are of no importance
  double c = whole;
  while ((c *= 1 - shorter) > whole / 1000) {
    shorter = std::min(1.5 * shorter, 0.5);
    if (c < static_cast<double>(outliers.limit)) {
      outliers.find(row, peaks, static_cast<float>(0.8 * c));
    }
    const Reach at(rounding, outliers, c);
    if (at.slope(c) >= 0) continue;
    // The slope is concave: from here Newton's steps come nearer and never pass the best reach.
    const Reach nearer(rounding, outliers, at.best());
    const double best = nearer.best(), cost = nearer.cost(best);
    return rounding * whole * whole > (1 + row.least_gain) * cost ? static_cast<float>(best)
                                                                  : peaks.largest;
  }
  return peaks.largest;
}

/// What codes and a scale make of a row, in units of the scale: r = x / scale - code.
struct Coded {
  double rr = 0, rq = 0, qq = 0;  ///< weighted sums of r^2, r code, code^2
  std::int32_t sum = 0;           ///< of the codes

  /// Of the scale that suits the codes best.
  double change() const noexcept { return qq > 0 ? rq / qq : 0; }
  double error() const noexcept { return rr - rq * change(); }
};

/// The bytes of four times eight lanes -128..127.
void store_bytes(const I8* q, std::byte* out) noexcept {
#if defined(__AVX2__)
  const auto pack = [](I8 a, I8 b) {
    return _mm256_packs_epi32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b));
  };
  const __m256i bytes = _mm256_packs_epi16(pack(q[0], q[1]), pack(q[2], q[3]));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permutevar8x32_epi32(bytes, order));
#else
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t i = 0; i < 8; ++i) {
      base::store(out + 8 * k + i, static_cast<std::int8_t>(q[k][i]));
    }
  }
#endif
}

// Adding it leaves no fraction bits, and the integer in the last bits.
constexpr float kRounder = 0x1.8p23F;

/// Codes for `scale`. `Cut`: weights beyond the codes occur, and the errors matter: rr is computed,
/// and `whole` is set to the sum of w r^2 for the scale `full`, beyond which there are none.
template <bool Weighted, bool Cut>
Coded code_row(const Row& row, float scale, float full, double& whole, std::byte* out) noexcept {
  const F8 inverse = splat(1 / scale), inverse_full = splat(1 / full);
  F8 rr = splat(0.0F), rq = splat(0.0F), qq = splat(0.0F), full_rr = splat(0.0F);
  I8 total = splat(0);
  for (std::size_t i = 0; i < row.x.size(); i += kRun) {
    I8 code[kRun / 8];
    for (std::size_t k = 0; k < kRun / 8; ++k) {
      const F8 w = Weighted ? load(row.w + i + 8 * k) : splat(1.0F);
      const F8 x = load(&row.x[i + 8 * k]), y = x * inverse;
      const F8 shifted = (Cut ? max(min(y, splat(127.0F)), splat(-127.0F)) : y) + splat(kRounder);
      const F8 q = shifted - splat(kRounder);
      const F8 r = y - q;
      const F8 wq = Weighted ? w * q : q;
      rq = fused(wq, r, rq);
      qq = fused(wq, q, qq);
      if constexpr (Cut) {
        rr = fused(Weighted ? w * r : r, r, rr);
        const F8 z = x * inverse_full;
        const F8 s = z - ((z + splat(kRounder)) - splat(kRounder));
        full_rr = fused(Weighted ? w * s : s, s, full_rr);
      }
      code[k] = reinterpret_cast<I8>(shifted) - reinterpret_cast<I8>(splat(kRounder));
      total += code[k];
    }
    store_bytes(code, out + i);
  }
  if constexpr (Cut) whole = total_of(full_rr);
  Coded coded{.rr = total_of(rr), .rq = total_of(rq), .qq = total_of(qq)};
  for (int i = 0; i < 8; ++i) coded.sum += total[i];
  return coded;
}

/// The scale that reaches `c`, such that no weight overflows; 0 if it were too small to divide by.
float scale_for(double c) noexcept {
  float scale = static_cast<float>(c / 127);
  if (!std::isfinite(scale * 127)) scale = std::nextafter(scale, 0.0F);  // rounded up
  return scale >= std::numeric_limits<float>::min() ? scale : 0;
}

/// Used again from row to row.
struct Room {
  Peaks peaks;
  Outliers outliers;
};

template <bool Weighted>
void encode_row(const Row& row, Room& room, std::byte* out) {
  Peaks& peaks = room.peaks;
  std::byte* codes = out + kMeta;
  peaks.find(row.x);
  const float full = scale_for(static_cast<double>(peaks.largest));
  if (full == 0) {
    std::fill_n(out, kMeta + row.x.size(), std::byte{0});
    return;
  }
  const float reach = best_reach(row, peaks, room.outliers);
  float scale = reach < peaks.largest ? scale_for(static_cast<double>(reach)) : 0;
  Coded coded;
  double whole = 0;
  if (scale > 0) {
    coded = code_row<Weighted, true>(row, scale, full, whole, codes);
    const double ratio = static_cast<double>(full) / static_cast<double>(scale);
    if (coded.error() >= whole * ratio * ratio) scale = 0;
  }
  if (scale == 0) {
    scale = full;
    coded = code_row<Weighted, false>(row, full, full, whole, codes);
  }
  const double fitted = static_cast<double>(scale) * (1 + coded.change());
  base::store(out, scale_for(127 * std::min(fitted, kLargest / 127)));
  base::store(out + kSum, coded.sum);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  const std::vector<float> w = fit::column_weights(in.importance);
  Row row{.x = {},
          .w = w.empty() ? nullptr : w.data(),
          .total = static_cast<double>(in.cols),
          .least_gain = least_gain(in.effort)};
  if (!w.empty()) {
    F8 total = splat(0.0F);
    for (std::size_t i = 0; i < w.size(); i += 8) total = total + load(&w[i]);
    row.total = total_of(total);
  }
  Room room{.peaks = {.lanes = std::vector<float>(in.cols / 4)}, .outliers = {}};
  for (std::size_t r = 0; r < in.rows; ++r) {
    row.x = {in.row(r), in.cols};
    std::byte* to = out.data() + r * (kMeta + in.cols);
    if (w.empty()) {
      encode_row<false>(row, room, to);
    } else {
      encode_row<true>(row, room, to);
    }
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  const float scale = base::load_f32(in.data());
  if (!std::isfinite(scale)) {
    return BadBlock{.block = 0, .offset = 0, .what = "scale is not finite"};
  }
  if (std::isfinite(scale * 128)) return std::nullopt;
  for (std::size_t i = 0; i < cols; ++i) {
    if (!std::isfinite(scale * static_cast<float>(base::load_i8(in.data() + kMeta + i)))) {
      return BadBlock{.block = i / 32, .offset = kMeta + i, .what = "a weight overflows"};
    }
  }
  return std::nullopt;
}

}  // namespace

const Codec q8_KV{.id = 151,
                  .name = "q8_KV",
                  .family = Family::iqk,
                  .readers = Readers::ik_only,
                  .block_elems = 32,
                  .block_bytes = 32,
                  .row_meta_bytes = kMeta,
                  .spec = "docs/spec/types/iqk.md, section 23",
                  .decode = decode,
                  .encode = encode,
                  .check = check};
}  // namespace quant
