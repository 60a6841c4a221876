// Rows woven together, formats with level tables and codebooks. Layouts and the names of patterns:
// docs/spec/types/interleaved.md.
#pragma once

#include "kernels/shared/unpack_codebook_inl.h"
#include "kernels/shared/unpack_interleave_inl.h"
#include "kernels/shared/unpack_iqk_inl.h"

namespace kernels {
namespace {

/// Formats with one f32 scale a row in front of a group of four.
struct ScaledWovenRows : WovenRows<4> {
  static constexpr std::size_t kMeta = 4;
  static float row_scale(const std::byte* group, std::size_t row) noexcept {
    return f32(group + 4 * row);
  }
};

/// Byte `row` of eight words.
inline __m256i bytes_of_row(const std::byte* p, std::size_t row) noexcept {
  return _mm256_and_si256(_mm256_srl_epi32(load32(p), _mm_cvtsi32_si128(static_cast<int>(8 * row))),
                          _mm256_set1_epi32(255));
}
/// One bit for each of sixteen blocks: bit b / 2 of byte `row` (even b) or row + 4 (odd b).
inline std::uint32_t bits_of_row(const std::byte* p, std::size_t row) noexcept {
  return _pdep_u32(u8(p + row), 0x5555u) | _pdep_u32(u8(p + 4 + row), 0xaaaau);
}
/// Nibbles of blocks 0..7 (low ones) and 8..15 (high ones) of a row.
struct NibblesOfRow {
  __m256i low, high;
  NibblesOfRow(const std::byte* p, std::size_t row) noexcept {
    const __m256i bytes = bytes_of_row(p, row);
    low = _mm256_and_si256(bytes, _mm256_set1_epi32(15));
    high = _mm256_srli_epi32(bytes, 4);
  }
};
/// S6: scales - 32 of sixteen blocks from nibbles at `low` and pairs of bits at `high`.
inline Scales16 s6_scales(const std::byte* high, const std::byte* low, std::size_t row) noexcept {
  const NibblesOfRow nibbles(low, row);
  const __m128i words = _mm_srl_epi32(load16(high), _mm_cvtsi32_si128(static_cast<int>(8 * row)));
  const __m256i bytes = _mm256_broadcastsi128_si256(words);
  const auto pairs = [&](int shift) {
    const __m256i by =
        _mm256_setr_epi32(shift, shift, shift, shift, shift + 2, shift + 2, shift + 2, shift + 2);
    const __m256i two = _mm256_and_si256(_mm256_srlv_epi32(bytes, by), _mm256_set1_epi32(3));
    return _mm256_sub_epi32(_mm256_slli_epi32(two, 4), _mm256_set1_epi32(32));
  };
  return scales_16(_mm256_add_epi32(nibbles.low, pairs(0)),
                   _mm256_add_epi32(nibbles.high, pairs(4)));
}
/// A scale byte of each of eight blocks as 64 bits.
inline std::uint64_t eight_of_row(const std::byte* p, std::size_t row) noexcept {
  const __m256i words = bytes_of_row(p, row);
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(words, words), 0x08);
  const __m128i shorts = _mm256_castsi256_si128(packed);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_packus_epi16(shorts, shorts)));
}
/// Fifth bits of the iq5 formats.
inline __m256i fifth_bits(const std::byte* p, std::size_t row) noexcept {
  const __m256i bit =
      runs_of(_mm256_set1_epi32(word(p + 4 * row)), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7), 1);
  return _mm256_slli_epi16(bit, 4);
}
/// Signs of 32 elements from G7 bytes.
inline std::uint32_t g7_signs(std::uint32_t seven) noexcept { return seven ^ (seven << 1); }

struct UnpackIq4XsR8 : WovenRows<8> {
  static constexpr std::size_t kChunkBytes = 136;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    float scale[8];
    for (std::size_t b = 0; b < 8; ++b) {
      const std::byte* q = p + 64 + 128 * b + 4 * lane.row;
      const int w0 = word(q), w1 = word(q + 32), w2 = word(q + 64), w3 = word(q + 96);
      const __m256i codes = runs_of(_mm256_setr_epi32(w0, w0, w1, w1, w2, w2, w3, w3),
                                    _mm256_setr_epi32(0, 4, 0, 4, 0, 4, 0, 4), 15);
      put32(panel->code + 32 * b, look_up(levels_iq4(), codes));
      scale[b] = f16(p + 2 * lane.row) * s6(p + 16, p + 32, 8 * b + lane.row);
    }
    finish_32(panel, _mm256_loadu_ps(scale), 128);
  }
};

struct UnpackIq2XxsR4 : WovenRows<4> {
  static constexpr std::size_t kChunkBytes = 66;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    const float d = 0.125F * f16(p + 2 * lane.row);
    float scale[8];
    for (std::size_t b = 0; b < 8; ++b) {
      const std::byte* index = p + 136 + 16 * b + 4 * lane.row;
      const std::uint32_t packed = u32(p + 8 + 16 * b + 4 * lane.row);
      const std::uint32_t seven = (packed >> 1) & 0x7f7f7f7fu;
      const __m256i magnitudes = _mm256_setr_epi64x(
          entry_8(grid_iq2xxs, u8(index)), entry_8(grid_iq2xxs, u8(index + 1)),
          entry_8(grid_iq2xxs, u8(index + 2)), entry_8(grid_iq2xxs, u8(index + 3)));
      put32(panel->code + 32 * b, signed_codes(magnitudes, seven ^ (seven << 1)));
      const std::uint32_t level = _pext_u32(packed, 0x01010101u);
      scale[b] = d * static_cast<float>(2 * level + 1);
    }
    finish_32(panel, _mm256_loadu_ps(scale), 128);
  }
};

struct UnpackIq3SR4 : WovenRows<4> {
  static constexpr std::size_t kChunkBytes = 110;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    const __m256i run = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const float d = f16(p + 2 * lane.row);
    float scale[8];
    for (std::size_t b = 0; b < 8; ++b) {
      const std::byte* q = p + 8 + 32 * b + lane.row;
      const __m256i low = _mm256_setr_epi32(u8(q), u8(q + 8), u8(q + 16), u8(q + 24), u8(q + 4),
                                            u8(q + 12), u8(q + 20), u8(q + 28));
      const std::size_t u = 4 * b + lane.row;
      const __m256i high = _mm256_srlv_epi32(_mm256_set1_epi32(u8(p + 264 + u)), run);
      const __m256i ninth = _mm256_slli_epi32(_mm256_and_si256(high, _mm256_set1_epi32(1)), 8);
      const __m256i magnitudes = _mm256_i32gather_epi32(reinterpret_cast<const int*>(grid_iq3s),
                                                        _mm256_or_si256(low, ninth), 4);
      const __m256i ones = runs_of(_mm256_set1_epi32(word(p + 296 + 4 * u)), run, 1);
      const __m256i minus = _mm256_sub_epi8(_mm256_setzero_si256(), ones);
      const __m256i values = _mm256_sub_epi8(_mm256_xor_si256(magnitudes, minus), minus);
      put32(panel->code + 32 * b, _mm256_xor_si256(values, _mm256_set1_epi8(-128)));
      scale[b] = d * static_cast<float>(1 + 2 * ((u8(p + 424 + (u & 15)) >> (4 * (u >> 4))) & 15));
    }
    finish_32(panel, _mm256_loadu_ps(scale), 128);
  }
};

struct UnpackIq2XsR4 : WovenRows<4> {
  static constexpr std::size_t kChunkBytes = 74;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const std::uint64_t words = u64(p + 8 + 32 * b + 8 * lane.row);
      const auto signs = static_cast<std::uint32_t>(_pext_u64(words, 0xfe00fe00fe00fe00u));
      put32(panel->code + 32 * b,
            signed_codes(UnpackIq2Xs::magnitudes(words), g7_signs(_pdep_u32(signs, 0x7f7f7f7fu))));
    }
    finish_half_steps(panel, f16(p + 2 * lane.row), eight_of_row(p + 264, lane.row));
  }
};

struct UnpackIq2SR4 : WovenRows<4> {
  static constexpr std::size_t kChunkBytes = 82;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const std::size_t at = 16 * b + 4 * lane.row;
      const __m256i m = UnpackIq2S::magnitudes(p + 8 + at, u8(p + 136 + 4 * b + lane.row));
      put32(panel->code + 32 * b, signed_codes(m, u32(p + 168 + at)));
    }
    finish_half_steps(panel, f16(p + 2 * lane.row), eight_of_row(p + 296, lane.row));
  }
};

struct UnpackIq3XxsR4 : WovenRows<4> {
  static constexpr std::size_t kChunkBytes = 98;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    const float d = 0.25F * f16(p + 2 * lane.row);
    float scale[8];
    for (std::size_t b = 0; b < 8; ++b) {
      const std::uint32_t packed = u32(p + 8 + 16 * b + 4 * lane.row);
      const __m256i m = UnpackIq3Xxs::magnitudes(p + 136 + 32 * b + 8 * lane.row);
      put32(panel->code + 32 * b, signed_codes(m, g7_signs((packed >> 1) & 0x7f7f7f7fu)));
      scale[b] = d * static_cast<float>(2 * _pext_u32(packed, 0x01010101u) + 1);
    }
    finish_32(panel, _mm256_loadu_ps(scale), 128);
  }
};

struct UnpackIq2KR4 : WovenRows<4> {
  static constexpr std::size_t kChunkBytes = 76;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, look_up(levels_2(), n2(p + 48 + 32 * b, lane.row)));
    }
    const NibblesOfRow s(p + 16, lane.row);
    const __m256i eight = _mm256_set1_epi32(8);
    finish_levels_16(panel, f16(p + 2 * lane.row),
                     scales_16(_mm256_sub_epi32(s.low, eight), _mm256_sub_epi32(s.high, eight)),
                     bits_of_row(p + 8, lane.row), 5);
  }
};

struct UnpackIq3KR4 : WovenRows<4> {
  static constexpr std::size_t kChunkBytes = 110;
  /// 2 l + 1, negative where the bit of its lane is set.
  static __m256i odd_scales(__m256i l, std::uint32_t signs) noexcept {
    const __m256i odd = _mm256_add_epi32(_mm256_add_epi32(l, l), _mm256_set1_epi32(1));
    const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i minus =
        _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(static_cast<int>(signs)), bit), bit);
    return _mm256_sub_epi32(_mm256_xor_si256(odd, minus), minus);
  }
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const __m256i third = runs_of(_mm256_set1_epi32(word(p + 312 + 16 * b + 4 * lane.row)),
                                    _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), 1);
      const __m256i codes =
          _mm256_or_si256(n2(p + 56 + 32 * b, lane.row), _mm256_slli_epi16(third, 2));
      put32(panel->code + 32 * b, look_up(levels_3(), codes));
    }
    const NibblesOfRow l(p + 24, lane.row);
    const std::uint32_t signs = bits_of_row(p + 16, lane.row);
    finish_levels_16(panel, f16(p + 2 * lane.row),
                     scales_16(odd_scales(l.low, signs), odd_scales(l.high, signs >> 8)),
                     bits_of_row(p + 8, lane.row), 4);
  }
};

struct UnpackIq4KR4 : WovenRows<4> {
  static constexpr std::size_t kChunkBytes = 144;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, look_up(levels_iq4(), n4(p + 64 + 64 * b, lane.row)));
    }
    finish_levels_16(panel, f16(p + 2 * lane.row), s6_scales(p + 16, p + 32, lane.row),
                     bits_of_row(p + 8, lane.row), 4);
  }
};

struct UnpackIq5KR4 : WovenRows<4> {
  static constexpr std::size_t kChunkBytes = 176;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    const LongTable<2> table(levels_iq5);
    for (std::size_t b = 0; b < 8; ++b) {
      const __m256i fifth = fifth_bits(p + 576 + 16 * b, lane.row);
      put32(panel->code + 32 * b, table(_mm256_or_si256(n4(p + 64 + 64 * b, lane.row), fifth)));
    }
    finish_levels_16(panel, f16(p + 2 * lane.row), s6_scales(p + 16, p + 32, lane.row),
                     bits_of_row(p + 8, lane.row), 2);
  }
};

struct UnpackIq4KsR4 : ScaledWovenRows {
  static constexpr std::size_t kChunkBytes = 136;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, look_up(levels_iq4(), n4(p + 32 + 64 * b, lane.row)));
    }
    finish_odd_levels(panel, lane.d, eight_of_row(p, lane.row), 4);
  }
};

struct UnpackIq5KsR4 : ScaledWovenRows {
  static constexpr std::size_t kChunkBytes = 168;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    const LongTable<2> table(levels_iq5);
    for (std::size_t b = 0; b < 8; ++b) {
      const __m256i fifth = fifth_bits(p + 544 + 16 * b, lane.row);
      put32(panel->code + 32 * b, table(_mm256_or_si256(n4(p + 32 + 64 * b, lane.row), fifth)));
    }
    finish_odd_levels(panel, lane.d, eight_of_row(p, lane.row), 2);
  }
};

}  // namespace
}  // namespace kernels
