// Ternary and other formats of one to four levels, and nvfp4. Layouts: docs/spec/types/basic.md,
// docs/spec/types/iqk.md sections 20 and 21.
#pragma once

#include "kernels/shared/unpack_legacy_inl.h"

namespace kernels {
namespace {

/// Top digit, 0..2, of bytes ceil(256 N / 243): 3 z / 256 is 1 from 86 on and 2 from 171 on.
inline __m256i top_digits(__m256i z) noexcept {
  const __m256i one = _mm256_cmpeq_epi8(_mm256_max_epu8(z, _mm256_set1_epi8(86)), z);
  const __m256i two = _mm256_cmpeq_epi8(_mm256_max_epu8(z, _mm256_set1_epi8(-85)), z);
  return _mm256_sub_epi8(_mm256_setzero_si256(), _mm256_add_epi8(one, two));
}
/// 3 z mod 256: the next digit becomes the top one.
inline __m256i next_digits(__m256i z) noexcept { return _mm256_add_epi8(z, _mm256_add_epi8(z, z)); }

struct UnpackTq1_0 : PlainRows {
  static constexpr std::size_t kChunkBytes = 54;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    __m256i z = load32(p);
    for (std::size_t i = 0; i < 5; ++i, z = next_digits(z)) {
      put32(panel->code + 32 * i, top_digits(z));
    }
    z = _mm256_set_m128i(_mm_set1_epi32(static_cast<int>(u32(p + 48))), load16(p + 32));
    for (std::size_t i = 0; i < 5; ++i, z = next_digits(z)) {
      const __m256i digits = top_digits(z);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(panel->code + 160 + 16 * i),
                       _mm256_castsi256_si128(digits));
      if (i == 4) break;  // the last four bytes have four digits
      const int four = _mm256_extract_epi32(digits, 4);
      std::memcpy(panel->code + 240 + 4 * i, &four, 4);
    }
    finish_32(panel, _mm256_set1_ps(f16(p + 52)), 1);
  }
};

struct UnpackTq2_0 : PlainRows {
  static constexpr std::size_t kChunkBytes = 66;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t h = 0; h < 2; ++h) {
      const __m256i v = load32(p + 32 * h);
      std::uint8_t* out = panel->code + 128 * h;
      put32(out, two_bits<0>(v));
      put32(out + 32, two_bits<2>(v));
      put32(out + 64, two_bits<4>(v));
      put32(out + 96, two_bits<6>(v));
    }
    finish_32(panel, _mm256_set1_ps(f16(p + 64)), 1);
  }
};

/// Sixteen blocks of 16 from blocks of 64 or 128: scale i at p + i * stride, for w = scale * (code
/// - zero).
template <std::size_t kBlock, class Panel>
inline void finish_wide(const std::byte* p, std::size_t stride, float zero, Panel* panel) noexcept {
  for (std::size_t i = 0; i < kChunkCols / kBlock; ++i) {
    const float d = f16(p + i * stride);
    for (std::size_t b = 0; b < kBlock / 16; ++b) {
      panel->scale[i * (kBlock / 16) + b] = d;
      panel->offset[i * (kBlock / 16) + b] = offset_of<Panel>(d, -zero);
    }
  }
}

/// One bit a weight: codes 0 and 2 with zero 1.
struct UnpackQ1_0 : PlainRows {
  static constexpr std::size_t kBlock = 18, kChunkBytes = 2 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, spread_bits(u32(p + kBlock * (b / 4) + 2 + 4 * (b % 4)), 2));
    }
    finish_wide<128>(p, kBlock, 1, panel);
  }
};

/// Two bits a weight in order: four columns a byte.
struct UnpackQ2_0 : PlainRows {
  static constexpr std::size_t kBlock = 18, kChunkBytes = 4 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    // Every byte four times, each copy moved down by its place.
    const __m256i copies = _mm256_setr_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4,
                                            4, 5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7);
    for (std::size_t b = 0; b < 8; ++b) {
      const __m256i v = _mm256_shuffle_epi8(
          _mm256_set1_epi64x(static_cast<long long>(u64(p + kBlock * (b / 2) + 2 + 8 * (b % 2)))),
          copies);
      // Bytes 0..3 of a word are the same: bits 2 i, 2 i + 1 of byte i are wanted, at its bits
      // 0, 1.
      const __m256i low = _mm256_and_si256(v, _mm256_set1_epi32(0x00000003));
      const __m256i second =
          _mm256_and_si256(_mm256_srli_epi32(v, 2), _mm256_set1_epi32(0x00000300));
      const __m256i third =
          _mm256_and_si256(_mm256_srli_epi32(v, 4), _mm256_set1_epi32(0x00030000));
      const __m256i fourth =
          _mm256_and_si256(_mm256_srli_epi32(v, 6), _mm256_set1_epi32(0x03000000));
      put32(panel->code + 32 * b,
            _mm256_or_si256(_mm256_or_si256(low, second), _mm256_or_si256(third, fourth)));
    }
    finish_wide<64>(p, kBlock, 1, panel);
  }
};

/// Runs of 16 columns: three bytes of five digits each, a 16th digit from the last byte of the
/// block. Digit i of a byte is the top digit of 3^(4 - i) times it.
struct UnpackIq1Bn : HalfScaledRows {
  static constexpr std::size_t kBlock = 13, kChunkBytes = 4 * kBlock;
  static __m128i run(std::uint32_t bytes, std::uint32_t extra, short power) noexcept {
    const __m128i places = _mm_setr_epi8(0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3);
    const __m128i packed = _mm_set1_epi32(static_cast<int>((bytes & 0xffffffu) | extra << 24));
    const __m256i z = _mm256_cvtepu8_epi16(_mm_shuffle_epi8(packed, places));
    const __m256i powers =
        _mm256_setr_epi16(81, 27, 9, 3, 1, 81, 27, 9, 3, 1, 81, 27, 9, 3, 1, power);
    const __m256i low = _mm256_and_si256(_mm256_mullo_epi16(z, powers), _mm256_set1_epi16(255));
    const __m256i digits = _mm256_srli_epi16(_mm256_mullo_epi16(low, _mm256_set1_epi16(3)), 8);
    return _mm_packus_epi16(_mm256_castsi256_si128(digits), _mm256_extracti128_si256(digits, 1));
  }
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    constexpr short kPowers[] = {81, 27, 9, 3};
    for (std::size_t b = 0; b < 4; ++b, p += kBlock) {
      for (std::size_t r = 0; r < 4; ++r) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(panel->code + 64 * b + 16 * r),
                         run(u32(p + 3 * r), u8(p + 12), kPowers[r]));
      }
    }
    finish_32(panel, _mm256_set1_ps(lane.d), 1);
  }
};

struct UnpackIq2Bn : ScaledRows {
  static constexpr std::size_t kChunkBytes = 64;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 4; ++b) {
      const __m128i v = load16(p + 16 * b);
      const __m256i pair = _mm256_set_m128i(_mm_srli_epi16(v, 2), v);
      put32(panel->code + 64 * b, two_bits<0>(pair));
      put32(panel->code + 64 * b + 32, two_bits<4>(pair));
    }
    finish_32(panel, _mm256_set1_ps(lane.d), 1);
  }
};

/// Blocks of 64: four scale bytes (e4m3 without sign), then 8 bytes for every 16 columns.
struct UnpackNvfp4 : PlainRows {
  static constexpr std::size_t kBlock = 36, kChunkBytes = 4 * kBlock;
  /// Half the values of eight bytes: four bits of exponent above 2^-7, three of mantissa; without
  /// an exponent multiples of 2^-9. 0x7f means 0. (Moving the bytes to the place of an f32's bits
  /// and multiplying takes ten times as long where those are subnormal.)
  static __m256 half_scales(__m128i bytes) noexcept {
    const __m256i e = _mm256_and_si256(_mm256_cvtepu8_epi32(bytes), _mm256_set1_epi32(0x7f));
    const __m256 normal = _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_slli_epi32(e, 20), _mm256_set1_epi32(119 << 23)));
    const __m256 small = _mm256_mul_ps(_mm256_cvtepi32_ps(e), _mm256_set1_ps(0x1p-10F));
    const __m256i is_small = _mm256_cmpgt_epi32(_mm256_set1_epi32(8), e);
    const __m256i none = _mm256_cmpeq_epi32(_mm256_cvtepu8_epi32(bytes), _mm256_set1_epi32(0x7f));
    const __m256 values = _mm256_blendv_ps(normal, small, _mm256_castsi256_ps(is_small));
    return _mm256_andnot_ps(_mm256_castsi256_ps(none), values);
  }
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const __m128i v = load16(p + kBlock * (b / 2) + 4 + 16 * (b % 2));
      const __m128i low = _mm_and_si128(v, _mm_set1_epi8(15));
      const __m128i high = _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(15));
      const __m256i codes =
          _mm256_set_m128i(_mm_unpackhi_epi64(low, high), _mm_unpacklo_epi64(low, high));
      put32(panel->code + 32 * b, look_up(levels_fp4(), codes));
    }
    const auto word = [&](std::size_t i) { return static_cast<int>(u32(p + kBlock * i)); };
    const __m128i scales = _mm_setr_epi32(word(0), word(1), word(2), word(3));
    finish_16(panel, half_scales(scales), half_scales(_mm_srli_si128(scales, 8)), 12);
  }
};

}  // namespace
}  // namespace kernels
