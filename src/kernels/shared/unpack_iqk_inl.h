// Level-table formats. Layouts: docs/spec/types/iqk.md.
#pragma once

#include "kernels/shared/unpack_legacy_inl.h"

namespace kernels {
namespace {

struct UnpackIq4Ks : ScaledRows {
  static constexpr std::size_t kChunkBytes = 136;
  static void chunk(const std::byte* p, const Lane& lane, U8Panel* panel) noexcept {
    for (std::size_t b = 0; b < 8; ++b) {
      // The second half of the level table is the first + 4.
      const int shift = (u8(p + b) & 1) * 4;
      const __m128i levels = _mm_add_epi8(levels_iq4(), _mm_set1_epi8(static_cast<char>(shift)));
      put32(panel->code + 32 * b, look_up(levels, split_nibbles(load16(p + 8 + 16 * b))));
    }
    const long long even = static_cast<long long>(u64(p) & 0xfefefefefefefefeu);
    const __m256 s = _mm256_sub_ps(to_floats(_mm_set_epi64x(0, even)), _mm256_set1_ps(127));
    finish_32(panel, _mm256_mul_ps(_mm256_set1_ps(lane.d), s), 128);
  }
};

}  // namespace
}  // namespace kernels
