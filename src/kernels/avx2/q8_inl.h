// Few rows of x: 8-bit activations, byte dot products in 16-bit steps that cannot overflow.
#pragma once

#include <cstring>

#include "kernels/avx2/vec_inl.h"
#include "kernels/table.h"

namespace kernels {
namespace {

/// 256 floats to a Q8Chunk with codes in order. Scale = largest magnitude / 127 for each 16
/// columns, codes rounded to nearest even.
inline void pack_chunk(const float* x, Q8Chunk* out) noexcept {
  const Vec sign = fill(-0.0F);
  for (std::size_t b = 0; b < kChunkBlocks; ++b) {
    const Vec low = load(x + 16 * b);
    const Vec high = load(x + 16 * b + 8);
    const float peak =
        largest_lane(larger(_mm256_andnot_ps(sign, low), _mm256_andnot_ps(sign, high)));
    const Vec inverse = fill(peak > 0 ? 127 / peak : 0);
    const __m256i a = _mm256_cvtps_epi32(mul(low, inverse));
    const __m256i c = _mm256_cvtps_epi32(mul(high, inverse));
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, c), 0xd8);
    const __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out->code + 16 * b), bytes);
    int sums[8];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), _mm256_add_epi32(a, c));
    int sum = 0;
    for (const int s : sums) sum += s;
    out->scale[b] = peak / 127;
    out->sum[b] = peak / 127 * static_cast<float>(sum);
  }
}

/// Products of 32 codes, 4 to a lane: lanes 0..3 are the first block, 4..7 the second. `w` are the
/// unsigned codes - 128, so |w| <= 128 and |x| <= 127: a pair of products stays within 32512.
inline __m256i dot_32(__m256i w, __m256i x) noexcept {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

struct ShiftedCodes {
  __m256i q[8];
};
inline ShiftedCodes shifted_codes(const std::uint8_t* code) noexcept {
  ShiftedCodes s;
  for (std::size_t i = 0; i < 8; ++i) {
    s.q[i] = _mm256_xor_si256(_mm256_load_si256(reinterpret_cast<const __m256i*>(code) + i),
                              _mm256_set1_epi8(-128));
  }
  return s;
}

/// Sums of eight blocks (128 codes) in lanes 0, 2, 4, 6, 1, 3, 5, 7.
inline __m256i dot_128(const __m256i* w, const std::int8_t* x) noexcept {
  const auto* p = reinterpret_cast<const __m256i*>(x);
  const __m256i a =
      _mm256_hadd_epi32(dot_32(w[0], _mm256_load_si256(p)), dot_32(w[1], _mm256_load_si256(p + 1)));
  const __m256i b = _mm256_hadd_epi32(dot_32(w[2], _mm256_load_si256(p + 2)),
                                      dot_32(w[3], _mm256_load_si256(p + 3)));
  return _mm256_hadd_epi32(a, b);
}

inline Vec lane_order(const float* p) noexcept {
  return _mm256_permutevar8x32_ps(load(p), _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
}

/// sums[t] += lanes of (chunks of a weight row) * (row t of x): scale * scale * integer sum
/// (exact), then + (offset + 128 scale) * sum of x.
inline void dot_group(std::size_t rows, const U8Panel* w, std::size_t n, const std::byte* x,
                      std::size_t x_stride, Vec* sums) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    const ShiftedCodes codes = shifted_codes(w[i].code);
    for (std::size_t half = 0; half < 2; ++half) {
      const Vec scale = lane_order(w[i].scale + 8 * half);
      const Vec offset = fma(fill(128), scale, lane_order(w[i].offset + 8 * half));
      for (std::size_t t = 0; t < rows; ++t) {
        const Q8Chunk* c = reinterpret_cast<const Q8Chunk*>(x + t * x_stride) + i;
        const Vec products = _mm256_cvtepi32_ps(dot_128(codes.q + 4 * half, c->code + 128 * half));
        sums[t] = fma(products, mul(scale, lane_order(c->scale + 8 * half)), sums[t]);
        sums[t] = fma(offset, lane_order(c->sum + 8 * half), sums[t]);
      }
    }
  }
}

}  // namespace
}  // namespace kernels
