#include "quant/fit/worse_than_zero.h"

namespace quant {

bool worse_than_zero(const float* x, const float* y, const float* importance,
                     std::size_t n) noexcept {
  double error = 0, energy = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double v = importance == nullptr ? 1.0 : static_cast<double>(importance[i]);
    const double a = static_cast<double>(x[i]);
    const double difference = a - static_cast<double>(y[i]);
    error += v * difference * difference;
    energy += v * a * a;
  }
  return error > energy;
}

}  // namespace quant
