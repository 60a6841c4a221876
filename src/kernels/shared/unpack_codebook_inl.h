// Grid formats: magnitudes from a table, signs apart. Layouts: docs/spec/types/codebook.md.
#pragma once

#include "kernels/grids.h"
#include "kernels/shared/unpack_inl.h"

namespace kernels {
namespace {

/// Four sign masks of eight elements from 28 bits: seven bits each, the eighth makes the number of
/// ones even.
inline std::uint32_t even_signs_4(std::uint32_t word) noexcept {
  const std::uint32_t seven = _pdep_u32(word, 0x7f7f7f7fu);
  std::uint32_t parity = seven ^ (seven >> 4);  // bits 0..3 of a byte: only bits of that byte
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return seven | ((parity & 0x01010101u) << 7);
}

struct UnpackIq2Xxs : PlainRows {
  static constexpr std::size_t kChunkBytes = 66;
  static long long entry(const std::byte* index) noexcept {
    long long v;
    std::memcpy(&v, grid_iq2xxs + 8 * u8(index), sizeof v);
    return v;
  }
  static void chunk(const std::byte* p, const Lane&, U8Panel* panel) noexcept {
    const float d = f16(p) * 0.25F;
    float scale[8];
    for (std::size_t g = 0; g < 8; ++g) {
      const std::byte* q = p + 2 + 8 * g;
      const std::uint32_t word = u32(q + 4);
      const __m256i magnitudes =
          _mm256_setr_epi64x(entry(q), entry(q + 1), entry(q + 2), entry(q + 3));
      put32(panel->code + 32 * g, signed_codes(magnitudes, even_signs_4(word)));
      scale[g] = d * (0.5F + static_cast<float>(word >> 28));
    }
    finish_32(panel, _mm256_loadu_ps(scale), 128);
  }
};

struct UnpackIq3S : PlainRows {
  static constexpr std::size_t kChunkBytes = 110;
  static void chunk(const std::byte* p, const Lane&, U8Panel* panel) noexcept {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (std::size_t g = 0; g < 8; ++g) {
      // Eight indices of nine bits: a byte each, and bit m of byte g of the high bits.
      const __m256i low =
          _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 2 + 8 * g)));
      const __m256i high = _mm256_srlv_epi32(_mm256_set1_epi32(u8(p + 66 + g)), lane);
      const __m256i ninth = _mm256_slli_epi32(_mm256_and_si256(high, _mm256_set1_epi32(1)), 8);
      const __m256i magnitudes = _mm256_i32gather_epi32(reinterpret_cast<const int*>(grid_iq3s),
                                                        _mm256_or_si256(low, ninth), 4);
      put32(panel->code + 32 * g, signed_codes(magnitudes, u32(p + 74 + 4 * g)));
    }
    const std::uint64_t levels = _pdep_u64(u32(p + 106), 0x0f0f0f0f0f0f0f0fu);
    const __m256 l = to_floats(_mm_set_epi64x(0, static_cast<long long>(levels)));
    const __m256 factor = _mm256_add_ps(_mm256_add_ps(l, l), _mm256_set1_ps(1));
    finish_32(panel, _mm256_mul_ps(_mm256_set1_ps(f16(p)), factor), 128);
  }
};

}  // namespace
}  // namespace kernels
