// Products with 8-bit activations: one weight row at a time is unpacked, a few thousand columns at
// once, and multiplied with every row of x. The folder's q8_inl.h must be included before: it has
// pack_chunk and dot_group.
#pragma once

#include <cstring>

#include "kernels/decode.h"
#include "kernels/table.h"

namespace kernels {
namespace {

constexpr std::size_t kBatch = 16;    // chunks unpacked at once: 6 KiB, stay in the first cache
constexpr std::size_t kMaxGroup = 8;  // rows of x whose sums stay in registers

inline void pack_q8(const float* x, std::size_t cols, std::byte* out) noexcept {
  Q8Chunk* chunk = reinterpret_cast<Q8Chunk*>(out);
  for (std::size_t c = 0; c < cols; c += kChunkCols, ++chunk) {
    if (c + kChunkCols <= cols) {
      pack_chunk(x + c, chunk);
    } else {
      float padded[kChunkCols] = {};
      std::memcpy(padded, x + c, (cols - c) * sizeof(float));
      pack_chunk(padded, chunk);
    }
  }
}

inline std::size_t q8_scratch(std::size_t n_rows) noexcept {
  return kBatch * sizeof(U8Panel) + n_rows * sizeof(Vec);
}

inline void matmul_q8(const MatmulArgs& args, Unpack unpack) noexcept {
  U8Panel* panels = reinterpret_cast<U8Panel*>(args.scratch);
  Vec* sums = reinterpret_cast<Vec*>(panels + kBatch);
  const std::size_t bytes = row_bytes(*args.codec, args.cols);
  const std::size_t group_rows = args.codec->group_rows;
  for (std::size_t row = args.row_begin; row < args.row_end; ++row) {
    const std::size_t lane = row % group_rows;
    for (std::size_t t = 0; t < args.n_rows; ++t) sums[t] = fill(0);
    for (std::size_t col = 0; col < args.cols; col += kBatch * kChunkCols) {
      const std::size_t left = args.cols - col;
      const std::size_t n = left < kBatch * kChunkCols ? left : kBatch * kChunkCols;
      unpack(args.weights + (row - lane) * bytes, args.cols, lane, col, n, panels);
      const std::byte* x = args.x + col / kChunkCols * sizeof(Q8Chunk);
      for (std::size_t t = 0; t < args.n_rows; t += kMaxGroup) {
        const std::size_t rows = args.n_rows - t < kMaxGroup ? args.n_rows - t : kMaxGroup;
        dot_group(rows, panels, (n + kChunkCols - 1) / kChunkCols, x + t * args.x_stride,
                  args.x_stride, sums + t);
      }
    }
    for (std::size_t t = 0; t < args.n_rows; ++t) {
      args.out[t * args.out_stride + row - args.row_begin] = sum_lanes(sums[t]);
    }
  }
}

}  // namespace
}  // namespace kernels
