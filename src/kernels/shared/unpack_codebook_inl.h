// Grid formats: magnitudes from a table, signs apart. Layouts: docs/spec/types/codebook.md.
#pragma once

#include "kernels/grids.h"
#include "kernels/shared/levels_inl.h"

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

/// Entry of a grid of 8 bytes an entry.
inline long long entry_8(const std::int8_t* grid, std::size_t index) noexcept {
  long long v;
  std::memcpy(&v, grid + 8 * index, sizeof v);
  return v;
}

struct UnpackIq2Xxs : PlainRows {
  static constexpr std::size_t kChunkBytes = 66;
  static long long entry(const std::byte* index) noexcept {
    long long v;
    std::memcpy(&v, grid_iq2xxs + 8 * u8(index), sizeof v);
    return v;
  }
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
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
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
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

/// Scales d (l + 1/2) / 4 of sixteen nibbles in 8 bytes, codes centred at 128.
template <class Panel>
inline void finish_half_steps(Panel* panel, float d, std::uint64_t nibbles) noexcept {
  const __m128i l = sixteen_nibbles(nibbles);
  const __m256 half = _mm256_set1_ps(0.5F), unit = _mm256_set1_ps(0.25F * d);
  finish_16(panel, _mm256_mul_ps(unit, _mm256_add_ps(to_floats(l), half)),
            _mm256_mul_ps(unit, _mm256_add_ps(to_floats(_mm_srli_si128(l, 8)), half)), 128);
}

struct UnpackIq2Xs : PlainRows {
  static constexpr std::size_t kChunkBytes = 74;
  /// Four words, each an index of nine bits; `words` without their signs.
  static __m256i magnitudes(std::uint64_t words) noexcept {
    const auto entry = [&](unsigned i) { return entry_8(grid_iq2xs, (words >> (16 * i)) & 511u); };
    return _mm256_setr_epi64x(entry(0), entry(1), entry(2), entry(3));
  }
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const std::uint64_t words = u64(p + 2 + 8 * b);
      const auto signs = static_cast<std::uint32_t>(_pext_u64(words, 0xfe00fe00fe00fe00u));
      put32(panel->code + 32 * b, signed_codes(magnitudes(words), even_signs_4(signs)));
    }
    finish_half_steps(panel, f16(p), u64(p + 66));
  }
};

struct UnpackIq2S : PlainRows {
  static constexpr std::size_t kChunkBytes = 82;
  /// Four indices: low bytes at `low`, bits 8 and 9 in pairs of `high`.
  static __m256i magnitudes(const std::byte* low, unsigned high) noexcept {
    const auto entry = [&](unsigned i) {
      return entry_8(grid_iq2s, u8(low + i) + 256 * ((high >> (2 * i)) & 3u));
    };
    return _mm256_setr_epi64x(entry(0), entry(1), entry(2), entry(3));
  }
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const __m256i m = magnitudes(p + 2 + 4 * b, u8(p + 66 + b));
      put32(panel->code + 32 * b, signed_codes(m, u32(p + 34 + 4 * b)));
    }
    finish_half_steps(panel, f16(p), u64(p + 74));
  }
};

struct UnpackIq3Xxs : PlainRows {
  static constexpr std::size_t kChunkBytes = 98;
  static __m256i magnitudes(const std::byte* indices) noexcept {
    const __m256i index =
        _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(indices)));
    return _mm256_i32gather_epi32(reinterpret_cast<const int*>(grid_iq3xxs), index, 4);
  }
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const std::uint32_t signs = even_signs_4(u32(p + 66 + 4 * b));
      put32(panel->code + 32 * b, signed_codes(magnitudes(p + 2 + 8 * b), signs));
    }
    const __m256 level = _mm256_cvtepi32_ps(_mm256_srli_epi32(load32(p + 66), 28));
    const __m256 s = _mm256_add_ps(level, _mm256_set1_ps(0.5F));
    finish_32(panel, _mm256_mul_ps(_mm256_set1_ps(0.5F * f16(p)), s), 128);
  }
};

/// Ternary entries t with w = scale * (t +- 1/8): codes t + 1, the rest in the offset of a block.
struct UnpackIq1S : PlainRows {
  static constexpr std::size_t kChunkBytes = 50;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const std::uint32_t word = u16(p + 34 + 2 * b);
      const auto entry = [&](unsigned i) {
        return entry_8(grid_iq1s, u8(p + 2 + 4 * b + i) + 256 * ((word >> (3 * i)) & 7u));
      };
      const __m256i t = _mm256_setr_epi64x(entry(0), entry(1), entry(2), entry(3));
      put32(panel->code + 32 * b, _mm256_add_epi8(t, _mm256_set1_epi8(1)));
    }
    const __m256i words = _mm256_cvtepu16_epi32(load16(p + 34));
    const __m256i level = _mm256_and_si256(_mm256_srli_epi32(words, 11), _mm256_set1_epi32(14));
    const __m256 s = _mm256_mul_ps(
        _mm256_set1_ps(f16(p)), _mm256_cvtepi32_ps(_mm256_add_epi32(level, _mm256_set1_epi32(1))));
    // Bit 15 to the sign of 1/8.
    const __m256 sign = _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_and_si256(words, _mm256_set1_epi32(0x8000)), 16));
    const __m256 delta = _mm256_or_ps(sign, _mm256_set1_ps(0.125F));
    put_twice(panel->scale, s);
    put_twice(panel->offset, offset_of<Panel>(s, _mm256_sub_ps(delta, _mm256_set1_ps(1))));
  }
};

/// The same with a sign of 1/8 for every eight weights: codes 8 t +- 1 + 9.
struct UnpackIq1M : PlainRows {
  static constexpr std::size_t kChunkBytes = 56;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane&, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const std::uint32_t nibbles = u16(p + 32 + 2 * b);
      const auto entry = [&](unsigned i) {
        return entry_8(grid_iq1s, u8(p + 4 * b + i) + 256 * ((nibbles >> (4 * i)) & 7u));
      };
      const auto centre = [&](unsigned i) {
        return (nibbles >> (4 * i)) & 8u ? 0x0808080808080808LL : 0x0a0a0a0a0a0a0a0aLL;
      };
      const __m256i t = _mm256_setr_epi64x(entry(0), entry(1), entry(2), entry(3));
      const __m256i twice = _mm256_add_epi8(t, t);
      const __m256i four = _mm256_add_epi8(twice, twice);
      put32(panel->code + 32 * b,
            _mm256_add_epi8(_mm256_add_epi8(four, four),
                            _mm256_setr_epi64x(centre(0), centre(1), centre(2), centre(3))));
    }
    // Four words: twelve bits of levels, then a nibble of the f16 scale.
    const std::uint64_t words = u64(p + 48);
    const auto bits = static_cast<unsigned short>(_pext_u64(words, 0xf000f000f000f000u));
    const __m256 unit = _mm256_set1_ps(0.125F * _cvtsh_ss(bits));
    const std::uint64_t levels = _pext_u64(words, 0x0fff0fff0fff0fffu);
    const auto scales = [&](std::uint64_t eight) {
      const std::uint64_t bytes = _pdep_u64(eight, 0x0e0e0e0e0e0e0e0eu) | 0x0101010101010101u;
      return _mm256_mul_ps(unit, to_floats(_mm_set_epi64x(0, static_cast<long long>(bytes))));
    };
    finish_16(panel, scales(levels), scales(levels >> 24), 9);
  }
};

}  // namespace
}  // namespace kernels
