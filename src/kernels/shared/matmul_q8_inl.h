// Products with 8-bit activations: a weight row (or several short ones) is unpacked, a few thousand
// columns at once, and multiplied with every row of x. Few is the FewRows of a folder's q8_inl.h.
// The folder's weave_inl.h must be included before: it has pack_chunk.
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

/// Rows of W unpacked at once: short rows together, so that a panel is not read right behind its
/// writing, while its pieces are still on their way to the cache.
inline std::size_t rows_at_once(std::size_t chunks) noexcept {
  return chunks < kBatch ? kBatch / chunks : 1;
}

inline std::size_t q8_scratch(std::size_t cols, std::size_t n_rows) noexcept {
  const std::size_t rows = rows_at_once((cols + kChunkCols - 1) / kChunkCols);
  return kBatch * sizeof(U8Panel) + rows * n_rows * sizeof(Vec);
}

/// For tables whose many rows of x go through f32 panels.
struct NoBytePanels {
  static constexpr bool kAny = false;
  static std::size_t scratch(std::size_t) noexcept { return 0; }
  NoBytePanels(const MatmulArgs&, Unpack) noexcept {}
  void run() noexcept {}
};

template <class Few>
class ByteProduct {
 public:
  ByteProduct(const MatmulArgs& args, Unpack unpack) noexcept
      : args_(args),
        unpack_(unpack),
        row_bytes_(row_bytes(*args.codec, args.cols)),
        panels_(reinterpret_cast<U8Panel*>(args.scratch)),
        sums_(reinterpret_cast<Vec*>(panels_ + kBatch)) {}

  void run() noexcept {
    const std::size_t step = rows_at_once((args_.cols + kChunkCols - 1) / kChunkCols);
    for (std::size_t row = args_.row_begin; row < args_.row_end; row += step) {
      const std::size_t rows = args_.row_end - row < step ? args_.row_end - row : step;
      for (std::size_t i = 0; i < rows * args_.n_rows; ++i) sums_[i] = fill(0);
      for (std::size_t col = 0; col < args_.cols; col += kBatch * kChunkCols) {
        const std::size_t left = args_.cols - col;
        add(row, rows, col, left < kBatch * kChunkCols ? left : kBatch * kChunkCols);
      }
      for (std::size_t t = 0; t < args_.n_rows; ++t) {
        float* out = args_.out + t * args_.out_stride + row - args_.row_begin;
        for (std::size_t i = 0; i < rows; ++i) out[i] = sum_lanes(sums_[i * args_.n_rows + t]);
      }
    }
  }

 private:
  void add(std::size_t row, std::size_t rows, std::size_t col, std::size_t n) noexcept {
    const std::size_t group_rows = args_.codec->group_rows;
    const std::size_t chunks = (n + kChunkCols - 1) / kChunkCols;
    for (std::size_t i = 0; i < rows; ++i) {
      const std::size_t lane = (row + i) % group_rows;
      unpack_(args_.weights + (row + i - lane) * row_bytes_, args_.cols, lane, col, n,
              panels_ + i * chunks);
    }
    const std::byte* x = args_.x + col / kChunkCols * sizeof(Q8Chunk);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t t = 0; t < args_.n_rows; t += kMaxGroup) {
        const std::size_t some = args_.n_rows - t < kMaxGroup ? args_.n_rows - t : kMaxGroup;
        Few::dot_group(some, panels_ + i * chunks, chunks, x + t * args_.x_stride, args_.x_stride,
                       sums_ + i * args_.n_rows + t);
      }
    }
  }

  const MatmulArgs& args_;
  const Unpack unpack_;
  const std::size_t row_bytes_;
  U8Panel* panels_;  // [row][chunk]
  Vec* sums_;        // [row][token]
};

}  // namespace
}  // namespace kernels
