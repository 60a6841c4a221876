// What all unpackers share: walking chunks of a row, finishing scales. An unpacker of a format is a
// struct with
//   kChunkBytes  bytes of 256 columns of one row,
//   kMeta        bytes before the blocks of a row,
//   kRows        rows of a group,
//   chunk(const std::byte* p, const Lane& lane, U8Panel* panel)  for one whole chunk.
#pragma once

#include "kernels/shared/bits_inl.h"

namespace kernels {
namespace {

/// Which row of a group is wanted, and its scale if the format has row scales.
struct Lane {
  std::size_t row;
  float d;
};

inline void put_scales(U8Panel* panel, __m256 low, __m256 high) noexcept {
  _mm256_storeu_ps(panel->scale, low);
  _mm256_storeu_ps(panel->scale + 8, high);
}
inline void put_offsets(U8Panel* panel, __m256 low, __m256 high) noexcept {
  _mm256_storeu_ps(panel->offset, low);
  _mm256_storeu_ps(panel->offset + 8, high);
}
/// Scales of blocks of 32, for w = scale * (code - zero).
inline void finish_32(U8Panel* panel, __m256 scales, float zero) noexcept {
  put_twice(panel->scale, scales);
  put_twice(panel->offset, _mm256_mul_ps(scales, _mm256_set1_ps(-zero)));
}
/// Scales of blocks of 16, for w = scale * (code - zero).
inline void finish_16(U8Panel* panel, __m256 low, __m256 high, float zero) noexcept {
  put_scales(panel, low, high);
  const __m256 factor = _mm256_set1_ps(-zero);
  put_offsets(panel, _mm256_mul_ps(low, factor), _mm256_mul_ps(high, factor));
}

/// An Unpack: whole chunks in place, the rest of a row from a copy padded with zero bytes.
template <class Format>
void unpack_row(const std::byte* group, std::size_t, std::size_t lane, std::size_t col,
                std::size_t n, U8Panel* panels) noexcept {
  constexpr std::size_t kStep = Format::kChunkBytes * Format::kRows;
  const Lane row{lane, Format::row_scale(group, lane)};
  const std::byte* p = group + Format::kMeta * Format::kRows + col / kChunkCols * kStep;
  for (; n >= kChunkCols; n -= kChunkCols, p += kStep) Format::chunk(p, row, panels++);
  if (n > 0) {
    std::byte padded[kStep] = {};
    std::memcpy(padded, p, n * kStep / kChunkCols);
    Format::chunk(padded, row, panels);
    for (std::size_t b = n / 16; b < kChunkBlocks; ++b) panels->scale[b] = panels->offset[b] = 0;
  }
}

/// Defaults of formats without row scale and interleaving.
struct PlainRows {
  static constexpr std::size_t kMeta = 0, kRows = 1;
  static float row_scale(const std::byte*, std::size_t) noexcept { return 0; }
};
/// Formats with one f32 scale in front of a row.
struct ScaledRows {
  static constexpr std::size_t kMeta = 4, kRows = 1;
  static float row_scale(const std::byte* row, std::size_t) noexcept { return f32(row); }
};
/// Formats with one f16 scale in front of a row.
struct HalfScaledRows {
  static constexpr std::size_t kMeta = 2, kRows = 1;
  static float row_scale(const std::byte* row, std::size_t) noexcept { return f16(row); }
};

}  // namespace
}  // namespace kernels
