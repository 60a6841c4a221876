// Few rows of x: 8-bit activations, byte dot products of 64 codes an instruction.
#pragma once

#include <cstring>

#include "kernels/avx512/vec_inl.h"
#include "kernels/table.h"

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

/// sums[t] += lanes of (chunks of a weight row) * (row t of x). A lane is a block of 16: its
/// integer sum is exact (|16 * 255 * 127| < 2^31), then scale * scale, then + offset * sum of x.
template <std::size_t kRows>
inline void dot_chunks(const U8Panel* w, std::size_t n, const std::byte* x, std::size_t x_stride,
                       Vec* sums) noexcept {
  Vec sum[kRows];
  for (std::size_t t = 0; t < kRows; ++t) sum[t] = sums[t];
  for (std::size_t i = 0; i < n; ++i) {
    const Woven codes = weave(w[i].code);
    const Vec scale = load(w[i].scale);
    const Vec offset = load(w[i].offset);
    for (std::size_t t = 0; t < kRows; ++t) {
      const Q8Chunk* c = reinterpret_cast<const Q8Chunk*>(x + t * x_stride) + i;
      __m512i even = _mm512_setzero_si512();
      __m512i odd = _mm512_setzero_si512();
      even = _mm512_dpbusd_epi32(even, codes.q[0], _mm512_load_si512(c->code));
      odd = _mm512_dpbusd_epi32(odd, codes.q[1], _mm512_load_si512(c->code + 64));
      even = _mm512_dpbusd_epi32(even, codes.q[2], _mm512_load_si512(c->code + 128));
      odd = _mm512_dpbusd_epi32(odd, codes.q[3], _mm512_load_si512(c->code + 192));
      const Vec products = _mm512_cvtepi32_ps(_mm512_add_epi32(even, odd));
      sum[t] = fma(products, mul(scale, load(c->scale)), sum[t]);
      sum[t] = fma(offset, load(c->sum), sum[t]);
    }
  }
  for (std::size_t t = 0; t < kRows; ++t) sums[t] = sum[t];
}

inline void dot_group(std::size_t rows, const U8Panel* w, std::size_t n, const std::byte* x,
                      std::size_t x_stride, Vec* sums) noexcept {
  switch (rows) {
    case 1:
      return dot_chunks<1>(w, n, x, x_stride, sums);
    case 2:
      return dot_chunks<2>(w, n, x, x_stride, sums);
    case 3:
      return dot_chunks<3>(w, n, x, x_stride, sums);
    case 4:
      return dot_chunks<4>(w, n, x, x_stride, sums);
    case 5:
      return dot_chunks<5>(w, n, x, x_stride, sums);
    case 6:
      return dot_chunks<6>(w, n, x, x_stride, sums);
    case 7:
      return dot_chunks<7>(w, n, x, x_stride, sums);
    default:
      return dot_chunks<8>(w, n, x, x_stride, sums);
  }
}

}  // namespace
}  // namespace kernels
