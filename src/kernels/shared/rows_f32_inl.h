// Few rows of x in f32: dot products along the columns, for plain formats (bound by memory) and as
// the fallback of formats without unpacker.
#pragma once

#include "kernels/decode.h"
#include "kernels/shared/panel_inl.h"

namespace kernels {
namespace {

struct LoadF32 {
  static constexpr std::size_t kBytes = 4;
  static Vec at(const std::byte* p) noexcept { return load(reinterpret_cast<const float*>(p)); }
};
struct LoadF16 {
  static constexpr std::size_t kBytes = 2;
  static Vec at(const std::byte* p) noexcept { return load_f16(p); }
};
struct LoadBf16 {
  static constexpr std::size_t kBytes = 2;
  static Vec at(const std::byte* p) noexcept { return load_bf16(p); }
};

/// Sum of w * x over n columns; x is padded with zeros to 16 floats. Four chains of fused
/// multiply-adds in lanes.
template <class Load>
inline float dot_row(const std::byte* w, const float* x, std::size_t n) noexcept {
  Vec sum[4] = {fill(0), fill(0), fill(0), fill(0)};
  std::size_t c = 0;
  for (; c + 4 * kLanes <= n; c += 4 * kLanes) {
    for (std::size_t i = 0; i < 4; ++i) {
      sum[i] = fma(Load::at(w + (c + i * kLanes) * Load::kBytes), load(x + c + i * kLanes), sum[i]);
    }
  }
  for (; c + kLanes <= n; c += kLanes) {
    sum[0] = fma(Load::at(w + c * Load::kBytes), load(x + c), sum[0]);
  }
  if (c < n) {
    std::byte last[kLanes * 4] = {};
    std::memcpy(last, w + c * Load::kBytes, (n - c) * Load::kBytes);
    sum[1] = fma(Load::at(last), load(x + c), sum[1]);
  }
  return sum_lanes(add(add(sum[0], sum[1]), add(sum[2], sum[3])));
}

template <class Load>
inline void dot_rows(const MatmulArgs& args, const std::byte* w, std::size_t row) noexcept {
  for (std::size_t t = 0; t < args.n_rows; ++t) {
    const float* x = reinterpret_cast<const float*>(args.x + t * args.x_stride);
    args.out[t * args.out_stride + row - args.row_begin] = dot_row<Load>(w, x, args.cols);
  }
}

inline std::size_t rows_f32_scratch(const quant::Codec& codec, std::size_t cols) noexcept {
  return rounded(codec.group_rows * cols * sizeof(float), 64);
}

inline void matmul_rows_f32(const MatmulArgs& args) noexcept {
  const quant::Codec& codec = *args.codec;
  const std::size_t bytes = row_bytes(codec, args.cols);
  const Plain format = plain_format(codec);
  float* decoded = reinterpret_cast<float*>(args.scratch);
  for (std::size_t row = args.row_begin; row < args.row_end; row += codec.group_rows) {
    const std::byte* w = args.weights + row * bytes;
    if (format == Plain::f32) {
      dot_rows<LoadF32>(args, w, row);
    } else if (format == Plain::f16) {
      dot_rows<LoadF16>(args, w, row);
    } else if (format == Plain::bf16) {
      dot_rows<LoadBf16>(args, w, row);
    } else {
      decode_any(codec, w, args.cols, decoded);
      for (std::size_t lane = 0; lane < codec.group_rows; ++lane) {
        dot_rows<LoadF32>(args, reinterpret_cast<const std::byte*>(decoded + lane * args.cols),
                          row + lane);
      }
    }
  }
}

}  // namespace
}  // namespace kernels
