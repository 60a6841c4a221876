// Byte products without VNNI: 16-bit pairs that cannot overflow.
#pragma once

#include "kernels/avx512/weave_inl.h"

namespace kernels {
namespace {

struct MaddDot {
  /// Codes as 128 * top + low: a pair of products of the low seven bits stays within 2 * 127 * 127
  /// = 32258, a pair of the tops within 254. Formats below 7 bits have no tops.
  struct Codes {
    __m512i low[4], top[4];
    bool has_top;
  };
  static Codes prepare(const std::uint8_t* code) noexcept {
    const Woven w = weave(code);
    Codes c;
    __m512i all = _mm512_setzero_si512();
    for (std::size_t q = 0; q < 4; ++q) {
      c.low[q] = _mm512_and_si512(w.q[q], _mm512_set1_epi8(127));
      c.top[q] = _mm512_and_si512(_mm512_srli_epi16(w.q[q], 7), _mm512_set1_epi8(1));
      all = _mm512_or_si512(all, w.q[q]);
    }
    c.has_top = _mm512_movepi8_mask(all) != 0;
    return c;
  }

  /// Lane b: the integer product of block b with 256 codes of x. The same number as with VNNI.
  static __m512i block_sums(const Codes& w, const std::int8_t* x) noexcept {
    const __m512i ones = _mm512_set1_epi16(1);
    __m512i sum = _mm512_setzero_si512();
    for (std::size_t q = 0; q < 4; ++q) {
      const __m512i pairs = _mm512_maddubs_epi16(w.low[q], _mm512_load_si512(x + 64 * q));
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, ones));
    }
    if (!w.has_top) return sum;
    const __m512i weight = _mm512_set1_epi16(128);
    for (std::size_t q = 0; q < 4; ++q) {
      const __m512i pairs = _mm512_maddubs_epi16(w.top[q], _mm512_load_si512(x + 64 * q));
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, weight));
    }
    return sum;
  }
};

}  // namespace
}  // namespace kernels
