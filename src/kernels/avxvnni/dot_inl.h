// Byte products with AVX-VNNI: four products and their sum in every lane of 32 bits.
#pragma once

#include "kernels/avx2/weave_inl.h"

namespace kernels {
namespace {

struct VnniDot {
  using Codes = Woven;
  static Codes prepare(const std::uint8_t* code) noexcept { return weave(code); }

  static __m256i x_codes(const std::int8_t* x, std::size_t q) noexcept {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(x + 64 * q));
  }

  /// Lane b: the integer product of block b of a half with the codes of x from its half on.
  static __m256i block_sums(const Codes& w, const std::int8_t* x) noexcept {
    __m256i even = _mm256_setzero_si256();
    __m256i odd = _mm256_setzero_si256();
    even = _mm256_dpbusd_avx_epi32(even, w.q[0], x_codes(x, 0));
    odd = _mm256_dpbusd_avx_epi32(odd, w.q[1], x_codes(x, 1));
    even = _mm256_dpbusd_avx_epi32(even, w.q[2], x_codes(x, 2));
    odd = _mm256_dpbusd_avx_epi32(odd, w.q[3], x_codes(x, 3));
    return _mm256_add_epi32(even, odd);
  }

  /// Words of panel_q8_inl.h: lanes are rows of W, four columns of a row of x go to all of them.
  using VecI = __m256i;
  static VecI no_ints() noexcept { return _mm256_setzero_si256(); }
  static VecI load_ints(const void* p) noexcept {
    return _mm256_load_si256(static_cast<const __m256i*>(p));
  }
  static VecI dot_4(VecI sum, VecI w, const std::int8_t* x) noexcept {
    int four;
    std::memcpy(&four, x, sizeof four);
    return _mm256_dpbusd_avx_epi32(sum, w, _mm256_set1_epi32(four));
  }
  static Vec int_floats(VecI v) noexcept { return _mm256_cvtepi32_ps(v); }
};

}  // namespace
}  // namespace kernels
