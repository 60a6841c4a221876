// What all unpackers share: walking chunks of a row, finishing scales. An unpacker of a format is a
// struct with
//   kChunkBytes  bytes of 256 columns of one row,
//   kMeta        bytes before the blocks of a row,
//   kRows        rows of a group,
//   kAffine      whether a weight is scale * code + offset, not scale * (code + offset),
//   chunk(const std::byte* p, const Lane& lane, Panel* panel)  for one whole chunk.
#pragma once

#include <type_traits>

#include "kernels/shared/bits_inl.h"

namespace kernels {
namespace {

/// Which row of a group is wanted, and its scale if the format has row scales.
struct Lane {
  std::size_t row;
  float d;
};

/// The panel of a decoder: `offset` is that of the codes, w = scale * (code + offset) as codecs
/// round it, except in affine formats (kAffine), where it stays that of the product.
struct CodePanel : U8Panel {};

/// The offset of a panel for codes with an offset of their own.
template <class Panel>
inline __m256 offset_of(__m256 scale, __m256 code_offset) noexcept {
  return std::is_same_v<Panel, CodePanel> ? code_offset : _mm256_mul_ps(scale, code_offset);
}
template <class Panel>
inline float offset_of(float scale, float code_offset) noexcept {
  return std::is_same_v<Panel, CodePanel> ? code_offset : scale * code_offset;
}

inline void put_scales(U8Panel* panel, __m256 low, __m256 high) noexcept {
  _mm256_storeu_ps(panel->scale, low);
  _mm256_storeu_ps(panel->scale + 8, high);
}
inline void put_offsets(U8Panel* panel, __m256 low, __m256 high) noexcept {
  _mm256_storeu_ps(panel->offset, low);
  _mm256_storeu_ps(panel->offset + 8, high);
}
/// Scales of blocks of 32, for w = scale * (code - zero).
template <class Panel>
inline void finish_32(Panel* panel, __m256 scales, float zero) noexcept {
  put_twice(panel->scale, scales);
  put_twice(panel->offset, offset_of<Panel>(scales, _mm256_set1_ps(-zero)));
}
/// Scales of blocks of 16, for w = scale * (code - zero).
template <class Panel>
inline void finish_16(Panel* panel, __m256 low, __m256 high, float zero) noexcept {
  put_scales(panel, low, high);
  const __m256 factor = _mm256_set1_ps(-zero);
  put_offsets(panel, offset_of<Panel>(low, factor), offset_of<Panel>(high, factor));
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

/// One chunk as floats, rounded as the codec does.
template <class Format>
inline void decode_chunk(const std::byte* p, const Lane& lane, std::size_t n, float* out) noexcept {
  CodePanel panel;
  Format::chunk(p, lane, &panel);
  for (std::size_t c = 0; c < n; c += 8) {
    const __m128i codes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(panel.code + c));
    const __m256 code = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(codes));
    const __m256 scale = _mm256_set1_ps(panel.scale[c / 16]);
    const __m256 offset = _mm256_set1_ps(panel.offset[c / 16]);
    _mm256_storeu_ps(out + c, Format::kAffine ? _mm256_add_ps(_mm256_mul_ps(code, scale), offset)
                                              : _mm256_mul_ps(scale, _mm256_add_ps(code, offset)));
  }
}

/// A Decode: the rows of a group one after the other.
template <class Format>
void decode_rows(const std::byte* group, std::size_t cols, float* out) noexcept {
  constexpr std::size_t kStep = Format::kChunkBytes * Format::kRows;
  for (std::size_t r = 0; r < Format::kRows; ++r, out += cols) {
    const Lane lane{r, Format::row_scale(group, r)};
    const std::byte* p = group + Format::kMeta * Format::kRows;
    std::size_t c = 0;
    for (; c + kChunkCols <= cols; c += kChunkCols, p += kStep) {
      decode_chunk<Format>(p, lane, kChunkCols, out + c);
    }
    if (c < cols) {
      std::byte padded[kStep] = {};
      std::memcpy(padded, p, (cols - c) * kStep / kChunkCols);
      decode_chunk<Format>(padded, lane, cols - c, out + c);
    }
  }
}

/// Defaults of formats without row scale and interleaving.
struct PlainRows {
  static constexpr std::size_t kMeta = 0, kRows = 1;
  static constexpr bool kAffine = false;
  static float row_scale(const std::byte*, std::size_t) noexcept { return 0; }
};
/// Formats with one f32 scale in front of a row.
struct ScaledRows {
  static constexpr std::size_t kMeta = 4, kRows = 1;
  static constexpr bool kAffine = false;
  static float row_scale(const std::byte* row, std::size_t) noexcept { return f32(row); }
};
/// Formats with one f16 scale in front of a row.
struct HalfScaledRows {
  static constexpr std::size_t kMeta = 2, kRows = 1;
  static constexpr bool kAffine = false;
  static float row_scale(const std::byte* row, std::size_t) noexcept { return f16(row); }
};

}  // namespace
}  // namespace kernels
