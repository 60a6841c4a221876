#include "surgery/value_error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "eval/format_error.h"

namespace surgery {

void ValueError::add(std::span<const float> a, std::span<const float> b) noexcept {
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]);
    const double y = static_cast<double>(b[i]);
    if (!std::isfinite(x) || !std::isfinite(y)) {
      add_not_finite(x, y);
      continue;
    }
    const double d = x - y;
    error_ += d * d;
    a_ += x * x;
    b_ += y * y;
    ab_ += x * y;
    max_error_ = std::max(max_error_, std::fabs(d));
    n_different_ += a[i] == b[i] ? 0 : 1;
  }
  n_ += a.size();
}

void ValueError::add_not_finite(double a, double b) noexcept {
  if (a == b || (std::isnan(a) && std::isnan(b))) return;
  ++n_different_;
  error_ = std::numeric_limits<double>::infinity();
  max_error_ = error_;
}

void ValueError::add_equal(std::span<const float> a) noexcept {
  double square = 0;
  for (const float v : a) {
    const double x = static_cast<double>(v);
    square += std::isfinite(x) ? x * x : 0;
  }
  a_ += square;
  b_ += square;
  ab_ += square;
  n_ += a.size();
}

ValueError& ValueError::operator+=(const ValueError& other) noexcept {
  n_ += other.n_;
  n_different_ += other.n_different_;
  error_ += other.error_;
  a_ += other.a_;
  b_ += other.b_;
  ab_ += other.ab_;
  max_error_ = std::max(max_error_, other.max_error_);
  return *this;
}

double ValueError::relative_rmse() const noexcept {
  if (error_ == 0) return 0;
  return a_ > 0 ? std::sqrt(error_ / a_) : std::numeric_limits<double>::infinity();
}

double ValueError::cosine() const noexcept {
  if (a_ == 0 && b_ == 0) return 1;
  return a_ > 0 && b_ > 0 ? ab_ / std::sqrt(a_ * b_) : 0;
}

double typical_error(const quant::Codec& codec) {
  if (codec.encode == nullptr) return std::numeric_limits<double>::infinity();
  constexpr std::size_t kCols = 4096;
  const std::size_t rows = std::max<std::size_t>(4, codec.group_rows);
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0F, 0.05F);
  std::vector<float> x(rows * kCols);
  for (float& v : x) v = normal(random);
  return eval::format_error(
             codec,
             {.x = x, .rows = rows, .cols = kCols, .importance = {}, .effort = quant::Effort::fast})
      .relative_rmse();
}

}  // namespace surgery
