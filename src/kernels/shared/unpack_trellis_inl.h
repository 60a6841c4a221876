// Trellis formats: 4 or 8 weights are successive states of a generator that starts at a stored
// index. A state's value is the sum of its four fields of six bits minus 126, so the sum itself, at
// most 252, is the unsigned code. Layouts: docs/spec/types/iqk.md sections 15 to 19.
#pragma once

#include "kernels/shared/levels_inl.h"
#include "quant/trellis/generator.h"

namespace kernels {
namespace {

constexpr std::uint32_t step_power(unsigned k) noexcept {
  std::uint32_t p = 1;
  for (unsigned i = 0; i < k; ++i) p *= quant::kTrellisStep;
  return p;
}
inline int as_int(std::uint32_t v) noexcept { return static_cast<int>(v); }

/// Powers 1..8 of the step, or 1..4 twice.
inline __m256i powers_8() noexcept {
  return _mm256_setr_epi32(as_int(step_power(1)), as_int(step_power(2)), as_int(step_power(3)),
                           as_int(step_power(4)), as_int(step_power(5)), as_int(step_power(6)),
                           as_int(step_power(7)), as_int(step_power(8)));
}
inline __m256i powers_4() noexcept {
  return _mm256_setr_epi32(as_int(step_power(1)), as_int(step_power(2)), as_int(step_power(3)),
                           as_int(step_power(4)), as_int(step_power(1)), as_int(step_power(2)),
                           as_int(step_power(3)), as_int(step_power(4)));
}

#if defined(__AVX512BW__)
/// Sums of the fields of sixteen states as bytes: state i is the seed in lane lanes[i] times a
/// power.
inline __m128i field_sums(__m512i seeds, __m512i lanes, __m512i powers) noexcept {
  const __m512i states = _mm512_mullo_epi32(_mm512_permutexvar_epi32(lanes, seeds), powers);
  const __m512i fields = _mm512_and_si512(states, _mm512_set1_epi32(0x3f3f3f3f));
  const __m512i pairs = _mm512_maddubs_epi16(fields, _mm512_set1_epi8(1));
  return _mm512_cvtepi32_epi8(_mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}
/// 32 weights from four seeds.
inline __m256i codes_of_4(const std::uint32_t* seeds) noexcept {
  const __m512i four =
      _mm512_castsi128_si512(_mm_load_si128(reinterpret_cast<const __m128i*>(seeds)));
  const __m512i powers = _mm512_broadcast_i64x4(powers_8());
  const __m512i lanes = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  const __m512i later = _mm512_add_epi32(lanes, _mm512_set1_epi32(2));
  return _mm256_set_m128i(field_sums(four, later, powers), field_sums(four, lanes, powers));
}
/// 32 weights from the seeds in eight lanes.
inline __m256i codes_of_8(__m256i seeds) noexcept {
  const __m512i eight = _mm512_castsi256_si512(seeds);
  const __m512i powers = _mm512_broadcast_i64x4(powers_4());
  const __m512i lanes = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  const __m512i later = _mm512_add_epi32(lanes, _mm512_set1_epi32(4));
  return _mm256_set_m128i(field_sums(eight, later, powers), field_sums(eight, lanes, powers));
}
#else
/// Sums of the fields of eight states, one a lane.
inline __m256i field_sums(__m256i seeds, __m256i powers) noexcept {
  const __m256i states = _mm256_mullo_epi32(seeds, powers);
  const __m256i fields = _mm256_and_si256(states, _mm256_set1_epi32(0x3f3f3f3f));
  return _mm256_madd_epi16(_mm256_maddubs_epi16(fields, _mm256_set1_epi8(1)), _mm256_set1_epi16(1));
}
/// Four times eight lanes below 256 to 32 bytes in order.
inline __m256i to_bytes(__m256i a, __m256i b, __m256i c, __m256i d) noexcept {
  // Within 128 bits: four lanes of a, b, c, d; the permutation puts halves of each together.
  const __m256i packed = _mm256_packus_epi16(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d));
  return _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
/// 32 weights from four seeds.
inline __m256i codes_of_4(const std::uint32_t* seeds) noexcept {
  const __m256i powers = powers_8();
  const auto eight = [&](std::size_t i) {
    return field_sums(_mm256_set1_epi32(as_int(seeds[i])), powers);
  };
  return to_bytes(eight(0), eight(1), eight(2), eight(3));
}
/// 32 weights from the seeds in eight lanes.
inline __m256i codes_of_8(__m256i seeds) noexcept {
  const __m256i powers = powers_4();
  const auto eight = [&](int i) {
    const __m256i pick = _mm256_setr_epi32(i, i, i, i, i + 1, i + 1, i + 1, i + 1);
    return field_sums(_mm256_permutevar8x32_epi32(seeds, pick), powers);
  };
  return to_bytes(eight(0), eight(2), eight(4), eight(6));
}
#endif

inline __m256i eight_bytes(const std::byte* p) noexcept {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
/// Scales of eight blocks from codes into T4, as bytes.
inline __m256 table_scales(float d, std::uint64_t codes) noexcept {
  const __m128i levels = _mm_xor_si128(levels_iq4(), _mm_set1_epi8(-128));
  const __m128i s = _mm_shuffle_epi8(levels, _mm_set_epi64x(0, static_cast<long long>(codes)));
  return _mm256_mul_ps(_mm256_set1_ps(d), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(s)));
}
inline __m256i with_offset(__m256i indices) noexcept {
  return _mm256_add_epi32(indices, _mm256_set1_epi32(as_int(quant::kTrellisOffset)));
}

struct UnpackIq1Kt : ScaledRows {
  static constexpr std::size_t kChunkBytes = 56;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    alignas(32) std::uint32_t seeds[32];
    // Eight groups are two blocks: bit 12 of their indices is in bits 4..7 of two scale bytes.
    const __m256i top = _mm256_setr_epi32(4, 5, 6, 7, 12, 13, 14, 15);
    for (std::size_t i = 0; i < 4; ++i) {
      const __m256i high = eight_bytes(p + 40 + 8 * (i % 2));
      const __m256i nibble =
          _mm256_and_si256(i < 2 ? high : _mm256_srli_epi32(high, 4), _mm256_set1_epi32(15));
      const __m256i bit = _mm256_and_si256(
          _mm256_srlv_epi32(_mm256_set1_epi32(u16(p + 2 * i)), top), _mm256_set1_epi32(1));
      const __m256i index = _mm256_or_si256(
          eight_bytes(p + 8 + 8 * i),
          _mm256_or_si256(_mm256_slli_epi32(nibble, 8), _mm256_slli_epi32(bit, 12)));
      _mm256_store_si256(reinterpret_cast<__m256i*>(seeds) + i, with_offset(index));
    }
    for (std::size_t b = 0; b < 8; ++b) put32(panel->code + 32 * b, codes_of_4(seeds + 4 * b));
    finish_32(panel, table_scales(lane.d, u64(p) & 0x0f0f0f0f0f0f0f0fu), 126);
  }
};

/// 32 indices of 16 bits.
inline void load_seeds(const std::byte* p, std::uint32_t* seeds) noexcept {
  for (std::size_t i = 0; i < 4; ++i) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(seeds) + i,
                       with_offset(_mm256_cvtepu16_epi32(load16(p + 16 * i))));
  }
}

struct UnpackIq2Kt : ScaledRows {
  static constexpr std::size_t kChunkBytes = 68;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    alignas(32) std::uint32_t seeds[32];
    load_seeds(p + 4, seeds);
    for (std::size_t b = 0; b < 8; ++b) put32(panel->code + 32 * b, codes_of_4(seeds + 4 * b));
    finish_32(panel, table_scales(lane.d, halved_nibbles(p)), 126);
  }
};

/// Magnitudes; signs apart: bit b of byte i for column 32 b + i.
struct UnpackIq3Kt : ScaledRows {
  static constexpr std::size_t kChunkBytes = 100;
  struct Block {
    __m256i magnitude, minus;  ///< minus: all bits of a byte set where its weight is negative
  };
  static Block block(const std::uint32_t* seeds, __m256i signs, std::size_t b) noexcept {
    const __m256i value = _mm256_sub_epi8(codes_of_4(seeds + 4 * b), _mm256_set1_epi8(126));
    const __m256i bit = _mm256_set1_epi8(static_cast<char>(1u << b));
    return {_mm256_abs_epi8(value), _mm256_cmpeq_epi8(_mm256_and_si256(signs, bit), bit)};
  }
  static __m256 scales(const std::byte* p, float d) noexcept {
    const __m256 s = to_floats(_mm_set_epi64x(0, static_cast<long long>(halved_nibbles(p))));
    return _mm256_mul_ps(_mm256_set1_ps(d), s);
  }
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    alignas(32) std::uint32_t seeds[32];
    load_seeds(p + 4, seeds);
    const __m256i signs = load32(p + 68);
    for (std::size_t b = 0; b < 8; ++b) {
      const auto [magnitude, minus] = block(seeds, signs, b);
      const __m256i with_sign = _mm256_sub_epi8(_mm256_xor_si256(magnitude, minus), minus);
      put32(panel->code + 32 * b, _mm256_xor_si256(with_sign, _mm256_set1_epi8(-128)));
    }
    finish_32(panel, scales(p, lane.d), 128);
  }
  /// Codes of a panel lose the sign of a zero, so the decoder turns the products. Rows are whole
  /// chunks.
  static void decode(const std::byte* row, std::size_t cols, float* out) noexcept {
    const std::byte* p = row + kMeta;
    for (std::size_t c = 0; c < cols; c += kChunkCols, p += kChunkBytes) {
      alignas(32) std::uint32_t seeds[32];
      load_seeds(p + 4, seeds);
      const __m256i signs = load32(p + 68);
      alignas(32) float scale[8];
      _mm256_store_ps(scale, scales(p, f32(row)));
      for (std::size_t b = 0; b < 8; ++b, out += 32) {
        alignas(32) std::uint8_t magnitude[32], minus[32];
        const Block found = block(seeds, signs, b);
        put32(magnitude, found.magnitude);
        put32(minus, found.minus);
        for (std::size_t i = 0; i < 32; i += 8) {
          const __m256 m =
              _mm256_mul_ps(_mm256_set1_ps(scale[b]), _mm256_cvtepi32_ps(eight(magnitude + i)));
          const __m256i turn = _mm256_slli_epi32(eight(minus + i), 31);
          _mm256_storeu_ps(out + i, _mm256_xor_ps(m, _mm256_castsi256_ps(turn)));
        }
      }
    }
  }

 private:
  static __m256i eight(const std::uint8_t* p) noexcept {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
};

struct UnpackIq4Kt : ScaledRows {
  static constexpr std::size_t kChunkBytes = 128;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    const __m256i top = _mm256_setr_epi32(8, 11, 14, 17, 20, 23, 26, 29);
    for (std::size_t b = 0; b < 8; ++b) {
      const std::uint32_t shared = u32(p + 4 * b);
      const __m256i high = eight_bytes(p + 96 + 8 * (b % 4));
      const __m256i nibble =
          _mm256_and_si256(b < 4 ? high : _mm256_srli_epi32(high, 4), _mm256_set1_epi32(15));
      const __m256i bits = _mm256_and_si256(
          _mm256_srlv_epi32(_mm256_set1_epi32(as_int(shared)), top), _mm256_set1_epi32(7));
      const __m256i index = _mm256_or_si256(
          eight_bytes(p + 32 + 8 * b),
          _mm256_or_si256(_mm256_slli_epi32(nibble, 8), _mm256_slli_epi32(bits, 12)));
      const __m256i book = _mm256_set1_epi32(as_int((shared & 1u) << 15));
      put32(panel->code + 32 * b, codes_of_8(with_offset(_mm256_add_epi32(index, book))));
    }
    const __m256i levels =
        _mm256_and_si256(_mm256_srli_epi32(load32(p), 1), _mm256_set1_epi32(127));
    const __m256 s = _mm256_cvtepi32_ps(_mm256_sub_epi32(levels, _mm256_set1_epi32(64)));
    finish_32(panel, _mm256_mul_ps(_mm256_set1_ps(lane.d), s), 126);
  }
};

}  // namespace
}  // namespace kernels
