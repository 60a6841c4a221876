#include "quant/ternary/level_sweep.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "quant/codebook/lanes.h"

namespace quant {
namespace {

// Seen from large scales to small ones, the code of an element changes from 0 to +-1 at 2 |x|, its
// step. A step adds w |x| to sum w x q (its `linear` part) and w to sum w q^2 (`square`); linear =
// square * at / 2. The codes between two steps gain linear^2 / square over zeros with the scale
// linear / square.

constexpr float kNever = std::numeric_limits<float>::infinity();

struct Sums {
  double linear = 0, square = 0;

  void add(const Sums& o) noexcept {
    linear += o.linear;
    square += o.square;
  }
  /// True if these codes gain more than `o`: without the divisions.
  bool gains_more_than(const Sums& o) const noexcept {
    return linear * linear * o.square > o.linear * o.linear * square;
  }
};

/// The steps of a row, sorted into buckets of equal width by the scale at which they are taken.
/// Only the buckets that may hold the best prefix are sorted.
template <std::size_t Buckets>
class Sweep {
 public:
  Sweep(std::span<const float> x, std::span<const double> w, float peak)
      : x_(x),
        w_(w),
        buckets_a_unit_(static_cast<double>(Buckets) / (2 * static_cast<double>(peak))),
        bucket_(x.size()),
        chosen_steps_(x.size()) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double a = magnitude(i);
      bucket_[i] = bucket_of(2 * a);
      inside_[bucket_[i]].add({w[i] * a, a > 0 ? w[i] : 0});
    }
  }

  double scale() {
    choose_buckets();
    list_steps();
    Sums best, sums;
    std::size_t bucket = Buckets;
    for (const Step& s : steps_) {
      if (s.bucket != bucket) sums = above_[bucket = s.bucket];
      sums.add(s.sums);
      if (sums.gains_more_than(best) || best.square == 0) best = sums;
    }
    return best.linear / best.square;
  }

 private:
  using Line = std::array<Sums, Buckets>;
  struct Step {
    double at;
    Sums sums;
    std::uint16_t bucket;
  };

  double magnitude(std::size_t i) const noexcept { return std::fabs(static_cast<double>(x_[i])); }
  std::uint16_t bucket_of(double at) const noexcept {
    return static_cast<std::uint16_t>(
        std::min(static_cast<int>(at * buckets_a_unit_), static_cast<int>(Buckets) - 1));
  }

  /// The sums above every bucket, and whether one of its prefixes may gain most: as many of its
  /// steps as make up its linear part, all at its upper end, cannot be beaten.
  void choose_buckets() noexcept {
    constexpr double kSafe = 1 + 1e-9;
    Sums sums, best;
    for (std::size_t b = Buckets; b-- > 0;) {
      above_[b] = sums;
      sums.add(inside_[b]);
      if (sums.gains_more_than(best) || best.square == 0) best = sums;
    }
    for (std::size_t b = 0; b < Buckets; ++b) {
      const double half_end = static_cast<double>(b + 1) / (2 * buckets_a_unit_);
      Sums most = above_[b];
      most.add({inside_[b].linear, inside_[b].linear / half_end});
      most.linear *= kSafe;
      chosen_[b] = inside_[b].linear > 0 && !best.gains_more_than(most);
    }
  }

  /// The steps in the chosen buckets, from large scales to small ones.
  void list_steps() {
    // Without branches, as no guess which are chosen comes true.
    std::size_t n = 0;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      chosen_steps_[n] = i;
      n += static_cast<std::size_t>(chosen_[bucket_[i]]);
    }
    steps_.clear();
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t i = chosen_steps_[k];
      const double a = magnitude(i);
      if (a > 0) steps_.push_back({2 * a, {w_[i] * a, w_[i]}, bucket_[i]});
    }
    std::ranges::sort(steps_, [](const Step& a, const Step& b) { return a.at > b.at; });
  }

  std::span<const float> x_;
  std::span<const double> w_;
  double buckets_a_unit_;
  std::vector<std::uint16_t> bucket_;  ///< of each element's step
  std::vector<std::size_t> chosen_steps_;
  std::vector<Step> steps_;
  Line inside_{}, above_;
  std::array<bool, Buckets> chosen_;
};

constexpr std::size_t kPacked = 32;

/// The low bytes of 32 numbers of 0 to 127.
void pack_bytes(const I8 (&v)[kPacked / kLanes], std::uint8_t* out) noexcept {
#if defined(__AVX2__) && defined(__FMA__)
  const auto words = [](I8 a, I8 b) {
    return _mm256_packs_epi32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b));
  };
  const __m256i mixed = _mm256_packs_epi16(words(v[0], v[1]), words(v[2], v[3]));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permutevar8x32_epi32(mixed, order));
#else
  for (std::size_t i = 0; i < kPacked; ++i) {
    out[i] = static_cast<std::uint8_t>(v[i / kLanes][i % kLanes]);
  }
#endif
}

float largest_magnitude(std::span<const float> x) noexcept {
  std::int32_t largest = 0;
  for (const float v : x) largest = std::max(largest, std::bit_cast<std::int32_t>(v) & 0x7fffffff);
  return std::bit_cast<float>(largest);
}

/// Whether all are -a, 0 or a.
bool are_alike(std::span<const float> x, float a) noexcept {
  const auto bits = std::bit_cast<std::int32_t>(a);
  std::int32_t others = 0;
  for (const float v : x) {
    const std::int32_t m = std::bit_cast<std::int32_t>(v) & 0x7fffffff;
    others |= static_cast<std::int32_t>(m != bits) & static_cast<std::int32_t>(m != 0);
  }
  return others == 0;
}

}  // namespace

float only_magnitude(std::span<const float> x) noexcept {
  // The first few tell of most other weights.
  constexpr std::size_t kFirst = 16;
  const std::span<const float> few = x.first(std::min(kFirst, x.size()));
  if (!are_alike(few, largest_magnitude(few))) return 0;
  const float largest = largest_magnitude(x);
  return are_alike(x, largest) ? largest : 0.0F;
}

double best_scale(std::span<const float> x, std::span<const double> w) {
  if (const float a = only_magnitude(x); a > 0) return static_cast<double>(a);
  const float peak = largest_magnitude(x);
  if (peak == 0) return 0;
  return x.size() <= 256 ? Sweep<128>(x, w, peak).scale() : Sweep<1024>(x, w, peak).scale();
}

void nearest_levels(std::span<const float> x, float d, TopLevel top,
                    std::span<std::uint8_t> codes) noexcept {
  if (d == 0) {
    std::ranges::fill(codes, std::uint8_t{1});
    return;
  }
  // Ties go to the even level.
  const float sign = d < 0 ? -1.0F : 1.0F, half = 0.5F * std::fabs(d);
  const float second = top == TopLevel::two ? 1.5F * std::fabs(d) : kNever;
  std::size_t i = 0;
  for (; i + kPacked <= x.size(); i += kPacked) {
    I8 level[kPacked / kLanes];
    for (std::size_t k = 0; k < kPacked / kLanes; ++k) {
      const F8 v = sign * load8(x.data() + i + k * kLanes);
      // What holds is -1.
      level[k] = splat(1) - (v > half) + (v < -half) - (v >= second);
    }
    pack_bytes(level, codes.data() + i);
  }
  for (; i < x.size(); ++i) {
    const float v = sign * x[i];
    codes[i] =
        static_cast<std::uint8_t>(1 + static_cast<int>(v > half) - static_cast<int>(v < -half) +
                                  static_cast<int>(v >= second));
  }
}

std::vector<double> objective_weights(std::span<const float> importance, std::size_t n) {
  double total = 0;
  for (const float v : importance) total += static_cast<double>(v);
  if (total == 0) return std::vector<double>(n, 1.0);
  const double least = 1e-6 * total / static_cast<double>(n);
  std::vector<double> w(importance.begin(), importance.end());
  for (double& v : w) v = std::max(v, least) / total;
  return w;
}

}  // namespace quant
