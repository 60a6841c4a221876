// Operations on single rows, and cache conversion. Formulas: docs/spec/models.md, 1.3.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/bytes.h"
#include "kernels/reference/reference.h"

namespace kernels::reference {

void rms_norm(const float* x, const float* w, float eps, std::size_t n, float* out) noexcept {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i] * x[i]);
  const float mean = static_cast<float>(sum / static_cast<double>(n));
  const float factor = 1.0F / std::sqrt(mean + eps);
  for (std::size_t i = 0; i < n; ++i) out[i] = x[i] * factor * (w != nullptr ? w[i] : 1.0F);
}

void layer_norm(const float* x, const float* w, const float* b, float eps, std::size_t n,
                float* out) noexcept {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]);
  const float mean = static_cast<float>(sum / static_cast<double>(n));
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const float d = x[i] - mean;
    squares += static_cast<double>(d * d);
  }
  const float variance = static_cast<float>(squares / static_cast<double>(n));
  const float factor = 1.0F / std::sqrt(variance + eps);
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = (x[i] - mean) * factor * (w != nullptr ? w[i] : 1.0F) + (b != nullptr ? b[i] : 0.0F);
  }
}

void silu_mul(float* gate, const float* up, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) gate[i] = gate[i] / (1.0F + std::exp(-gate[i])) * up[i];
}

void gelu_mul(float* gate, const float* up, std::size_t n) noexcept {
  constexpr float kRoot = 0.79788456080286535588F;  // sqrt(2 / pi)
  for (std::size_t i = 0; i < n; ++i) {
    const float z = gate[i];
    const float t = std::tanh(kRoot * z * (1.0F + 0.044715F * z * z));
    gate[i] = 0.5F * z * (1.0F + t) * up[i];
  }
}

void add_scaled(float* y, float a, const float* x, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] += a * x[i];
}

void add_squares(double* sums, const float* x, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    sums[i] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
}

float largest(const float* x, std::size_t n) noexcept { return *std::max_element(x, x + n); }

double sum_exp(const float* x, float m, std::size_t n) noexcept {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(std::exp(x[i] - m));
  return sum;
}

void to_cache(CacheType type, const float* x, std::size_t n, std::byte* out) noexcept {
  if (type == CacheType::f32) {
    std::memcpy(out, x, n * sizeof(float));
    return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    base::store(out + 2 * i,
                type == CacheType::f16 ? base::f32_to_f16(x[i]) : base::f32_to_bf16(x[i]));
  }
}

void from_cache(CacheType type, const std::byte* x, std::size_t n, float* out) noexcept {
  if (type == CacheType::f32) {
    std::memcpy(out, x, n * sizeof(float));
    return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = type == CacheType::f16 ? base::load_f16(x + 2 * i) : base::load_bf16(x + 2 * i);
  }
}

}  // namespace kernels::reference
