// Level-table formats of ik_llama.cpp. Layouts: docs/spec/types/iqk.md sections 4 to 14 and 23.
#pragma once

#include "kernels/shared/levels_inl.h"

namespace kernels {
namespace {

/// 256 codes of two bits: 32 bytes hold columns i, i + 32, i + 64, i + 96.
inline void put_two_bits(const std::byte* p, __m128i table, std::uint8_t* out) noexcept {
  for (std::size_t h = 0; h < 2; ++h, out += 128) {
    const __m256i v = load32(p + 32 * h);
    put32(out, look_up(table, two_bits<0>(v)));
    put32(out + 32, look_up(table, two_bits<2>(v)));
    put32(out + 64, look_up(table, two_bits<4>(v)));
    put32(out + 96, look_up(table, two_bits<6>(v)));
  }
}

/// The same with a third bit: bit b of byte i for column 32 b + i.
template <int kHalf>
inline void put_three_bits_half(__m256i v, __m256i high, std::uint8_t* out) noexcept {
  const auto put = [&](std::size_t at, __m256i low, __m256i third) {
    put32(out + at, look_up(levels_3(), _mm256_or_si256(low, third)));
  };
  put(0, two_bits<0>(v), moved_bit<4 * kHalf, 2>(high));
  put(32, two_bits<2>(v), moved_bit<4 * kHalf + 1, 2>(high));
  put(64, two_bits<4>(v), moved_bit<4 * kHalf + 2, 2>(high));
  put(96, two_bits<6>(v), moved_bit<4 * kHalf + 3, 2>(high));
}
inline void put_three_bits(const std::byte* low, const std::byte* high,
                           std::uint8_t* out) noexcept {
  const __m256i bits = load32(high);
  put_three_bits_half<0>(load32(low), bits, out);
  put_three_bits_half<1>(load32(low + 32), bits, out + 128);
}

/// Nibbles of columns i and i + 32 in 32 bytes, a fifth bit as above.
inline void put_five_bits(const std::byte* low, const std::byte* high, std::uint8_t* out) noexcept {
  const LongTable<2> table(levels_iq5);
  __m256i bits = load32(high);
  for (std::size_t m = 0; m < 4; ++m, bits = _mm256_srli_epi16(bits, 2)) {
    const __m256i v = load32(low + 32 * m);
    put32(out + 64 * m, table(_mm256_or_si256(low_nibbles(v), moved_bit<0, 4>(bits))));
    put32(out + 64 * m + 32, table(_mm256_or_si256(high_nibbles(v), moved_bit<1, 4>(bits))));
  }
}

inline void put_nibbles_16(const std::byte* p, std::uint8_t* out) noexcept {
  for (std::size_t b = 0; b < 8; ++b) {
    put32(out + 32 * b, look_up(levels_iq4(), split_nibbles(load16(p + 16 * b))));
  }
}

struct UnpackIq2K : PlainRows {
  static constexpr std::size_t kChunkBytes = 76;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    put_two_bits(p + 12, levels_2(), panel->code);
    const __m128i s = _mm_sub_epi8(sixteen_nibbles(u64(p + 4)), _mm_set1_epi8(8));
    finish_levels_16(panel, f16(p), scales_16(s), u16(p + 2), 5);
  }
};

struct UnpackIq3K : PlainRows {
  static constexpr std::size_t kChunkBytes = 110;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    put_three_bits(p + 14, p + 78, panel->code);
    // 2 l + 1, at most 31, negative where a bit says so.
    const __m128i l = sixteen_nibbles(u64(p + 6));
    const __m128i odd = _mm_add_epi8(_mm_add_epi8(l, l), _mm_set1_epi8(1));
    const __m128i minus = _mm256_castsi256_si128(spread_bits(u16(p + 4), -1));
    const __m128i s = _mm_sub_epi8(_mm_xor_si128(odd, minus), minus);
    finish_levels_16(panel, f16(p), scales_16(s), u16(p + 2), 4);
  }
};

/// Sixteen 6-bit scales - 32: nibbles at p + 8, pairs of bits at p + 4.
inline Scales16 six_bit_scales(const std::byte* p) noexcept {
  const __m128i s = _mm_or_si128(sixteen_nibbles(u64(p + 8)), sixteen_pairs(u32(p + 4)));
  return scales_16(_mm_sub_epi8(s, _mm_set1_epi8(32)));
}

struct UnpackIq4K : PlainRows {
  static constexpr std::size_t kChunkBytes = 144;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    put_nibbles_16(p + 16, panel->code);
    finish_levels_16(panel, f16(p), six_bit_scales(p), u16(p + 2), 4);
  }
};

struct UnpackIq5K : PlainRows {
  static constexpr std::size_t kChunkBytes = 176;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    put_five_bits(p + 16, p + 144, panel->code);
    finish_levels_16(panel, f16(p), six_bit_scales(p), u16(p + 2), 2);
  }
};

struct UnpackIq6K : PlainRows {
  static constexpr std::size_t kChunkBytes = 212;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    const LongTable<4> table(levels_iq6);
    const __m256i upper = _mm256_set1_epi8(0x30);
    for (std::size_t h = 0; h < 2; ++h) {
      const __m256i a = load32(p + 20 + 64 * h);
      const __m256i b = load32(p + 52 + 64 * h);
      const __m256i q = load32(p + 148 + 32 * h);
      const auto put = [&](std::size_t at, __m256i low, __m256i high) {
        put32(panel->code + 128 * h + at,
              table(_mm256_or_si256(low, _mm256_and_si256(high, upper))));
      };
      put(0, low_nibbles(a), _mm256_slli_epi16(q, 4));
      put(32, high_nibbles(a), _mm256_slli_epi16(q, 2));
      put(64, low_nibbles(b), q);
      put(96, high_nibbles(b), _mm256_srli_epi16(q, 2));
    }
    finish_levels_16(panel, f16(p), scales_16(load16(p + 4)), u16(p + 2), 1);
  }
};

/// Eight 5-bit scales - 16 from nibbles (in bytes) and their fifth bits.
inline __m256i five_bit_scales(std::uint64_t nibbles, std::uint32_t fifth) noexcept {
  const std::uint64_t s = nibbles | _pdep_u64(fifth, 0x1010101010101010u);
  return _mm256_sub_epi32(_mm256_cvtepu8_epi32(_mm_set_epi64x(0, static_cast<long long>(s))),
                          _mm256_set1_epi32(16));
}
struct UnpackIq2Ks : HalfScaledRows {
  static constexpr std::size_t kChunkBytes = 70;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    put_two_bits(p + 6, levels_2(), panel->code);
    const std::uint64_t nibbles = _pdep_u64(u32(p + 2), 0x0f0f0f0f0f0f0f0fu);
    finish_levels_32(panel, lane.d, five_bit_scales(nibbles, u8(p + 1)), u8(p), 5);
  }
};

struct UnpackIq3Ks : HalfScaledRows {
  static constexpr std::size_t kChunkBytes = 102;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    put_three_bits(p + 6, p + 70, panel->code);
    finish_levels_32(panel, lane.d, five_bit_scales(halved_nibbles(p + 2), u8(p)), u8(p + 1), 4);
  }
};

struct UnpackIq4Ks : ScaledRows {
  static constexpr std::size_t kChunkBytes = 136;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    put_nibbles_16(p + 8, panel->code);
    finish_odd_levels(panel, lane.d, u64(p), 4);
  }
};

struct UnpackIq5Ks : ScaledRows {
  static constexpr std::size_t kChunkBytes = 168;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    put_five_bits(p + 8, p + 136, panel->code);
    finish_odd_levels(panel, lane.d, u64(p), 2);
  }
};

/// Every word of 16 bits: bit 0 belongs to the scale byte of its block, the rest u gives four codes
/// as u ^ (u >> 1); word k of a block holds columns 2 k and 2 k + 16 in its low byte, 2 k + 1 and
/// 2 k + 17 in its high byte.
struct UnpackIq4Kss : ScaledRows {
  static constexpr std::size_t kChunkBytes = 128;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    std::uint64_t scales = 0;
    for (std::size_t b = 0; b < 8; ++b) {
      const __m128i words = load16(p + 16 * b);
      const __m128i u = _mm_and_si128(words, _mm_set1_epi16(-2));
      const __m128i codes = _mm_xor_si128(u, _mm_srli_epi16(u, 1));
      put32(panel->code + 32 * b, look_up(levels_iq4(), split_nibbles(codes)));
      const __m128i signs = _mm_packs_epi16(_mm_slli_epi16(words, 15), _mm_setzero_si128());
      scales |= static_cast<std::uint64_t>(_mm_movemask_epi8(signs)) << (8 * b);
    }
    finish_odd_levels(panel, lane.d, scales, 4);
  }
};

/// Codes of pairs: 32 columns have 16 codes of five bits.
struct UnpackIq2Kl : HalfScaledRows {
  static constexpr std::size_t kChunkBytes = 86;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    const LongTable<2> even(levels_iq2kl.even), odd(levels_iq2kl.odd);
    __m128i high = load16(p + 70);  // bit b: block b
    for (std::size_t m = 0; m < 4; ++m, high = _mm_srli_epi16(high, 2)) {
      const __m128i mask = _mm_set1_epi8(16);
      const __m256i fifth = _mm256_set_m128i(_mm_and_si128(_mm_slli_epi16(high, 3), mask),
                                             _mm_and_si128(_mm_slli_epi16(high, 4), mask));
      const __m256i codes = _mm256_or_si256(split_nibbles(load16(p + 6 + 16 * m)), fifth);
      const __m256i e = even(codes), o = odd(codes);  // a block in each half
      const __m256i low = _mm256_unpacklo_epi8(e, o), up = _mm256_unpackhi_epi8(e, o);
      put32(panel->code + 64 * m, _mm256_permute2x128_si256(low, up, 0x20));
      put32(panel->code + 64 * m + 32, _mm256_permute2x128_si256(low, up, 0x31));
    }
    const std::uint64_t s = halved_nibbles(p + 2) | _pdep_u64(u16(p), 0x3030303030303030u);
    const __m256i scales = _mm256_sub_epi32(
        _mm256_cvtepu8_epi32(_mm_set_epi64x(0, static_cast<long long>(s))), _mm256_set1_epi32(32));
    finish_levels_32(panel, lane.d, scales, 0, 0);
  }
};

struct UnpackQ8Kv : ScaledRows {
  static constexpr std::size_t kChunkBytes = 256, kMeta = 8;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const __m256i codes = load32(p + 32 * b);
      put32(panel->code + 32 * b, _mm256_xor_si256(codes, _mm256_set1_epi8(-128)));
    }
    finish_32(panel, _mm256_set1_ps(lane.d), 128);
  }
};

}  // namespace
}  // namespace kernels
