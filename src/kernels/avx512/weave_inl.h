// Codes of 256 columns in the order of code_place: packing rows of x, weaving rows of W.
#pragma once

#include <cstring>

#include "kernels/avx512/vec_inl.h"
#include "kernels/layout.h"

namespace kernels {
namespace {

/// 256 columns of 16 floats to a Q8Chunk. Scale = largest magnitude / 127 for each 16 columns,
/// codes rounded to nearest even.
inline void pack_chunk(const float* x, Q8Chunk* out) noexcept {
  for (std::size_t b = 0; b < kChunkBlocks; ++b) {
    const Vec v = load(x + 16 * b);
    const float peak = largest_lane(_mm512_abs_ps(v));
    const float scale = peak / 127;
    const float inverse = peak > 0 ? 127 / peak : 0;
    const __m512i codes = _mm512_cvtps_epi32(mul(v, fill(inverse)));
    alignas(16) std::int8_t bytes[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(bytes), _mm512_cvtsepi32_epi8(codes));
    for (std::size_t q = 0; q < 4; ++q) {
      std::memcpy(out->code + code_place(16 * b + 4 * q), bytes + 4 * q, 4);
    }
    out->scale[b] = scale;
    out->sum[b] = scale * static_cast<float>(_mm512_reduce_add_epi32(codes));
  }
}

/// The codes of a panel in the order of code_place: register q holds in lane b the codes 4 q .. 4 q
/// + 3 of block b.
struct Woven {
  __m512i q[4];
};
inline Woven weave(const std::uint8_t* code) noexcept {
  const __m512i first = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
  const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(2));
  const __m512i a = _mm512_load_si512(code);  // blocks 0 .. 3
  const __m512i b = _mm512_load_si512(code + 64);
  const __m512i c = _mm512_load_si512(code + 128);
  const __m512i d = _mm512_load_si512(code + 192);
  const __m512i ab01 = _mm512_permutex2var_epi32(a, first, b);  // q 0 of blocks 0 .. 7, then q 1
  const __m512i ab23 = _mm512_permutex2var_epi32(a, second, b);
  const __m512i cd01 = _mm512_permutex2var_epi32(c, first, d);
  const __m512i cd23 = _mm512_permutex2var_epi32(c, second, d);
  return {{_mm512_shuffle_i64x2(ab01, cd01, 0x44), _mm512_shuffle_i64x2(ab01, cd01, 0xee),
           _mm512_shuffle_i64x2(ab23, cd23, 0x44), _mm512_shuffle_i64x2(ab23, cd23, 0xee)}};
}

}  // namespace
}  // namespace kernels
