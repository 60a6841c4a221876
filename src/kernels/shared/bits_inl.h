// Loads from unaligned bytes and small vector pieces that all unpackers use. AVX2 and F16C only, so
// that every folder can include it.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/layout.h"

namespace kernels {
namespace {

inline std::uint8_t u8(const std::byte* p) noexcept { return std::to_integer<std::uint8_t>(*p); }
inline std::uint16_t u16(const std::byte* p) noexcept {
  std::uint16_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline std::uint32_t u32(const std::byte* p) noexcept {
  std::uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline std::uint64_t u64(const std::byte* p) noexcept {
  std::uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline float f16(const std::byte* p) noexcept { return _cvtsh_ss(u16(p)); }
inline float f32(const std::byte* p) noexcept {
  float v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

inline __m128i load16(const std::byte* p) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
inline __m256i load32(const std::byte* p) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline void put32(std::uint8_t* p, __m256i v) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
}
/// Low and high nibbles of 32 bytes. The 16-bit shift drags bits of the neighbour in; the mask
/// drops them.
inline __m256i low_nibbles(__m256i v) noexcept { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
inline __m256i high_nibbles(__m256i v) noexcept {
  return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
}
/// Nibbles of 16 bytes: low ones in the lower half, high ones in the upper half (q4_0 order).
inline __m256i split_nibbles(__m128i v) noexcept {
  const __m128i mask = _mm_set1_epi8(15);
  return _mm256_set_m128i(_mm_and_si128(_mm_srli_epi16(v, 4), mask), _mm_and_si128(v, mask));
}
/// Bits [shift, shift + 2) of each byte.
template <int kShift>
inline __m256i two_bits(__m256i v) noexcept {
  return _mm256_and_si256(_mm256_srli_epi16(v, kShift), _mm256_set1_epi8(3));
}
/// Bit `kBit` of each byte, moved to bit kTo.
template <int kBit, int kTo>
inline __m256i moved_bit(__m256i v) noexcept {
  constexpr int kUp = kTo > kBit ? kTo - kBit : 0, kDown = kBit > kTo ? kBit - kTo : 0;
  const __m256i moved = kUp > 0 ? _mm256_slli_epi16(v, kUp) : _mm256_srli_epi16(v, kDown);
  return _mm256_and_si256(moved, _mm256_set1_epi8(1 << kTo));
}

/// 32 bits to 32 bytes of 0 or `value`.
inline __m256i spread_bits(std::uint32_t bits, char value) noexcept {
  const __m256i copies =
      _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)),
                          _mm256_setr_epi64x(0x0000000000000000, 0x0101010101010101,
                                             0x0202020202020202, 0x0303030303030303));
  const __m256i bit = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201u));
  return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(copies, bit), bit),
                          _mm256_set1_epi8(value));
}
/// Byte j of the table for codes 0..15.
inline __m256i look_up(__m128i table, __m256i codes) noexcept {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), codes);
}
/// 128 + magnitude, or 128 - magnitude where the bit is set.
inline __m256i signed_codes(__m256i magnitudes, std::uint32_t signs) noexcept {
  const __m256i minus = spread_bits(signs, -1);
  const __m256i values = _mm256_sub_epi8(_mm256_xor_si256(magnitudes, minus), minus);
  return _mm256_xor_si256(values, _mm256_set1_epi8(-128));
}

/// Sixteen scales from eight blocks of 32 weights: each twice.
inline void put_twice(float* out, __m256 v) noexcept {
  _mm256_storeu_ps(out, _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)));
  _mm256_storeu_ps(out + 8, _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7)));
}
inline __m256 to_floats(__m128i bytes_unsigned) noexcept {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes_unsigned));
}
/// The f16 at the start of eight blocks, `stride` bytes apart.
inline __m256 eight_f16(const std::byte* p, std::size_t stride) noexcept {
  const __m128i v = _mm_setr_epi16(
      static_cast<short>(u16(p)), static_cast<short>(u16(p + stride)),
      static_cast<short>(u16(p + 2 * stride)), static_cast<short>(u16(p + 3 * stride)),
      static_cast<short>(u16(p + 4 * stride)), static_cast<short>(u16(p + 5 * stride)),
      static_cast<short>(u16(p + 6 * stride)), static_cast<short>(u16(p + 7 * stride)));
  return _mm256_cvtph_ps(v);
}

}  // namespace
}  // namespace kernels
