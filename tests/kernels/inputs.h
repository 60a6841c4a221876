// Seeded inputs for kernel tests.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace kernels_test {

/// Gaussian values with a few outliers and exact zeros, as activations have.
inline std::vector<float> random_floats(std::size_t n, std::uint32_t seed, float scale = 1) {
  std::mt19937 bits(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = scale * normal(bits);
    if (bits() % 97 == 0) x[i] *= 20;
    if (bits() % 89 == 0) x[i] = 0;
  }
  return x;
}

inline double max_abs(const std::vector<float>& x) {
  double peak = 0;
  for (const float v : x) peak = std::max(peak, std::fabs(static_cast<double>(v)));
  return peak;
}

}  // namespace kernels_test
