// Few rows of x: 8-bit activations. Dot is the struct of a folder's dot_inl.h.
#pragma once

#include "kernels/avx512/weave_inl.h"
#include "kernels/table.h"

namespace kernels {
namespace {

template <class Dot>
struct FewRows {
  /// sums[t] += lanes of (chunks of a weight row) * (row t of x). A lane is a block of 16: its
  /// integer sum is exact (|16 * 255 * 127| < 2^31), then scale * scale, then + offset * sum of x.
  template <std::size_t kRows>
  static void dot_chunks(const U8Panel* w, std::size_t n, const std::byte* x, std::size_t x_stride,
                         Vec* sums) noexcept {
    Vec sum[kRows];
    for (std::size_t t = 0; t < kRows; ++t) sum[t] = sums[t];
    for (std::size_t i = 0; i < n; ++i) {
      const typename Dot::Codes codes = Dot::prepare(w[i].code);
      const Vec scale = load(w[i].scale);
      const Vec offset = load(w[i].offset);
      for (std::size_t t = 0; t < kRows; ++t) {
        const Q8Chunk* c = reinterpret_cast<const Q8Chunk*>(x + t * x_stride) + i;
        const Vec products = _mm512_cvtepi32_ps(Dot::block_sums(codes, c->code));
        sum[t] = fma(products, mul(scale, load(c->scale)), sum[t]);
        sum[t] = fma(offset, load(c->sum), sum[t]);
      }
    }
    for (std::size_t t = 0; t < kRows; ++t) sums[t] = sum[t];
  }

  static void dot_group(std::size_t rows, const U8Panel* w, std::size_t n, const std::byte* x,
                        std::size_t x_stride, Vec* sums) noexcept {
    switch (rows) {
      case 1:
        return dot_chunks<1>(w, n, x, x_stride, sums);
      case 2:
        return dot_chunks<2>(w, n, x, x_stride, sums);
      case 3:
        return dot_chunks<3>(w, n, x, x_stride, sums);
      case 4:
        return dot_chunks<4>(w, n, x, x_stride, sums);
      case 5:
        return dot_chunks<5>(w, n, x, x_stride, sums);
      case 6:
        return dot_chunks<6>(w, n, x, x_stride, sums);
      case 7:
        return dot_chunks<7>(w, n, x, x_stride, sums);
      default:
        return dot_chunks<8>(w, n, x, x_stride, sums);
    }
  }
};

}  // namespace
}  // namespace kernels
