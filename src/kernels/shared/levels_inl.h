// Level tables of the non-linear formats and what scales of their blocks share. Tables hold level +
// 128, so that codes are unsigned; the shifted half of a table is the plain half plus a constant,
// which goes into the offset of a block. Source: docs/spec/types/iqk.md section 2.
#pragma once

#include "kernels/grids.h"
#include "kernels/shared/unpack_inl.h"

namespace kernels {
namespace {

/// 4, 8 and 16 levels (T2, T3, T4 = iq4_nl).
inline __m128i levels_2() noexcept {
  return _mm_setr_epi8(97, 115, -127, -111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}
inline __m128i levels_3() noexcept {
  return _mm_setr_epi8(65, 88, 105, 118, -127, -115, -100, -81, 0, 0, 0, 0, 0, 0, 0, 0);
}
inline __m128i levels_iq4() noexcept {
  return _mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, -127, -115, -103, -90, -75, -59, -39, -15);
}

/// A table of 32 or 64 levels in pieces of 16. The low four bits of a code choose within pieces,
/// its bits 4 and 5 between them.
template <std::size_t kPieces>
struct LongTable {
  __m256i piece[kPieces];

  explicit LongTable(const std::int8_t* levels) noexcept {
    for (std::size_t i = 0; i < kPieces; ++i) {
      const __m128i plain = _mm_loadu_si128(reinterpret_cast<const __m128i*>(levels) + i);
      piece[i] = _mm256_broadcastsi128_si256(_mm_xor_si128(plain, _mm_set1_epi8(-128)));
    }
  }
  __m256i operator()(__m256i codes) const noexcept {
    // The shuffle looks at bits 0..3 and 7 of a code, the blend at bit 7 of its selector.
    const __m256i bit4 = _mm256_slli_epi16(codes, 3);
    const __m256i low = _mm256_blendv_epi8(_mm256_shuffle_epi8(piece[0], codes),
                                           _mm256_shuffle_epi8(piece[1], codes), bit4);
    if constexpr (kPieces == 2) {
      return low;
    } else {
      const __m256i high = _mm256_blendv_epi8(_mm256_shuffle_epi8(piece[2], codes),
                                              _mm256_shuffle_epi8(piece[3], codes), bit4);
      return _mm256_blendv_epi8(low, high, _mm256_slli_epi16(codes, 2));
    }
  }
};

/// Integer scales of 16 blocks as floats.
struct Scales16 {
  __m256 low, high;
};
inline Scales16 scales_16(__m256i low, __m256i high) noexcept {
  return {_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high)};
}
/// From 16 signed bytes.
inline Scales16 scales_16(__m128i bytes) noexcept {
  return scales_16(_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)));
}
/// Sixteen nibbles in 8 bytes, low ones first, as bytes.
inline __m128i sixteen_nibbles(std::uint64_t v) noexcept {
  const __m128i low = _mm_set_epi64x(0, static_cast<long long>(v & 0x0f0f0f0f0f0f0f0fu));
  const __m128i high = _mm_set_epi64x(0, static_cast<long long>((v >> 4) & 0x0f0f0f0f0f0f0f0fu));
  return _mm_unpacklo_epi8(low, high);
}
/// Nibbles of eight blocks as bytes: block b in byte b % 4, nibble b / 4.
inline std::uint64_t halved_nibbles(const std::byte* p) noexcept {
  const std::uint32_t v = u32(p);
  return std::uint64_t{(v >> 4) & 0x0f0f0f0fu} << 32 | (v & 0x0f0f0f0fu);
}

/// Sixteen fields of two bits as bytes, moved to bits 4 and 5.
inline __m128i sixteen_pairs(std::uint32_t v) noexcept {
  return _mm_set_epi64x(static_cast<long long>(_pdep_u64(v >> 16, 0x3030303030303030u)),
                        static_cast<long long>(_pdep_u64(v, 0x3030303030303030u)));
}

/// -128, plus the shift where a bit of `halves` is set, for eight blocks.
inline __m256 centres_8(std::uint32_t halves, float shift) noexcept {
  const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i set =
      _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(static_cast<int>(halves)), bit), bit);
  return _mm256_add_ps(_mm256_set1_ps(-128),
                       _mm256_and_ps(_mm256_castsi256_ps(set), _mm256_set1_ps(shift)));
}
/// w = d * scale * (level + shift if the block's bit is set), blocks of 16.
template <class Panel>
inline void finish_levels_16(Panel* panel, float d, const Scales16& scales, std::uint32_t halves,
                             float shift) noexcept {
  const __m256 low = _mm256_mul_ps(_mm256_set1_ps(d), scales.low);
  const __m256 high = _mm256_mul_ps(_mm256_set1_ps(d), scales.high);
  put_scales(panel, low, high);
  put_offsets(panel, offset_of<Panel>(low, centres_8(halves, shift)),
              offset_of<Panel>(high, centres_8(halves >> 8, shift)));
}
/// The same for blocks of 32.
template <class Panel>
inline void finish_levels_32(Panel* panel, float d, __m256i scales, std::uint32_t halves,
                             float shift) noexcept {
  const __m256 s = _mm256_mul_ps(_mm256_set1_ps(d), _mm256_cvtepi32_ps(scales));
  put_twice(panel->scale, s);
  put_twice(panel->offset, offset_of<Panel>(s, centres_8(halves, shift)));
}
/// Scale bytes of the formats with odd scales: bits 1..7 the scale + 127, bit 0 the half.
template <class Panel>
inline void finish_odd_levels(Panel* panel, float d, std::uint64_t bytes, float shift) noexcept {
  const auto even = static_cast<long long>(bytes & 0xfefefefefefefefeu);
  const __m256i s =
      _mm256_sub_epi32(_mm256_cvtepu8_epi32(_mm_set_epi64x(0, even)), _mm256_set1_epi32(127));
  const auto halves = static_cast<std::uint32_t>(_pext_u64(bytes, 0x0101010101010101u));
  finish_levels_32(panel, d, s, halves, shift);
}

}  // namespace
}  // namespace kernels
