// The scalar table: the specification of every operation, complete, as plain as the formulas.
#pragma once

#include "kernels/tables.h"

namespace kernels {
namespace reference {

void pack(Packing packing, const float* x, std::size_t x_stride, std::size_t n, std::size_t cols,
          std::byte* out) noexcept;
void matmul(const MatmulArgs& args) noexcept;
/// Sum of x[i] * y[i]: exact products, eight running sums in f64, added pairwise at the end.
float dot(const float* x, const float* y, std::size_t n) noexcept;

std::size_t attention_scratch(const AttentionArgs& args) noexcept;
void attention(const AttentionArgs& args) noexcept;

void rms_norm(const float* x, const float* w, float eps, std::size_t n, float* out) noexcept;
void layer_norm(const float* x, const float* w, const float* b, float eps, std::size_t n,
                float* out) noexcept;
void silu_mul(float* gate, const float* up, std::size_t n) noexcept;
void gelu_mul(float* gate, const float* up, std::size_t n) noexcept;
void add_scaled(float* y, float a, const float* x, std::size_t n) noexcept;
void add_squares(double* sums, const float* x, std::size_t n) noexcept;
float largest(const float* x, std::size_t n) noexcept;
double sum_exp(const float* x, float m, std::size_t n) noexcept;
void to_cache(CacheType type, const float* x, std::size_t n, std::byte* out) noexcept;
void from_cache(CacheType type, const std::byte* x, std::size_t n, float* out) noexcept;

}  // namespace reference
}  // namespace kernels
