// Few rows of x: 8-bit activations. Dot is the struct of a folder's dot_inl.h.
#pragma once

#include "kernels/avx2/weave_inl.h"
#include "kernels/table.h"

namespace kernels {
namespace {

template <class Dot>
struct FewRows {
  /// sums[t] += lanes of (chunks of a weight row) * (row t of x). A lane is a block of 16: its
  /// integer sum is exact (|16 * 255 * 127| < 2^31), then scale * scale, then + offset * sum of x.
  static void dot_group(std::size_t rows, const U8Panel* w, std::size_t n, const std::byte* x,
                        std::size_t x_stride, Vec* sums) noexcept {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t half = 0; half < 2; ++half) {
        const typename Dot::Codes codes = Dot::prepare(w[i].code + 128 * half);
        const Vec scale = load(w[i].scale + 8 * half);
        const Vec offset = load(w[i].offset + 8 * half);
        for (std::size_t t = 0; t < rows; ++t) {
          const Q8Chunk* c = reinterpret_cast<const Q8Chunk*>(x + t * x_stride) + i;
          const Vec products = _mm256_cvtepi32_ps(Dot::block_sums(codes, c->code + 32 * half));
          sums[t] = fma(products, mul(scale, load(c->scale + 8 * half)), sums[t]);
          sums[t] = fma(offset, load(c->sum + 8 * half), sums[t]);
        }
      }
    }
  }
};

}  // namespace
}  // namespace kernels
