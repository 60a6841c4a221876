// Codes of 256 columns in the order of code_place: packing rows of x, weaving rows of W.
#pragma once

#include <cstring>

#include "kernels/avx2/vec_inl.h"
#include "kernels/layout.h"

namespace kernels {
namespace {

/// 256 floats to a Q8Chunk. Scale = largest magnitude / 127 for each 16 columns, codes rounded to
/// nearest even.
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
    alignas(16) std::int8_t bytes[16];
    _mm_store_si128(
        reinterpret_cast<__m128i*>(bytes),
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
    for (std::size_t q = 0; q < 4; ++q) {
      std::memcpy(out->code + code_place(16 * b + 4 * q), bytes + 4 * q, 4);
    }
    int sums[8];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), _mm256_add_epi32(a, c));
    int sum = 0;
    for (const int s : sums) sum += s;
    out->scale[b] = peak / 127;
    out->sum[b] = peak / 127 * static_cast<float>(sum);
  }
}

/// Half of a panel, eight blocks: register q holds in lane b the codes 4 q .. 4 q + 3 of block b.
/// Its neighbours in x are at 64 q + 32 half.
struct Woven {
  __m256i q[4];
};
/// `code`: the first of the eight blocks. Blocks b and b + 4 share a register, so that two rounds
/// of unpacking within 128 bits turn them.
inline Woven weave(const std::uint8_t* code) noexcept {
  const auto pair = [code](std::size_t b) {
    const auto* p = reinterpret_cast<const __m128i*>(code);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_load_si128(p + b)),
                                   _mm_load_si128(p + b + 4), 1);
  };
  const __m256i a = pair(0), b = pair(1), c = pair(2), d = pair(3);
  const __m256i ab01 = _mm256_unpacklo_epi32(a, b);  // q 0 of a and b, then q 1
  const __m256i ab23 = _mm256_unpackhi_epi32(a, b);
  const __m256i cd01 = _mm256_unpacklo_epi32(c, d);
  const __m256i cd23 = _mm256_unpackhi_epi32(c, d);
  return {{_mm256_unpacklo_epi64(ab01, cd01), _mm256_unpackhi_epi64(ab01, cd01),
           _mm256_unpacklo_epi64(ab23, cd23), _mm256_unpackhi_epi64(ab23, cd23)}};
}

}  // namespace
}  // namespace kernels
