// Woven rows of ternary grid entries: a row's scale stands in front of the group, indices of four
// vectors of eight four bytes apart. Layouts: docs/spec/types/interleaved.md, sections 32 and 33.
#pragma once

#include "kernels/shared/unpack_codebook_inl.h"
#include "kernels/shared/unpack_interleave_inl.h"

namespace kernels {
namespace {

struct HalfScaledWovenRows : WovenRows<4> {
  static constexpr std::size_t kMeta = 2;
  static float row_scale(const std::byte* group, std::size_t row) noexcept {
    return f16(group + 2 * row);
  }
};

/// Four entries of -1, 0, 1; `high(l)` are the upper three bits of index l.
template <class High>
inline __m256i ternary_entries(const std::byte* low, High high) noexcept {
  const auto entry = [&](std::size_t l) {
    return entry_8(grid_iq1s, u8(low + 4 * l) + std::size_t{256} * high(l));
  };
  return _mm256_setr_epi64x(entry(0), entry(1), entry(2), entry(3));
}

/// As iq1_s: w = scale * (t +- 1/8), codes t + 1, the rest in the offset of a block.
struct UnpackIq1SR4 : HalfScaledWovenRows {
  static constexpr std::size_t kBlock = 4 * 6, kChunkBytes = 2 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    float factor[8], shift[8];
    for (std::size_t b = 0; b < 8; ++b) {
      const std::byte* q = p + kBlock * b;
      const unsigned word = u16(q + 16 + 2 * lane.row);
      const __m256i t =
          ternary_entries(q + lane.row, [&](std::size_t l) { return word >> (3 * l) & 7u; });
      put32(panel->code + 32 * b, _mm256_add_epi8(t, _mm256_set1_epi8(1)));
      factor[b] = static_cast<float>(2 * (word >> 12 & 7u) + 1);
      shift[b] = ((word & 0x8000u) != 0 ? -0.125F : 0.125F) - 1;
    }
    const __m256 s = _mm256_mul_ps(_mm256_set1_ps(lane.d), _mm256_loadu_ps(factor));
    put_twice(panel->scale, s);
    put_twice(panel->offset, offset_of<Panel>(s, _mm256_loadu_ps(shift)));
  }
};

/// As iq1_m, with a sign of 1/8 for every eight weights: codes 8 t +- 1 + 9.
struct UnpackIq1MR4 : HalfScaledWovenRows {
  static constexpr std::size_t kBlock = 4 * 7, kChunkBytes = 2 * kBlock;
  template <class Panel>
  static void chunk(const std::byte* p, const Lane& lane, Panel* panel) noexcept {
    const float unit = 0.125F * lane.d;
    alignas(32) float scale[16];
    for (std::size_t b = 0; b < 8; ++b) {
      const std::byte* q = p + kBlock * b + lane.row;
      const unsigned nibbles = u8(q + 16) | u8(q + 20) << 8, levels = u8(q + 24);
      const auto nibble = [&](std::size_t l) { return nibbles >> (4 * l) & 15u; };
      const __m256i t = ternary_entries(q, [&](std::size_t l) { return nibble(l) & 7u; });
      const auto centre = [&](std::size_t l) {
        return (nibble(l) & 8u) != 0 ? 0x0808080808080808LL : 0x0a0a0a0a0a0a0a0aLL;
      };
      const __m256i twice = _mm256_add_epi8(t, t), four = _mm256_add_epi8(twice, twice);
      put32(panel->code + 32 * b,
            _mm256_add_epi8(_mm256_add_epi8(four, four),
                            _mm256_setr_epi64x(centre(0), centre(1), centre(2), centre(3))));
      scale[2 * b] = unit * static_cast<float>(levels & 15u);
      scale[2 * b + 1] = unit * static_cast<float>(levels >> 4);
    }
    finish_16(panel, _mm256_load_ps(scale), _mm256_load_ps(scale + 8), 9);
  }
};

}  // namespace
}  // namespace kernels
