// Formats with blocks of 32 weights and f16 scales. Layouts: docs/spec/types/basic.md.
#pragma once

#include "kernels/shared/levels_inl.h"

namespace kernels {
namespace {

struct UnpackQ8_0 : PlainRows {
  static constexpr std::size_t kBlock = 34, kChunkBytes = 8 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const __m256i codes = load32(p + kBlock * b + 2);
      put32(panel->code + 32 * b, _mm256_xor_si256(codes, _mm256_set1_epi8(-128)));
    }
    finish_32(panel, eight_f16(p, kBlock), 128);
  }
};

struct UnpackQ4_0 : PlainRows {
  static constexpr std::size_t kBlock = 18, kChunkBytes = 8 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, split_nibbles(load16(p + kBlock * b + 2)));
    }
    finish_32(panel, eight_f16(p, kBlock), 8);
  }
};

struct UnpackQ4_1 : PlainRows {
  static constexpr bool kAffine = true;
  static constexpr std::size_t kBlock = 20, kChunkBytes = 8 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, split_nibbles(load16(p + kBlock * b + 4)));
    }
    put_twice(panel->scale, eight_f16(p, kBlock));
    put_twice(panel->offset, eight_f16(p + 2, kBlock));
  }
};

struct UnpackQ5_0 : PlainRows {
  static constexpr std::size_t kBlock = 22, kChunkBytes = 8 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const std::byte* q = p + kBlock * b;
      put32(panel->code + 32 * b,
            _mm256_or_si256(split_nibbles(load16(q + 6)), spread_bits(u32(q + 2), 16)));
    }
    finish_32(panel, eight_f16(p, kBlock), 16);
  }
};

struct UnpackQ5_1 : PlainRows {
  static constexpr bool kAffine = true;
  static constexpr std::size_t kBlock = 24, kChunkBytes = 8 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const std::byte* q = p + kBlock * b;
      put32(panel->code + 32 * b,
            _mm256_or_si256(split_nibbles(load16(q + 8)), spread_bits(u32(q + 4), 16)));
    }
    put_twice(panel->scale, eight_f16(p, kBlock));
    put_twice(panel->offset, eight_f16(p + 2, kBlock));
  }
};

struct UnpackQ6_0 : PlainRows {
  static constexpr std::size_t kBlock = 26, kChunkBytes = 8 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    const __m256i upper = _mm256_set1_epi8(0x30);
    for (std::size_t b = 0; b < 8; ++b) {
      const std::byte* q = p + kBlock * b;
      // Byte k holds the upper bits of elements k, k + 16, k + 8, k + 24, from bit 0 upwards.
      const long long h = static_cast<long long>(u64(q + 2));
      const __m256i at_bit_4 = _mm256_setr_epi64x(h << 4, h, h << 2, h >> 2);
      put32(panel->code + 32 * b,
            _mm256_or_si256(split_nibbles(load16(q + 10)), _mm256_and_si256(at_bit_4, upper)));
    }
    finish_32(panel, eight_f16(p, kBlock), 32);
  }
};

struct UnpackIq4Nl : PlainRows {
  static constexpr std::size_t kBlock = 18, kChunkBytes = 8 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, look_up(levels_iq4(), split_nibbles(load16(p + kBlock * b + 2))));
    }
    finish_32(panel, eight_f16(p, kBlock), 128);
  }
};

/// Doubled e2m1 values + 12.
inline __m128i levels_fp4() noexcept {
  return _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0);
}

/// 2^(e - 128) for the bytes e of eight blocks: an exponent field of e - 1, below e = 2 a bit of
/// the subnormal numbers.
inline __m256 eight_powers(const std::byte* p, std::size_t stride) noexcept {
  const __m256i e = _mm256_setr_epi32(u8(p), u8(p + stride), u8(p + 2 * stride), u8(p + 3 * stride),
                                      u8(p + 4 * stride), u8(p + 5 * stride), u8(p + 6 * stride),
                                      u8(p + 7 * stride));
  const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
  const __m256i small = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
  const __m256i is_small = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e);
  return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, small, is_small));
}

struct UnpackMxfp4 : PlainRows {
  static constexpr std::size_t kBlock = 17, kChunkBytes = 8 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, look_up(levels_fp4(), split_nibbles(load16(p + kBlock * b + 1))));
    }
    finish_32(panel, eight_powers(p, kBlock), 12);
  }
};

}  // namespace
}  // namespace kernels
