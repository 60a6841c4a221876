// Rows of x as two bf16 a number.
#pragma once

#include <immintrin.h>

#include "kernels/avx512/vec_inl.h"
#include "kernels/shared/panel_inl.h"

namespace kernels {
namespace {

/// Rows of x: the upper halves of the floats, then what they leave, both padded with zeros to 64.
inline std::size_t bf16_row_bytes(std::size_t cols) noexcept { return 2 * rounded(cols, 64) * 2; }

inline void pack_bf16(const float* x, std::size_t cols, std::byte* out) noexcept {
  const std::size_t part = bf16_row_bytes(cols) / 2;
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
  for (std::size_t c = 0; c < rounded(cols, 64); c += 16) {
    const std::size_t left = c < cols ? cols - c : 0;
    const Vec v = take(x + (left > 0 ? c : 0), left < 16 ? left : 16);
    const Vec main = _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(v), upper));
    store_bf16(out + 2 * c, main);
    store_bf16(out + part + 2 * c, sub(v, main));
  }
}

}  // namespace
}  // namespace kernels
