// Sixteen floats that go through the same arithmetic: one lane for one block (or one candidate) of
// an encoder. Every operation is one correctly rounded IEEE operation a lane, so an encoder written
// with lanes gives the same bytes on every machine. Knows nothing of formats.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

namespace quant::fit {

inline constexpr std::size_t kLanes = 16;

// Two halves of eight, because that is the widest register of x86-64-v3; two independent halves
// also hide the latency of the sums.
using Half = float __attribute__((vector_size(32)));
using HalfMask = std::int32_t __attribute__((vector_size(32)));

struct Lanes {
  Half lo, hi;
};
/// All bits of a lane set or none.
struct Mask {
  HalfMask lo, hi;
};

namespace detail {

#if defined(__AVX2__) && defined(__FMA__)
[[gnu::always_inline]] inline Half min(Half a, Half b) noexcept { return _mm256_min_ps(a, b); }
[[gnu::always_inline]] inline Half max(Half a, Half b) noexcept { return _mm256_max_ps(a, b); }
[[gnu::always_inline]] inline Half sqrt(Half a) noexcept { return _mm256_sqrt_ps(a); }
[[gnu::always_inline]] inline Half fma(Half a, Half b, Half c) noexcept {
  return _mm256_fmadd_ps(a, b, c);
}
[[gnu::always_inline]] inline Half select(HalfMask m, Half a, Half b) noexcept {
  return _mm256_blendv_ps(b, a, reinterpret_cast<__m256>(m));
}
[[gnu::always_inline]] inline Half load(const float* p) noexcept { return _mm256_loadu_ps(p); }
[[gnu::always_inline]] inline void store(float* p, Half v) noexcept { _mm256_storeu_ps(p, v); }
[[gnu::always_inline]] inline void store_bytes(std::uint8_t* p, Half v) noexcept {
  const __m256i whole = _mm256_cvttps_epi32(v);
  const __m128i words =
      _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words, words));
}
#else
template <class F>
[[gnu::always_inline]] inline Half each(F f) noexcept {
  Half r{};
  for (int i = 0; i < 8; ++i) r[i] = f(i);
  return r;
}
[[gnu::always_inline]] inline Half select(HalfMask m, Half a, Half b) noexcept {
  return each([&](int i) { return m[i] != 0 ? a[i] : b[i]; });
}
[[gnu::always_inline]] inline Half min(Half a, Half b) noexcept { return select(a < b, a, b); }
[[gnu::always_inline]] inline Half max(Half a, Half b) noexcept { return select(a > b, a, b); }
[[gnu::always_inline]] inline Half sqrt(Half a) noexcept {
  return each([&](int i) { return std::sqrt(a[i]); });
}
[[gnu::always_inline]] inline Half fma(Half a, Half b, Half c) noexcept {
  return each([&](int i) { return std::fma(a[i], b[i], c[i]); });
}
[[gnu::always_inline]] inline Half load(const float* p) noexcept {
  return each([&](int i) { return p[i]; });
}
[[gnu::always_inline]] inline void store(float* p, Half v) noexcept {
  for (int i = 0; i < 8; ++i) p[i] = v[i];
}
[[gnu::always_inline]] inline void store_bytes(std::uint8_t* p, Half v) noexcept {
  for (int i = 0; i < 8; ++i) p[i] = static_cast<std::uint8_t>(v[i]);
}
#endif

[[gnu::always_inline]] inline Half broadcast(float v) noexcept {
  return Half{v, v, v, v, v, v, v, v};
}

}  // namespace detail

[[gnu::always_inline]] inline Lanes all(float v) noexcept {
  return {detail::broadcast(v), detail::broadcast(v)};
}
[[gnu::always_inline]] inline Lanes load(const float* p) noexcept {
  return {detail::load(p), detail::load(p + 8)};
}
[[gnu::always_inline]] inline void store(float* p, Lanes v) noexcept {
  detail::store(p, v.lo);
  detail::store(p + 8, v.hi);
}

[[gnu::always_inline]] inline Lanes operator+(Lanes a, Lanes b) noexcept {
  return {a.lo + b.lo, a.hi + b.hi};
}
[[gnu::always_inline]] inline Lanes operator-(Lanes a, Lanes b) noexcept {
  return {a.lo - b.lo, a.hi - b.hi};
}
[[gnu::always_inline]] inline Lanes operator*(Lanes a, Lanes b) noexcept {
  return {a.lo * b.lo, a.hi * b.hi};
}
[[gnu::always_inline]] inline Lanes operator/(Lanes a, Lanes b) noexcept {
  return {a.lo / b.lo, a.hi / b.hi};
}
[[gnu::always_inline]] inline Lanes operator-(Lanes a) noexcept { return {-a.lo, -a.hi}; }

[[gnu::always_inline]] inline Lanes min(Lanes a, Lanes b) noexcept {
  return {detail::min(a.lo, b.lo), detail::min(a.hi, b.hi)};
}
[[gnu::always_inline]] inline Lanes max(Lanes a, Lanes b) noexcept {
  return {detail::max(a.lo, b.lo), detail::max(a.hi, b.hi)};
}
[[gnu::always_inline]] inline Lanes abs(Lanes a) noexcept { return max(a, -a); }
[[gnu::always_inline]] inline Lanes sqrt(Lanes a) noexcept {
  return {detail::sqrt(a.lo), detail::sqrt(a.hi)};
}
/// a * b + c, rounded once.
[[gnu::always_inline]] inline Lanes fma(Lanes a, Lanes b, Lanes c) noexcept {
  return {detail::fma(a.lo, b.lo, c.lo), detail::fma(a.hi, b.hi, c.hi)};
}

[[gnu::always_inline]] inline Mask operator<(Lanes a, Lanes b) noexcept {
  return {a.lo < b.lo, a.hi < b.hi};
}
[[gnu::always_inline]] inline Mask operator>(Lanes a, Lanes b) noexcept {
  return {a.lo > b.lo, a.hi > b.hi};
}
[[gnu::always_inline]] inline Mask operator&(Mask a, Mask b) noexcept {
  return {a.lo & b.lo, a.hi & b.hi};
}
/// Lane by lane: m ? a : b.
[[gnu::always_inline]] inline Lanes select(Mask m, Lanes a, Lanes b) noexcept {
  return {detail::select(m.lo, a.lo, b.lo), detail::select(m.hi, a.hi, b.hi)};
}

/// Nearest integer, ties to even, for |v| < 2^22: adding 1.5 * 2^23 leaves no fraction bits.
[[gnu::always_inline]] inline Lanes nearest(Lanes v) noexcept {
  const Lanes magic = all(12582912.0f);
  return (v + magic) - magic;
}
/// v held inside low..high.
[[gnu::always_inline]] inline Lanes clamp(Lanes v, float low, float high) noexcept {
  return max(min(v, all(high)), all(low));
}

/// Turns eight vectors of eight: out[i] lane l = in[l] lane i.
[[gnu::always_inline]] inline void transpose(Half (&v)[8]) noexcept {
  Half pairs[8], fours[8];
  for (int k = 0; k < 8; k += 2) {
    pairs[k] = __builtin_shufflevector(v[k], v[k + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[k + 1] = __builtin_shufflevector(v[k], v[k + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int k = 0; k < 8; k += 4) {
    for (int j = 0; j < 2; ++j) {
      const Half a = pairs[k + j], b = pairs[k + j + 2];
      fours[k + 2 * j] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
      fours[k + 2 * j + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int k = 0; k < 4; ++k) {
    v[k] = __builtin_shufflevector(fours[k], fours[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    v[k + 4] = __builtin_shufflevector(fours[k], fours[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

/// columns[i] lane l = rows[l][i], i < 8.
[[gnu::always_inline]] inline void load_columns(const float* const* rows, std::size_t first,
                                                Lanes* columns) noexcept {
  Half lo[8], hi[8];
  for (int l = 0; l < 8; ++l) {
    lo[l] = detail::load(rows[l] + first);
    hi[l] = detail::load(rows[l + 8] + first);
  }
  transpose(lo);
  transpose(hi);
  for (int i = 0; i < 8; ++i) columns[i] = {lo[i], hi[i]};
}

/// rows[l * stride + i] = columns[i] lane l as a byte, i < 8; the values are integers 0..255.
[[gnu::always_inline]] inline void store_bytes(const Lanes* columns, std::uint8_t* rows,
                                               std::size_t stride) noexcept {
  Half lo[8], hi[8];
  for (int i = 0; i < 8; ++i) {
    lo[i] = columns[i].lo;
    hi[i] = columns[i].hi;
  }
  transpose(lo);
  transpose(hi);
  for (std::size_t l = 0; l < 8; ++l) {
    detail::store_bytes(rows + l * stride, lo[l]);
    detail::store_bytes(rows + (l + 8) * stride, hi[l]);
  }
}

/// 1/s, and 0 where s is (nearly) 0.
[[gnu::always_inline]] inline Lanes inverse(Lanes s) noexcept {
  return select(abs(s) > all(1e-36f), all(1) / s, all(0));
}

}  // namespace quant::fit
