#include "quant/trellis/row_input.h"

#include <algorithm>
#include <cmath>

namespace quant {
namespace {

constexpr float kLargest = 2e37F;
constexpr float kSmallest = 1e-30F;  // scales of smaller rows would be subnormal
constexpr double kSmallestWeight = 1e-6;

std::vector<float> objective(std::span<const float> importance, std::size_t cols) {
  std::vector<float> w(cols, 1.0F);
  double total = 0;
  for (const float v : importance) total += static_cast<double>(v);
  if (total == 0) return w;
  const double inverse = static_cast<double>(cols) / total;
  for (std::size_t i = 0; i < cols; ++i) {
    w[i] =
        static_cast<float>(std::max(static_cast<double>(importance[i]) * inverse, kSmallestWeight));
  }
  return w;
}

}  // namespace

RowInput prepare_row(const EncodeInput& in, std::size_t r) {
  RowInput out;
  out.x.assign(in.row(r), in.row(r) + in.cols);
  float peak = 0;
  for (float& x : out.x) {
    x = std::clamp(x, -kLargest, kLargest);
    peak = std::max(peak, std::fabs(x));
  }
  out.zero = peak < kSmallest;
  if (out.zero) return out;
  const int exponent = std::ilogb(peak);
  out.unit = std::ldexp(1.0F, exponent);
  for (float& x : out.x) x = std::ldexp(x, -exponent);
  out.weighted = !in.importance.empty();
  out.w = objective(in.importance, in.cols);
  return out;
}

}  // namespace quant
