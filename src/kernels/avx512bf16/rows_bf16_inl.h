// Few rows of x times bf16 weights: bf16 dot products along the columns. x has two parts (see
// amx/panel_bf16_inl.h), so an element costs two products, but no conversion.
#pragma once

#include "kernels/avx512bf16/pack_bf16_inl.h"
#include "kernels/decode.h"

namespace kernels {
namespace {

/// Rows of x that one pass over a row of W serves.
constexpr std::size_t kBf16Rows = 5;

inline __m512bh as_bf16(__m512i v) noexcept { return reinterpret_cast<__m512bh>(v); }

/// One row of W (n columns) times kRows rows of x: for each part of x a chain over even and one
/// over odd pieces of 32 columns.
template <std::size_t kRows>
inline void dot_row_bf16(const std::byte* w, std::size_t n, const std::byte* x,
                         std::size_t x_stride, float* out, std::size_t out_stride) noexcept {
  const std::size_t part = bf16_row_bytes(n) / 2;
  Vec sum[kRows][2][2];
  for (std::size_t t = 0; t < kRows; ++t) {
    for (std::size_t i = 0; i < 2; ++i) sum[t][i][0] = sum[t][i][1] = fill(0);
  }
  const auto add_piece = [&](std::size_t c, std::size_t i, __m512i weights) {
    for (std::size_t t = 0; t < kRows; ++t) {
      const std::byte* p = x + t * x_stride + 2 * c;
      sum[t][i][0] =
          _mm512_dpbf16_ps(sum[t][i][0], as_bf16(weights), as_bf16(_mm512_loadu_si512(p)));
      sum[t][i][1] =
          _mm512_dpbf16_ps(sum[t][i][1], as_bf16(weights), as_bf16(_mm512_loadu_si512(p + part)));
    }
  };
  std::size_t c = 0;
  for (; c + 64 <= n; c += 64) {
    add_piece(c, 0, _mm512_loadu_si512(w + 2 * c));
    add_piece(c + 32, 1, _mm512_loadu_si512(w + 2 * c + 64));
  }
  for (std::size_t i = 0; c < n; c += 32, ++i) {
    const std::size_t left = n - c;
    const __mmask32 mask = left >= 32 ? 0xffffffffu : (1u << left) - 1;
    add_piece(c, i, _mm512_maskz_loadu_epi16(mask, w + 2 * c));
  }
  for (std::size_t t = 0; t < kRows; ++t) {
    out[t * out_stride] =
        sum_lanes(add(add(sum[t][0][0], sum[t][1][0]), add(sum[t][0][1], sum[t][1][1])));
  }
}

template <std::size_t kRows>
inline void dot_rows_bf16(const MatmulArgs& args) noexcept {
  const std::size_t bytes = row_bytes(*args.codec, args.cols);
  for (std::size_t row = args.row_begin; row < args.row_end; ++row) {
    dot_row_bf16<kRows>(args.weights + row * bytes, args.cols, args.x, args.x_stride,
                        args.out + row - args.row_begin, args.out_stride);
  }
}

inline void matmul_rows_bf16(const MatmulArgs& args) noexcept {
  switch (args.n_rows) {
    case 1:
      return dot_rows_bf16<1>(args);
    case 2:
      return dot_rows_bf16<2>(args);
    case 3:
      return dot_rows_bf16<3>(args);
    case 4:
      return dot_rows_bf16<4>(args);
    default:
      return dot_rows_bf16<kBf16Rows>(args);
  }
}

}  // namespace
}  // namespace kernels
