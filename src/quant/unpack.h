// Steps that decoders of block formats share: bit fields of 32 bytes at a time, codes to floats.
// Written with vector types, as compilers turn such loops into vector code only now and then.
// Knows nothing of formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "quant/fit/lanes.h"

namespace quant {

/// Thirty-two bytes, one code or bit field each.
struct Bytes32 {
  using Words = std::uint64_t __attribute__((vector_size(32)));
  Words v;
};

[[gnu::always_inline]] inline Bytes32 load_bytes32(const void* p) noexcept {
  Bytes32 b;
  std::memcpy(&b.v, p, sizeof b.v);
  return b;
}
[[gnu::always_inline]] inline void store_bytes32(std::uint8_t* p, Bytes32 b) noexcept {
  std::memcpy(p, &b.v, sizeof b.v);
}
/// mask in every byte.
[[gnu::always_inline]] inline Bytes32 every_byte(std::uint8_t mask) noexcept {
  const std::uint64_t word = 0x0101010101010101u * mask;
  return {Bytes32::Words{word, word, word, word}};
}
[[gnu::always_inline]] inline Bytes32 operator|(Bytes32 a, Bytes32 b) noexcept {
  return {a.v | b.v};
}
[[gnu::always_inline]] inline Bytes32 operator&(Bytes32 a, Bytes32 b) noexcept {
  return {a.v & b.v};
}
/// (byte >> n) & mask. The words shift as wholes; mask must not reach beyond bit 7 - n, so what
/// comes in from the next byte is cut off.
[[gnu::always_inline]] inline Bytes32 field(Bytes32 b, unsigned n, std::uint8_t mask) noexcept {
  return Bytes32{b.v >> n} & every_byte(mask);
}
/// ((byte & mask) << n); mask must not reach beyond bit 7 - n.
[[gnu::always_inline]] inline Bytes32 raised(Bytes32 b, unsigned n, std::uint8_t mask) noexcept {
  return {(b & every_byte(mask)).v << n};
}

/// codes[32 k + l] = bits 2k, 2k + 1 of byte l, k = 0..3.
[[gnu::always_inline]] inline void spread_pairs(Bytes32 b, std::uint8_t* codes) noexcept {
  for (unsigned k = 0; k < 4; ++k) store_bytes32(codes + std::size_t{32} * k, field(b, 2 * k, 3));
}

namespace detail {

/// Eight codes as floats.
[[gnu::always_inline]] inline fit::Half widen(const std::uint8_t* codes) noexcept {
#if defined(__AVX2__)
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes));
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
#else
  fit::Half h{};
  for (int i = 0; i < 8; ++i) h[i] = codes[i];
  return h;
#endif
}

}  // namespace detail

/// y[i] = step * (codes[i] - bias), N a multiple of 8.
template <std::size_t N>
[[gnu::always_inline]] inline void scale_codes(const std::uint8_t* codes, float bias, float step,
                                               float* y) noexcept {
  const fit::Half b = fit::detail::broadcast(bias), s = fit::detail::broadcast(step);
  for (std::size_t i = 0; i < N; i += 8) {
    fit::detail::store(y + i, s * (detail::widen(codes + i) - b));
  }
}

/// y[i] = step * codes[i] + offset, two roundings, N a multiple of 8.
template <std::size_t N>
[[gnu::always_inline]] inline void shift_codes(const std::uint8_t* codes, float step, float offset,
                                               float* y) noexcept {
  const fit::Half s = fit::detail::broadcast(step), o = fit::detail::broadcast(offset);
  for (std::size_t i = 0; i < N; i += 8) {
    fit::detail::store(y + i, s * detail::widen(codes + i) + o);
  }
}

}  // namespace quant
