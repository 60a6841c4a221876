// Formats with super-blocks of 256 weights and integer scales of their blocks, linear codes or the
// 16 levels of iq4_nl. Layouts: docs/spec/types/basic.md.
#pragma once

#include "kernels/shared/unpack_legacy_inl.h"

namespace kernels {
namespace {

/// Scales and offsets d * scale, -dmin * minimum of sixteen blocks.
template <class Panel>
inline void finish_affine_16(Panel* panel, float d, float dmin, __m128i scales,
                             __m128i minima) noexcept {
  const __m256 s = _mm256_set1_ps(d);
  const __m256 m = _mm256_set1_ps(-dmin);
  put_scales(panel, _mm256_mul_ps(s, to_floats(scales)),
             _mm256_mul_ps(s, to_floats(_mm_srli_si128(scales, 8))));
  put_offsets(panel, _mm256_mul_ps(m, to_floats(minima)),
              _mm256_mul_ps(m, to_floats(_mm_srli_si128(minima, 8))));
}

struct UnpackQ2K : PlainRows {
  static constexpr bool kAffine = true;
  static constexpr std::size_t kChunkBytes = 84;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t h = 0; h < 2; ++h) {
      const __m256i v = load32(p + 16 + 32 * h);
      std::uint8_t* out = panel->code + 128 * h;
      put32(out, two_bits<0>(v));
      put32(out + 32, two_bits<2>(v));
      put32(out + 64, two_bits<4>(v));
      put32(out + 96, two_bits<6>(v));
    }
    const __m128i packed = load16(p);
    const __m128i mask = _mm_set1_epi8(15);
    finish_affine_16(panel, f16(p + 80), f16(p + 82), _mm_and_si128(packed, mask),
                     _mm_and_si128(_mm_srli_epi16(packed, 4), mask));
  }
};

struct UnpackQ3K : PlainRows {
  static constexpr std::size_t kChunkBytes = 110;
  template <int kHalf>
  static void half(const std::byte* p, __m256i high, std::uint8_t* out) noexcept {
    const __m256i v = load32(p + 32 + 32 * kHalf);
    put32(out, _mm256_or_si256(two_bits<0>(v), moved_bit<4 * kHalf, 2>(high)));
    put32(out + 32, _mm256_or_si256(two_bits<2>(v), moved_bit<4 * kHalf + 1, 2>(high)));
    put32(out + 64, _mm256_or_si256(two_bits<4>(v), moved_bit<4 * kHalf + 2, 2>(high)));
    put32(out + 96, _mm256_or_si256(two_bits<6>(v), moved_bit<4 * kHalf + 3, 2>(high)));
  }
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    const __m256i high = load32(p);
    half<0>(p, high, panel->code);
    half<1>(p, high, panel->code + 128);
    // Sixteen 6-bit scales: nibbles of bytes 0..7, upper bits in bytes 8..11, two bits a group
    // of 4.
    const long long low = static_cast<long long>(u64(p + 96));
    const int top = static_cast<int>(u32(p + 104));
    const __m128i nibbles = _mm_and_si128(_mm_set_epi64x(low >> 4, low), _mm_set1_epi8(15));
    const __m128i upper = _mm_and_si128(
        _mm_sllv_epi32(_mm_srlv_epi32(_mm_set1_epi32(top), _mm_setr_epi32(0, 0, 0, 2)),
                       _mm_setr_epi32(4, 2, 0, 0)),
        _mm_set1_epi8(0x30));
    const __m128i codes = _mm_or_si128(nibbles, upper);
    const __m256 d = _mm256_set1_ps(f16(p + 108));
    const __m256 centre = _mm256_set1_ps(32);
    finish_16(panel, _mm256_mul_ps(d, _mm256_sub_ps(to_floats(codes), centre)),
              _mm256_mul_ps(d, _mm256_sub_ps(to_floats(_mm_srli_si128(codes, 8)), centre)), 4);
  }
};

/// Eight 6-bit scales and eight 6-bit minima in 12 bytes (q4_K, q5_K), as eight bytes each.
struct SixBitPairs {
  __m128i scales, minima;
};
inline SixBitPairs six_bit_pairs(const std::byte* p) noexcept {
  const std::uint32_t a = u32(p), b = u32(p + 4), c = u32(p + 8);
  const std::uint32_t scales_high = (c & 0x0f0f0f0fu) | ((a >> 2) & 0x30303030u);
  const std::uint32_t minima_high = ((c >> 4) & 0x0f0f0f0fu) | ((b >> 2) & 0x30303030u);
  return {_mm_set_epi64x(
              0, static_cast<long long>(std::uint64_t{scales_high} << 32 | (a & 0x3f3f3f3fu))),
          _mm_set_epi64x(
              0, static_cast<long long>(std::uint64_t{minima_high} << 32 | (b & 0x3f3f3f3fu)))};
}
template <class Panel>
inline void finish_affine_32(const std::byte* p, Panel* panel) noexcept {
  const SixBitPairs pairs = six_bit_pairs(p + 4);
  put_twice(panel->scale, _mm256_mul_ps(_mm256_set1_ps(f16(p)), to_floats(pairs.scales)));
  put_twice(panel->offset, _mm256_mul_ps(_mm256_set1_ps(-f16(p + 2)), to_floats(pairs.minima)));
}

struct UnpackQ4K : PlainRows {
  static constexpr bool kAffine = true;
  static constexpr std::size_t kChunkBytes = 144;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t m = 0; m < 4; ++m) {
      const __m256i v = load32(p + 16 + 32 * m);
      put32(panel->code + 64 * m, low_nibbles(v));
      put32(panel->code + 64 * m + 32, high_nibbles(v));
    }
    finish_affine_32(p, panel);
  }
};

struct UnpackQ5K : PlainRows {
  static constexpr bool kAffine = true;
  static constexpr std::size_t kChunkBytes = 176;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    const __m256i fifth = _mm256_set1_epi8(16);
    __m256i high = load32(p + 16);  // bit j: block of 32 number j
    for (std::size_t m = 0; m < 4; ++m) {
      const __m256i v = load32(p + 48 + 32 * m);
      const __m256i even = _mm256_and_si256(_mm256_slli_epi16(high, 4), fifth);
      const __m256i odd = _mm256_and_si256(_mm256_slli_epi16(high, 3), fifth);
      put32(panel->code + 64 * m, _mm256_or_si256(low_nibbles(v), even));
      put32(panel->code + 64 * m + 32, _mm256_or_si256(high_nibbles(v), odd));
      high = _mm256_srli_epi16(high, 2);
    }
    finish_affine_32(p, panel);
  }
};

struct UnpackQ6K : PlainRows {
  static constexpr std::size_t kChunkBytes = 210;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    const __m256i upper = _mm256_set1_epi8(0x30);
    for (std::size_t h = 0; h < 2; ++h) {
      const __m256i a = load32(p + 64 * h);
      const __m256i b = load32(p + 64 * h + 32);
      const __m256i q = load32(p + 128 + 32 * h);
      std::uint8_t* out = panel->code + 128 * h;
      put32(out, _mm256_or_si256(low_nibbles(a), _mm256_and_si256(_mm256_slli_epi16(q, 4), upper)));
      put32(out + 32,
            _mm256_or_si256(low_nibbles(b), _mm256_and_si256(_mm256_slli_epi16(q, 2), upper)));
      put32(out + 64, _mm256_or_si256(high_nibbles(a), _mm256_and_si256(q, upper)));
      put32(out + 96,
            _mm256_or_si256(high_nibbles(b), _mm256_and_si256(_mm256_srli_epi16(q, 2), upper)));
    }
    const __m256 d = _mm256_set1_ps(f16(p + 208));
    const __m128i s = load16(p + 192);
    finish_16(panel, _mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(s))),
              _mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(s, 8)))), 32);
  }
};

struct UnpackIq4Xs : PlainRows {
  static constexpr std::size_t kChunkBytes = 136;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, look_up(levels_iq4(), split_nibbles(load16(p + 8 + 16 * b))));
    }
    const std::uint64_t low = _pdep_u64(u32(p + 4), 0x0f0f0f0f0f0f0f0fu);
    const std::uint64_t high = _pdep_u64(u16(p + 2), 0x3030303030303030u);
    const __m256 s = to_floats(_mm_set_epi64x(0, static_cast<long long>(low | high)));
    finish_32(panel, _mm256_mul_ps(_mm256_set1_ps(f16(p)), _mm256_sub_ps(s, _mm256_set1_ps(32))),
              128);
  }
};

}  // namespace
}  // namespace kernels
