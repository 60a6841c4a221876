// One register of floats, 8 lanes: the words that shared/*_inl.h are written in. Internal linkage:
// each folder has its own.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace kernels {
namespace {

using Vec = __m256;
constexpr std::size_t kLanes = 8;

inline Vec load(const float* p) noexcept { return _mm256_loadu_ps(p); }
inline void store(float* p, Vec v) noexcept { _mm256_storeu_ps(p, v); }
inline Vec fill(float x) noexcept { return _mm256_set1_ps(x); }
inline Vec add(Vec a, Vec b) noexcept { return _mm256_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) noexcept { return _mm256_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) noexcept { return _mm256_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) noexcept { return _mm256_div_ps(a, b); }
/// a * b + c, rounded once.
inline Vec fma(Vec a, Vec b, Vec c) noexcept { return _mm256_fmadd_ps(a, b, c); }
/// NaN of b wins, NaN of a loses.
inline Vec larger(Vec a, Vec b) noexcept { return _mm256_max_ps(a, b); }
inline Vec smaller(Vec a, Vec b) noexcept { return _mm256_min_ps(a, b); }
inline float sum_lanes(Vec v) noexcept {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float largest_lane(Vec v) noexcept {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
inline Vec round_even(Vec v) noexcept {
  return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/// 2^n for integral n within [-126, 127].
inline Vec power(__m256i n) noexcept {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
/// a * 2^n for integral n, in two halves so that each factor is a normal number.
inline Vec times_power(Vec a, Vec n) noexcept {
  const __m256i whole = _mm256_cvtps_epi32(n);
  const __m256i half = _mm256_srai_epi32(whole, 1);
  return mul(mul(a, power(half)), power(_mm256_sub_epi32(whole, half)));
}

/// The first n <= 8 floats, then zeros; and back.
inline __m256i first_lanes(std::size_t n) noexcept {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline Vec load_part(const float* p, std::size_t n) noexcept {
  return _mm256_maskload_ps(p, first_lanes(n));
}
inline void store_part(float* p, std::size_t n, Vec v) noexcept {
  _mm256_maskstore_ps(p, first_lanes(n), v);
}

inline Vec load_u8(const std::uint8_t* p) noexcept {
  return _mm256_cvtepi32_ps(
      _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
inline Vec load_f16(const void* p) noexcept {
  return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
inline void store_f16(void* p, Vec v) noexcept {
  _mm_storeu_si128(static_cast<__m128i*>(p),
                   _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline Vec load_bf16(const void* p) noexcept {
  const __m128i half = _mm_loadu_si128(static_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}
/// Upper halves of floats, rounded to nearest even; NaN stays a quiet NaN.
inline void store_bf16(void* p, Vec v) noexcept {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i up = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i upper = _mm256_srli_epi32(_mm256_blendv_epi8(up, quiet, nan), 16);
  const __m256i packed = _mm256_packus_epi32(upper, upper);  // within halves
  _mm_storeu_si128(static_cast<__m128i*>(p),
                   _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
}

/// sums[0..8) += v * v, exact products.
inline void add_squares_f64(double* sums, Vec v) noexcept {
  const __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(v));
  const __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
  _mm256_storeu_pd(sums, _mm256_fmadd_pd(low, low, _mm256_loadu_pd(sums)));
  _mm256_storeu_pd(sums + 4, _mm256_fmadd_pd(high, high, _mm256_loadu_pd(sums + 4)));
}

/// Eight running sums in f64.
struct Sum64 {
  __m256d low = _mm256_setzero_pd(), high = _mm256_setzero_pd();
  void add(Vec v) noexcept {
    low = _mm256_add_pd(low, _mm256_cvtps_pd(_mm256_castps256_ps128(v)));
    high = _mm256_add_pd(high, _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)));
  }
  double total() const noexcept {
    const __m256d s = _mm256_add_pd(low, high);
    const __m128d t = _mm_add_pd(_mm256_castpd256_pd128(s), _mm256_extractf128_pd(s, 1));
    return _mm_cvtsd_f64(_mm_add_sd(t, _mm_unpackhi_pd(t, t)));
  }
};

/// 8 x 8 words, rows stride bytes apart, to rows 64 bytes apart.
inline void transpose_8x8(const std::byte* p, std::size_t stride, std::byte* out) noexcept {
  Vec r[8], t[8];
  for (std::size_t i = 0; i < 8; ++i) r[i] = load(reinterpret_cast<const float*>(p + i * stride));
  for (std::size_t i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (std::size_t i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    store(reinterpret_cast<float*>(out + 64 * i), _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    store(reinterpret_cast<float*>(out + 64 * (i + 4)),
          _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

/// Element [i][j] of 16 rows of 16 32-bit words, p stride bytes apart, to out[j][i], rows 64 bytes
/// apart. Rows from n on are taken as 0.
inline void transpose(const std::byte* p, std::size_t stride, std::size_t n,
                      std::byte* out) noexcept {
  alignas(64) std::byte rows[16 * 64] = {};
  if (n < 16) {
    for (std::size_t i = 0; i < n; ++i) std::memcpy(rows + 64 * i, p + i * stride, 64);
    p = rows;
    stride = 64;
  }
  for (std::size_t i = 0; i < 16; i += 8) {
    for (std::size_t j = 0; j < 16; j += 8) {
      transpose_8x8(p + i * stride + 4 * j, stride, out + 64 * j + 4 * i);
    }
  }
}

}  // namespace
}  // namespace kernels
