// Byte products with VNNI: four products and their sum in every lane of 32 bits.
#pragma once

#include "kernels/avx512/weave_inl.h"

namespace kernels {
namespace {

struct VnniDot {
  using Codes = Woven;
  static Codes prepare(const std::uint8_t* code) noexcept { return weave(code); }

  /// Lane b: the integer product of block b with 256 codes of x.
  static __m512i block_sums(const Codes& w, const std::int8_t* x) noexcept {
    __m512i even = _mm512_setzero_si512();
    __m512i odd = _mm512_setzero_si512();
    even = _mm512_dpbusd_epi32(even, w.q[0], _mm512_load_si512(x));
    odd = _mm512_dpbusd_epi32(odd, w.q[1], _mm512_load_si512(x + 64));
    even = _mm512_dpbusd_epi32(even, w.q[2], _mm512_load_si512(x + 128));
    odd = _mm512_dpbusd_epi32(odd, w.q[3], _mm512_load_si512(x + 192));
    return _mm512_add_epi32(even, odd);
  }

  /// Words of panel_q8_inl.h: lanes are rows of W, four columns of a row of x go to all of them.
  using VecI = __m512i;
  static VecI no_ints() noexcept { return _mm512_setzero_si512(); }
  static VecI load_ints(const void* p) noexcept { return _mm512_load_si512(p); }
  static VecI dot_4(VecI sum, VecI w, const std::int8_t* x) noexcept {
    int four;
    std::memcpy(&four, x, sizeof four);
    return _mm512_dpbusd_epi32(sum, w, _mm512_set1_epi32(four));
  }
  static Vec int_floats(VecI v) noexcept { return _mm512_cvtepi32_ps(v); }
};

}  // namespace
}  // namespace kernels
