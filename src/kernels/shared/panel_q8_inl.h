// Products of a matrix with many rows of x in 8 bits, for machines with byte dot products. Lanes
// are rows of W: 32 rows (16 where a register has 8 lanes) are unpacked and turned into strips that
// stay in the first caches, then a few rows of x at a time run over them, every four columns of x
// in all lanes at once. Dot is the struct of a folder's dot_inl.h.
#pragma once

#include <cstring>

#include "kernels/decode.h"
#include "kernels/shared/unpack_inl.h"
#include "kernels/table.h"

namespace kernels {
namespace {

/// 256 columns of 16 rows of W, turned.
struct alignas(64) Strip {
  std::uint32_t code[64][16];  ///< [columns 4 j .. 4 j + 3][row]
  float scale[kChunkBlocks][16];
  float offset[kChunkBlocks][16];
};

template <class Dot>
class PanelQ8 {
 public:
  static constexpr bool kAny = true;
  static constexpr std::size_t kStrips = kLanes == 16 ? 2 : 1;
  static constexpr std::size_t kRows = 16 * kStrips;
  static constexpr std::size_t kChunks = kLanes == 16 ? 4 : 8;  ///< in a panel: 48 KiB
  static constexpr std::size_t kTokens = kLanes == 16 ? 6 : 3;  ///< rows of x at once
  static constexpr std::size_t kBlockTokens = 512;              ///< that share a panel

  static std::size_t scratch(std::size_t n_rows) noexcept {
    const std::size_t tokens = n_rows < kBlockTokens ? n_rows : kBlockTokens;
    return kStrips * kChunks * sizeof(Strip) + 16 * kChunks * sizeof(U8Panel) +
           tokens * kRows * sizeof(float);
  }

  PanelQ8(const MatmulArgs& args, Unpack unpack) noexcept
      : args_(args),
        unpack_(unpack),
        row_bytes_(row_bytes(*args.codec, args.cols)),
        strips_(reinterpret_cast<Strip*>(args.scratch)),
        unpacked_(reinterpret_cast<U8Panel*>(strips_ + kStrips * kChunks)),
        sums_(reinterpret_cast<float*>(unpacked_ + 16 * kChunks)) {}

  void run() noexcept {
    for (std::size_t t = 0; t < args_.n_rows; t += kBlockTokens) {
      const std::size_t tokens = args_.n_rows - t < kBlockTokens ? args_.n_rows - t : kBlockTokens;
      for (std::size_t r = args_.row_begin; r < args_.row_end; r += kRows) {
        const std::size_t rows = args_.row_end - r < kRows ? args_.row_end - r : kRows;
        std::memset(sums_, 0, tokens * kRows * sizeof(float));
        for (std::size_t c = 0; c < args_.cols; c += kChunks * kChunkCols) {
          const std::size_t left = args_.cols - c;
          const std::size_t n = left < kChunks * kChunkCols ? left : kChunks * kChunkCols;
          fill_panel(r, rows, c, n);
          const std::byte* x = args_.x + t * args_.x_stride + c / kChunkCols * sizeof(Q8Chunk);
          multiply(x, tokens, (n + kChunkCols - 1) / kChunkCols);
        }
        for (std::size_t i = 0; i < tokens; ++i) {
          std::memcpy(args_.out + (t + i) * args_.out_stride + r - args_.row_begin,
                      sums_ + i * kRows, rows * sizeof(float));
        }
      }
    }
  }

 private:
  using VecI = typename Dot::VecI;

  /// Rows from `rows` on keep what they held: their sums are never read.
  void fill_panel(std::size_t row, std::size_t rows, std::size_t col, std::size_t n) noexcept {
    for (std::size_t r = 0; r < rows; r += 16) {
      fill_strip(row + r, rows - r < 16 ? rows - r : 16, col, n, strips_ + r / 16 * kChunks);
    }
  }

  void fill_strip(std::size_t row, std::size_t rows, std::size_t col, std::size_t n,
                  Strip* strips) noexcept {
    const std::size_t group_rows = args_.codec->group_rows;
    for (std::size_t i = 0; i < rows; ++i) {
      const std::size_t lane = (row + i) % group_rows;
      unpack_(args_.weights + (row + i - lane) * row_bytes_, args_.cols, lane, col, n,
              unpacked_ + i * kChunks);
    }
    constexpr std::size_t kStride = kChunks * sizeof(U8Panel);
    for (std::size_t k = 0; k * kChunkCols < n; ++k) {
      const U8Panel* p = unpacked_ + k;
      for (std::size_t j = 0; j < 4; ++j) {
        transpose(reinterpret_cast<const std::byte*>(p->code + 64 * j), kStride, 16,
                  reinterpret_cast<std::byte*>(strips[k].code[16 * j]));
      }
      transpose(reinterpret_cast<const std::byte*>(p->scale), kStride, 16,
                reinterpret_cast<std::byte*>(strips[k].scale));
      transpose(reinterpret_cast<const std::byte*>(p->offset), kStride, 16,
                reinterpret_cast<std::byte*>(strips[k].offset));
    }
  }

  void multiply(const std::byte* x, std::size_t tokens, std::size_t chunks) noexcept {
    std::size_t t = 0;
    for (; t + kTokens <= tokens; t += kTokens) {
      several<kTokens>(x + t * args_.x_stride, chunks, sums_ + t * kRows);
    }
    for (; t < tokens; ++t) several<1>(x + t * args_.x_stride, chunks, sums_ + t * kRows);
  }

  /// Register v of 2: rows of strip v, or half v of the only strip.
  template <class T>
  static const T* part(const T* row, std::size_t v) noexcept {
    return kLanes == 16 ? row + v * kChunks * sizeof(Strip) / sizeof(T) : row + v * kLanes;
  }

  /// Sums of kN rows of x and all rows of a panel.
  template <std::size_t kN>
  struct Sums {
    Vec of[kN][2];

    /// Every lane is one chain over the blocks of 16 columns in order: an exact integer sum, then
    /// + scale * scale of x * it, then + offset * sum of x.
    void add_block(const Strip& w, std::size_t b, const Q8Chunk* const (&x)[kN]) noexcept {
      VecI dot[kN][2];
      for (std::size_t t = 0; t < kN; ++t) dot[t][0] = dot[t][1] = Dot::no_ints();
      for (std::size_t q = 0; q < 4; ++q) {
        const VecI first = Dot::load_ints(part(w.code[4 * b + q], 0));
        const VecI second = Dot::load_ints(part(w.code[4 * b + q], 1));
        for (std::size_t t = 0; t < kN; ++t) {
          const std::int8_t* four = x[t]->code + (16 * q + b) * 4;
          dot[t][0] = Dot::dot_4(dot[t][0], first, four);
          dot[t][1] = Dot::dot_4(dot[t][1], second, four);
        }
      }
      for (std::size_t v = 0; v < 2; ++v) {
        const Vec scale = load(part(w.scale[b], v));
        const Vec offset = load(part(w.offset[b], v));
        for (std::size_t t = 0; t < kN; ++t) {
          const Vec both = mul(scale, fill(x[t]->scale[b]));
          of[t][v] = fma(Dot::int_floats(dot[t][v]), both, of[t][v]);
          of[t][v] = fma(offset, fill(x[t]->sum[b]), of[t][v]);
        }
      }
    }
  };

  template <std::size_t kN>
  void several(const std::byte* x, std::size_t chunks, float* out) const noexcept {
    Sums<kN> sums;
    for (std::size_t i = 0; i < 2 * kN; ++i) sums.of[i / 2][i % 2] = load(out + i * kLanes);
    for (std::size_t k = 0; k < chunks; ++k) {
      const Q8Chunk* rows[kN];
      for (std::size_t t = 0; t < kN; ++t) {
        rows[t] = reinterpret_cast<const Q8Chunk*>(x + t * args_.x_stride) + k;
      }
      for (std::size_t b = 0; b < kChunkBlocks; ++b) sums.add_block(strips_[k], b, rows);
    }
    for (std::size_t i = 0; i < 2 * kN; ++i) store(out + i * kLanes, sums.of[i / 2][i % 2]);
  }

  const MatmulArgs& args_;
  const Unpack unpack_;
  const std::size_t row_bytes_;
  Strip* strips_;      // [strip][chunk]
  U8Panel* unpacked_;  // [row][chunk]
  float* sums_;        // [token][row]
};

}  // namespace
}  // namespace kernels
