// One register of floats, 16 lanes: the words that shared/*_inl.h are written in. Internal linkage:
// each folder has its own.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace kernels {
namespace {

using Vec = __m512;
constexpr std::size_t kLanes = 16;

inline Vec load(const float* p) noexcept { return _mm512_loadu_ps(p); }
inline void store(float* p, Vec v) noexcept { _mm512_storeu_ps(p, v); }
inline Vec fill(float x) noexcept { return _mm512_set1_ps(x); }
inline Vec add(Vec a, Vec b) noexcept { return _mm512_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) noexcept { return _mm512_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) noexcept { return _mm512_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) noexcept { return _mm512_div_ps(a, b); }
/// a * b + c, rounded once.
inline Vec fma(Vec a, Vec b, Vec c) noexcept { return _mm512_fmadd_ps(a, b, c); }
/// NaN of b wins, NaN of a loses.
inline Vec larger(Vec a, Vec b) noexcept { return _mm512_max_ps(a, b); }
inline Vec smaller(Vec a, Vec b) noexcept { return _mm512_min_ps(a, b); }
inline float sum_lanes(Vec v) noexcept { return _mm512_reduce_add_ps(v); }
inline float largest_lane(Vec v) noexcept { return _mm512_reduce_max_ps(v); }
inline Vec round_even(Vec v) noexcept {
  return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/// a * 2^n for integral n.
inline Vec times_power(Vec a, Vec n) noexcept { return _mm512_scalef_ps(a, n); }

/// The first n <= 16 floats, then zeros; and back.
inline Vec load_part(const float* p, std::size_t n) noexcept {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
}
inline void store_part(float* p, std::size_t n, Vec v) noexcept {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
}

inline Vec load_u8(const std::uint8_t* p) noexcept {
  return _mm512_cvtepi32_ps(
      _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
inline Vec load_f16(const void* p) noexcept {
  return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
inline void store_f16(void* p, Vec v) noexcept {
  _mm256_storeu_si256(static_cast<__m256i*>(p),
                      _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline Vec load_bf16(const void* p) noexcept {
  const __m256i half = _mm256_loadu_si256(static_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
/// Upper halves of floats, rounded to nearest even; NaN stays a quiet NaN.
inline __m256i to_bf16(Vec v) noexcept {
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_mask_mov_epi32(up, nan, quiet), 16));
}
inline void store_bf16(void* p, Vec v) noexcept {
  _mm256_storeu_si256(static_cast<__m256i*>(p), to_bf16(v));
}

/// sums[0..16) += v * v, exact products.
inline void add_squares_f64(double* sums, Vec v) noexcept {
  const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
  const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
  _mm512_storeu_pd(sums, _mm512_fmadd_pd(low, low, _mm512_loadu_pd(sums)));
  _mm512_storeu_pd(sums + 8, _mm512_fmadd_pd(high, high, _mm512_loadu_pd(sums + 8)));
}

/// Sixteen running sums in f64.
struct Sum64 {
  __m512d low = _mm512_setzero_pd(), high = _mm512_setzero_pd();
  void add(Vec v) noexcept {
    low = _mm512_add_pd(low, _mm512_cvtps_pd(_mm512_castps512_ps256(v)));
    high = _mm512_add_pd(high, _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)));
  }
  double total() const noexcept { return _mm512_reduce_add_pd(_mm512_add_pd(low, high)); }
};

/// Element [i][j] of 16 rows of 16 32-bit words, p stride bytes apart, to out[j][i], rows 64 bytes
/// apart. Four columns at a time: four 4 x 4 transposes side by side, rows i, i + 4, i + 8, i + 12
/// in the quarters of a register.
inline void transpose_full(const std::byte* p, std::size_t stride, std::byte* out) noexcept {
  for (std::size_t j = 0; j < 4; ++j, p += 16, out += 256) {
    __m512i r[4];
    const std::byte* row = p;
    for (std::size_t i = 0; i < 4; ++i, row += stride) {
      const auto piece = [&](std::size_t k) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + 4 * k * stride));
      };
      __m512i v = _mm512_castsi128_si512(piece(0));
      v = _mm512_inserti32x4(v, piece(1), 1);
      v = _mm512_inserti32x4(v, piece(2), 2);
      r[i] = _mm512_inserti32x4(v, piece(3), 3);
    }
    const __m512i a = _mm512_unpacklo_epi32(r[0], r[1]);
    const __m512i b = _mm512_unpackhi_epi32(r[0], r[1]);
    const __m512i c = _mm512_unpacklo_epi32(r[2], r[3]);
    const __m512i d = _mm512_unpackhi_epi32(r[2], r[3]);
    _mm512_storeu_si512(out, _mm512_unpacklo_epi64(a, c));
    _mm512_storeu_si512(out + 64, _mm512_unpackhi_epi64(a, c));
    _mm512_storeu_si512(out + 128, _mm512_unpacklo_epi64(b, d));
    _mm512_storeu_si512(out + 192, _mm512_unpackhi_epi64(b, d));
  }
}

/// The same with rows from n <= 16 on taken as 0.
inline void transpose(const std::byte* p, std::size_t stride, std::size_t n,
                      std::byte* out) noexcept {
  if (n == 16) return transpose_full(p, stride, out);
  alignas(64) std::byte rows[16 * 64] = {};
  for (std::size_t i = 0; i < n; ++i) {
    _mm512_store_si512(rows + 64 * i, _mm512_loadu_si512(p + i * stride));
  }
  transpose_full(rows, 64, out);
}

}  // namespace
}  // namespace kernels
