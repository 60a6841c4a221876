// Layouts that formats, packings and micro-kernels agree on. No code: instruction-set folders
// include this.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kernels {

/// Columns of a chunk, and blocks of 16 columns in it.
inline constexpr std::size_t kChunkCols = 256;
inline constexpr std::size_t kChunkBlocks = 16;

/// Where column c (0..255) of a chunk stands among the codes of Q8Chunk. Block b = c / 16 is column
/// b of a 4 x 16 matrix of groups of four codes, so that a byte dot product on 16 lanes of 32 bits
/// leaves the sum of block b in lane b after four steps, and one vector of scales finishes 256
/// products. (Weights are woven into this order in registers, once for all rows of x.)
constexpr std::size_t code_place(std::size_t c) noexcept {
  return ((c % 16) / 4 * 16 + c / 16) * 4 + c % 4;
}

/// 256 columns of one activation row. x ~ scale[b] * code in block b; sum[b] = scale[b] * sum of
/// the codes of block b (for offsets). Codes within [-127, 127]; columns past the end are 0.
struct alignas(64) Q8Chunk {
  std::int8_t code[kChunkCols];  ///< column c at code_place(c)
  float scale[kChunkBlocks];
  float sum[kChunkBlocks];
};

/// 256 columns of one weight row, or fewer at the end: w = scale[b] * code[c] + offset[b] in block
/// b = c / 16. Codes past the end may be anything, their scale and offset are 0.
struct alignas(64) U8Panel {
  std::uint8_t code[kChunkCols];
  float scale[kChunkBlocks];
  float offset[kChunkBlocks];
};

/// Fills panels [0, (n + 255) / 256) with columns [0, n) of row `lane` of a row group. `group` is
/// the first byte of the group, `cols` the columns of the matrix, col a multiple of 256 and the
/// first column wanted, n a multiple of the block length. May read the bytes of the group, no
/// others.
using Unpack = void (*)(const std::byte* group, std::size_t cols, std::size_t lane, std::size_t col,
                        std::size_t n, U8Panel* panels) noexcept;

/// Decodes a row group of `cols` columns to group_rows * cols floats, row-major, with the bits of
/// the codec (a NaN is some NaN).
using Decode = void (*)(const std::byte* group, std::size_t cols, float* out) noexcept;

}  // namespace kernels
