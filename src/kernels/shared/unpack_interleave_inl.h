// Rows woven together: one row is picked out of its group. Layouts and the names of patterns (N4,
// N2, S6, K6): docs/spec/types/interleaved.md. In all of them the codes of a run of four columns of
// a row are the four bytes (or parts of them) of one 32-bit word.
#pragma once

#include "kernels/shared/unpack_kquant_inl.h"

namespace kernels {
namespace {

template <std::size_t kGroup>
struct WovenRows {
  static constexpr std::size_t kMeta = 0, kRows = kGroup;
  static constexpr bool kAffine = false;
  static float row_scale(const std::byte*, std::size_t) noexcept { return 0; }
};

inline int word(const std::byte* p) noexcept { return static_cast<int>(u32(p)); }

/// The same word for all eight runs of columns, run t moved right by shift t.
inline __m256i runs_of(__m256i words, __m256i shifts, char mask) noexcept {
  return _mm256_and_si256(_mm256_srlv_epi32(words, shifts), _mm256_set1_epi8(mask));
}

/// N4: words 0, 1 (columns 0-3 | 8-11, 16-19 | 24-27) and 2, 3 (4-7 | 12-15, 20-23 | 28-31), 16
/// bytes apart.
inline __m256i n4(const std::byte* qs, std::size_t row) noexcept {
  const int w0 = word(qs + 4 * row), w1 = word(qs + 16 + 4 * row);
  const int w2 = word(qs + 32 + 4 * row), w3 = word(qs + 48 + 4 * row);
  return runs_of(_mm256_setr_epi32(w0, w2, w0, w2, w1, w3, w1, w3),
                 _mm256_setr_epi32(0, 0, 4, 4, 0, 0, 4, 4), 15);
}
/// Two words 16 bytes apart: columns 0-15 and 16-31, for fields of two bits.
inline __m256i halves(const std::byte* qs, std::size_t row) noexcept {
  const int a = word(qs + 4 * row), b = word(qs + 16 + 4 * row);
  return _mm256_setr_epi32(a, a, a, a, b, b, b, b);
}
inline __m256i n2(const std::byte* qs, std::size_t row) noexcept {
  return runs_of(halves(qs, row), _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6), 3);
}
inline float s6(const std::byte* high, const std::byte* low, std::size_t u) noexcept {
  const int l = (u8(low + (u & 31)) >> (4 * (u >> 5))) & 15;
  const int h = (u8(high + (u & 15)) >> (2 * (u >> 4))) & 3;
  return static_cast<float>((l | h << 4) - 32);
}

struct UnpackQ4_0R8 : WovenRows<8> {
  static constexpr std::size_t kBlock = 8 * 18, kChunkBytes = kBlock;
  static __m256i codes(const std::byte* qs, std::size_t row) noexcept {
    const __m128i bytes = _mm_setr_epi32(word(qs + 4 * row), word(qs + 32 + 4 * row),
                                         word(qs + 64 + 4 * row), word(qs + 96 + 4 * row));
    return split_nibbles(bytes);
  }
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, codes(p + kBlock * b + 16, lane.row));
    }
    finish_32(panel, eight_f16(p + 2 * lane.row, kBlock), 8);
  }
};

struct UnpackQ8_0R8 : WovenRows<8> {
  static constexpr std::size_t kBlock = 8 * 34, kChunkBytes = kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const std::byte* q = p + kBlock * b + 16 + 4 * lane.row;
      const __m256i v =
          _mm256_setr_epi32(word(q), word(q + 32), word(q + 64), word(q + 96), word(q + 128),
                            word(q + 160), word(q + 192), word(q + 224));
      put32(panel->code + 32 * b, _mm256_xor_si256(v, _mm256_set1_epi8(-128)));
    }
    finish_32(panel, eight_f16(p + 2 * lane.row, kBlock), 128);
  }
};

struct UnpackMxfp4R8 : WovenRows<8> {
  static constexpr std::size_t kBlock = 8 * 17, kChunkBytes = kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const __m256i codes = UnpackQ4_0R8::codes(p + kBlock * b + 8, lane.row);
      put32(panel->code + 32 * b, look_up(levels_fp4(), codes));
    }
    finish_32(panel, eight_powers(p + lane.row, kBlock), 12);
  }
};

/// 256 signed bytes of a row of eight, four at a time 32 bytes apart; unsigned.
inline void put_bytes_8(const std::byte* p, std::size_t row, std::uint8_t* out) noexcept {
  for (std::size_t b = 0; b < 8; ++b) {
    const std::byte* q = p + 256 * b + 4 * row;
    const __m256i v = _mm256_setr_epi32(word(q), word(q + 32), word(q + 64), word(q + 96),
                                        word(q + 128), word(q + 160), word(q + 192), word(q + 224));
    put32(out + 32 * b, _mm256_xor_si256(v, _mm256_set1_epi8(-128)));
  }
}

struct UnpackQ8KvR8 : WovenRows<8> {
  static constexpr std::size_t kChunkBytes = 256, kMeta = 4;
  static float row_scale(const std::byte* group, std::size_t row) noexcept {
    return f32(group + 4 * row);
  }
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    put_bytes_8(p, lane.row, panel->code);
    finish_32(panel, _mm256_set1_ps(lane.d), 128);
  }
};

struct UnpackQ8KR8 : WovenRows<8> {
  static constexpr std::size_t kChunkBytes = 258;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    put_bytes_8(p + 16, lane.row, panel->code);
    finish_32(panel, _mm256_set1_ps(f16(p + 2 * lane.row)), 128);
  }
};

struct UnpackIq2BnR4 : WovenRows<4> {
  static constexpr std::size_t kChunkBytes = 64, kMeta = 4;
  static float row_scale(const std::byte* group, std::size_t row) noexcept {
    return f32(group + 4 * row);
  }
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) put32(panel->code + 32 * b, n2(p + 32 * b, lane.row));
    finish_32(panel, _mm256_set1_ps(lane.d), 1);
  }
};

struct UnpackQ5_0R4 : WovenRows<4> {
  static constexpr bool kAffine = true;
  static constexpr std::size_t kBlock = 4 * 22, kChunkBytes = 2 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const std::byte* q = p + kBlock * b;
      const __m256i fifth = runs_of(_mm256_set1_epi32(word(q + 8 + 4 * lane.row)),
                                    _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7), 1);
      put32(panel->code + 32 * b,
            _mm256_or_si256(n4(q + 24, lane.row), _mm256_slli_epi16(fifth, 4)));
    }
    // The codec adds the offset to the product: a zero is never negative.
    const __m256 d = eight_f16(p + 2 * lane.row, kBlock);
    put_twice(panel->scale, d);
    put_twice(panel->offset, _mm256_mul_ps(d, _mm256_set1_ps(-16)));
  }
};

struct UnpackQ6_0R4 : WovenRows<4> {
  static constexpr bool kAffine = true;
  static constexpr std::size_t kBlock = 4 * 26, kChunkBytes = 2 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const std::byte* q = p + kBlock * b;
      put32(panel->code + 32 * b,
            _mm256_or_si256(n4(q + 40, lane.row), _mm256_slli_epi16(n2(q + 8, lane.row), 4)));
    }
    // The codec adds the offset to the product: a zero is never negative.
    const __m256 d = eight_f16(p + 2 * lane.row, kBlock);
    put_twice(panel->scale, d);
    put_twice(panel->offset, _mm256_mul_ps(d, _mm256_set1_ps(-32)));
  }
};

struct UnpackIq4NlR4 : WovenRows<4> {
  static constexpr std::size_t kBlock = 4 * 18, kChunkBytes = 2 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, look_up(levels_iq4(), n4(p + kBlock * b + 8, lane.row)));
    }
    finish_32(panel, eight_f16(p + 2 * lane.row, kBlock), 128);
  }
};

/// Sixteen scale bytes of a row, 4 bytes apart, as q2_K and q6_K have them in order.
inline __m128i scale_bytes(const std::byte* p, std::size_t row) noexcept {
  alignas(16) std::uint8_t bytes[16];
  for (std::size_t b = 0; b < 16; ++b) bytes[b] = u8(p + 4 * b + row);
  return _mm_load_si128(reinterpret_cast<const __m128i*>(bytes));
}

struct UnpackQ2KR4 : WovenRows<4> {
  static constexpr bool kAffine = true;
  static constexpr std::size_t kChunkBytes = 84;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, n2(p + 80 + 32 * b, lane.row));
    }
    const __m128i packed = scale_bytes(p + 16, lane.row);
    const __m128i mask = _mm_set1_epi8(15);
    finish_affine_16(panel, f16(p + 2 * lane.row), f16(p + 8 + 2 * lane.row),
                     _mm_and_si128(packed, mask), _mm_and_si128(_mm_srli_epi16(packed, 4), mask));
  }
};

struct UnpackQ3KR4 : WovenRows<4> {
  static constexpr std::size_t kChunkBytes = 110;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    const float d = f16(p + 2 * lane.row);
    for (std::size_t b = 0; b < 8; ++b) {
      const __m256i third = runs_of(_mm256_set1_epi32(word(p + 56 + 16 * b + 4 * lane.row)),
                                    _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), 1);
      put32(panel->code + 32 * b,
            _mm256_or_si256(n2(p + 184 + 32 * b, lane.row), _mm256_slli_epi16(third, 2)));
    }
    for (std::size_t b = 0; b < kChunkBlocks; ++b) {
      panel->scale[b] = d * s6(p + 8, p + 24, 4 * b + lane.row);
      panel->offset[b] = offset_of<Panel>(panel->scale[b], -4.0F);
    }
  }
};

/// K6: scale and minimum of eight blocks of 32.
template <class Panel>
inline void finish_k6(const std::byte* p, std::size_t row, Panel* panel) noexcept {
  const float d = f16(p + 2 * row), dmin = f16(p + 8 + 2 * row);
  for (std::size_t b = 0; b < 8; ++b) {
    const std::size_t u = 4 * b + row;
    const int high = (u8(p + 16 + (u & 15)) >> (4 * (u >> 4))) & 15;
    const int low = u8(p + 32 + u);
    const float scale = d * static_cast<float>((low & 15) | (high & 3) << 4);
    const float offset = -dmin * static_cast<float>(low >> 4 | (high >> 2) << 4);
    panel->scale[2 * b] = panel->scale[2 * b + 1] = scale;
    panel->offset[2 * b] = panel->offset[2 * b + 1] = offset;
  }
}

struct UnpackQ4KR4 : WovenRows<4> {
  static constexpr bool kAffine = true;
  static constexpr std::size_t kChunkBytes = 144;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      put32(panel->code + 32 * b, n4(p + 64 + 64 * b, lane.row));
    }
    finish_k6(p, lane.row, panel);
  }
};

struct UnpackQ5KR4 : WovenRows<4> {
  static constexpr bool kAffine = true;
  static constexpr std::size_t kChunkBytes = 176;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const __m256i fifth = runs_of(_mm256_set1_epi32(word(p + 64 + 16 * b + 4 * lane.row)),
                                    _mm256_setr_epi32(0, 2, 1, 3, 4, 6, 5, 7), 1);
      put32(panel->code + 32 * b,
            _mm256_or_si256(n4(p + 192 + 64 * b, lane.row), _mm256_slli_epi16(fifth, 4)));
    }
    finish_k6(p, lane.row, panel);
  }
};

struct UnpackQ6KR4 : WovenRows<4> {
  static constexpr std::size_t kChunkBytes = 210;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      const __m256i upper =
          runs_of(halves(p + 72 + 32 * b, lane.row), _mm256_setr_epi32(0, 4, 2, 6, 0, 4, 2, 6), 3);
      put32(panel->code + 32 * b,
            _mm256_or_si256(n4(p + 328 + 64 * b, lane.row), _mm256_slli_epi16(upper, 4)));
    }
    const __m256 d = _mm256_set1_ps(f16(p + 2 * lane.row));
    const __m128i s = scale_bytes(p + 8, lane.row);
    finish_16(panel, _mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(s))),
              _mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(s, 8)))), 32);
  }
};

}  // namespace
}  // namespace kernels
