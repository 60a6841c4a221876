// Byte products without VNNI: 16-bit pairs that cannot overflow.
#pragma once

#include "kernels/avx2/weave_inl.h"

namespace kernels {
namespace {

struct MaddDot {
  /// Codes as 128 * top + low: a pair of products of the low seven bits stays within 2 * 127 * 127
  /// = 32258, a pair of the tops within 254. Formats below 7 bits have no tops.
  struct Codes {
    __m256i low[4], top[4];
    bool has_top;
  };
  static Codes prepare(const std::uint8_t* code) noexcept {
    const Woven w = weave(code);
    Codes c;
    __m256i all = _mm256_setzero_si256();
    for (std::size_t q = 0; q < 4; ++q) {
      c.low[q] = _mm256_and_si256(w.q[q], _mm256_set1_epi8(127));
      c.top[q] = _mm256_and_si256(_mm256_srli_epi16(w.q[q], 7), _mm256_set1_epi8(1));
      all = _mm256_or_si256(all, w.q[q]);
    }
    c.has_top = _mm256_movemask_epi8(all) != 0;
    return c;
  }

  static __m256i x_codes(const std::int8_t* x, std::size_t q) noexcept {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(x + 64 * q));
  }

  /// Lane b: the integer product of block b of a half with the codes of x from its half on. The
  /// same number as with VNNI.
  static __m256i block_sums(const Codes& w, const std::int8_t* x) noexcept {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum = _mm256_setzero_si256();
    for (std::size_t q = 0; q < 4; ++q) {
      const __m256i pairs = _mm256_maddubs_epi16(w.low[q], x_codes(x, q));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
    }
    if (!w.has_top) return sum;
    const __m256i weight = _mm256_set1_epi16(128);
    for (std::size_t q = 0; q < 4; ++q) {
      const __m256i pairs = _mm256_maddubs_epi16(w.top[q], x_codes(x, q));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, weight));
    }
    return sum;
  }
};

}  // namespace
}  // namespace kernels
