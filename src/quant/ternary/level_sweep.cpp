#include "quant/ternary/level_sweep.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace quant {
namespace {

// Seen from large scales to small ones, an element's code moves away from zero at known scales, its
// steps: from 0 to +-1 at 2 |x|, from 1 to 2 at x / 1.5. A step adds w |x| or w x to sum w x q (its
// `linear` part) and w or 3 w to sum w q^2 (`square`); of either kind linear = square * at / 2. The
// codes between two steps gain linear^2 / square over zeros with the scale linear / square.

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
  Sweep(std::span<const float> x, std::span<const double> w, TopLevel top, float peak)
      : x_(x),
        w_(w),
        top_(top),
        buckets_a_unit_(static_cast<double>(Buckets) / (2 * static_cast<double>(peak))),
        places_(x.size()),
        chosen_steps_(2 * x.size()) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double a = magnitude(i), w_used = a > 0 ? w[i] : 0;
      places_[i] = {bucket_of(2 * a), bucket_of(a / 1.5)};
      first_[places_[i].first].add({w[i] * a, w_used});
      second_[x[i] < 0 ? 1 : 0][places_[i].second].add({w[i] * a, 3 * w_used});
    }
  }

  double scale() {
    const Sums up = best(0);
    const double scale = up.linear / up.square;
    if (top_ == TopLevel::one) return scale;
    const Sums down = best(1);
    return down.gains_more_than(up) ? -down.linear / down.square : scale;
  }

 private:
  using Line = std::array<Sums, Buckets>;
  struct Places {
    std::uint16_t first, second;  ///< buckets of the steps 0 to +-1 and 1 to 2
  };
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

  /// Sums of the best codes for scales of this sign, 1: negative.
  Sums best(std::size_t sign) {
    choose_buckets(sign);
    list_steps(sign);
    Sums best, sums;
    std::size_t bucket = Buckets;
    for (const Step& s : steps_) {
      if (s.bucket != bucket) sums = above_[bucket = s.bucket];
      sums.add(s.sums);
      if (sums.gains_more_than(best) || best.square == 0) best = sums;
    }
    return best;
  }

  /// The sums above every bucket, and whether one of its prefixes may gain most: as many of its
  /// steps as make up its linear part, all at its upper end, cannot be beaten.
  void choose_buckets(std::size_t sign) noexcept {
    constexpr double kSafe = 1 + 1e-9;
    Line inside = first_;
    Sums sums, best;
    for (std::size_t b = Buckets; b-- > 0;) {
      if (top_ == TopLevel::two) inside[b].add(second_[sign][b]);
      above_[b] = sums;
      sums.add(inside[b]);
      if (sums.gains_more_than(best) || best.square == 0) best = sums;
    }
    for (std::size_t b = 0; b < Buckets; ++b) {
      const double half_end = static_cast<double>(b + 1) / (2 * buckets_a_unit_);
      Sums most = above_[b];
      most.add({inside[b].linear, inside[b].linear / half_end});
      most.linear *= kSafe;
      chosen_[b] = inside[b].linear > 0 && !best.gains_more_than(most);
    }
  }

  /// The steps in the chosen buckets, from large scales to small ones.
  void list_steps(std::size_t sign) {
    // Without branches, as no guess which are chosen comes true.
    std::size_t n = 0;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const auto negative = static_cast<std::size_t>(x_[i] < 0);
      chosen_steps_[n] = 2 * i;
      n += static_cast<std::size_t>(chosen_[places_[i].first]);
      chosen_steps_[n] = 2 * i + 1;
      n += static_cast<std::size_t>(chosen_[places_[i].second] & (negative == sign) &
                                    (top_ == TopLevel::two));
    }
    steps_.clear();
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t i = chosen_steps_[k] / 2;
      const double a = magnitude(i);
      if (a == 0) continue;
      if (chosen_steps_[k] % 2 == 0) {
        steps_.push_back({2 * a, {w_[i] * a, w_[i]}, places_[i].first});
      } else {
        steps_.push_back({a / 1.5, {w_[i] * a, 3 * w_[i]}, places_[i].second});
      }
    }
    std::ranges::sort(steps_, [](const Step& a, const Step& b) { return a.at > b.at; });
  }

  std::span<const float> x_;
  std::span<const double> w_;
  TopLevel top_;
  double buckets_a_unit_;
  std::vector<Places> places_;
  std::vector<std::size_t> chosen_steps_;  ///< 2 i: of element i the first, 2 i + 1: the second
  std::vector<Step> steps_;
  Line first_{}, above_;
  std::array<Line, 2> second_{};  ///< of positive and of negative weights
  std::array<bool, Buckets> chosen_;
};

float largest_magnitude(std::span<const float> x) noexcept {
  std::int32_t largest = 0;
  for (const float v : x) largest = std::max(largest, std::bit_cast<std::int32_t>(v) & 0x7fffffff);
  return std::bit_cast<float>(largest);
}

}  // namespace

float only_magnitude(std::span<const float> x) noexcept {
  const float largest = largest_magnitude(x);
  const auto bits = std::bit_cast<std::int32_t>(largest);
  std::int32_t others = 0;
  for (const float v : x) {
    const std::int32_t m = std::bit_cast<std::int32_t>(v) & 0x7fffffff;
    others |= static_cast<std::int32_t>(m != bits) & static_cast<std::int32_t>(m != 0);
  }
  return others == 0 ? largest : 0.0F;
}

double best_scale(std::span<const float> x, std::span<const double> w, TopLevel top) {
  if (const float a = only_magnitude(x); a > 0) return static_cast<double>(a);
  const float peak = largest_magnitude(x);
  if (peak == 0) return 0;
  if (x.size() <= 64) return Sweep<32>(x, w, top, peak).scale();
  if (x.size() <= 256) return Sweep<128>(x, w, top, peak).scale();
  return Sweep<1024>(x, w, top, peak).scale();
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
  for (std::size_t i = 0; i < x.size(); ++i) {
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
