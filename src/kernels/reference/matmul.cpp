// Product of a matrix of any format with rows of f32: decode a row group, multiply in f64.
#include <cstring>

#include "kernels/decode.h"
#include "kernels/reference/reference.h"

namespace kernels::reference {

void pack(Packing, const float* x, std::size_t x_stride, std::size_t n, std::size_t cols,
          std::byte* out) noexcept {
  for (std::size_t t = 0; t < n; ++t) {
    std::memcpy(out + t * cols * sizeof(float), x + t * x_stride, cols * sizeof(float));
  }
}

float dot(const float* x, const float* y, std::size_t n) noexcept {
  double sum[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t j = 0; j < 8; ++j) {
      sum[j] += static_cast<double>(x[i + j]) * static_cast<double>(y[i + j]);
    }
  }
  for (std::size_t j = 0; i < n; ++i, ++j) {
    sum[j] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  }
  return static_cast<float>(((sum[0] + sum[1]) + (sum[2] + sum[3])) +
                            ((sum[4] + sum[5]) + (sum[6] + sum[7])));
}

void matmul(const MatmulArgs& args) noexcept {
  const quant::Codec& codec = *args.codec;
  const std::size_t bytes = row_bytes(codec, args.cols);
  float* decoded = reinterpret_cast<float*>(args.scratch);
  for (std::size_t row = args.row_begin; row < args.row_end; row += codec.group_rows) {
    decode_group(codec, args.weights + row * bytes, args.cols, decoded);
    for (std::size_t t = 0; t < args.n_rows; ++t) {
      const float* x = reinterpret_cast<const float*>(args.x + t * args.x_stride);
      float* out = args.out + t * args.out_stride + (row - args.row_begin);
      for (std::size_t lane = 0; lane < codec.group_rows; ++lane) {
        out[lane] = dot(decoded + lane * args.cols, x, args.cols);
      }
    }
  }
}

}  // namespace kernels::reference
