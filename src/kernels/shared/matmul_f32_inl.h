// Products with f32 activations: along the columns for few rows of x, in panels for many.
#pragma once

#include "kernels/shared/panel_f32_inl.h"
#include "kernels/shared/rows_f32_inl.h"

namespace kernels {
namespace {

/// Below, decoding and loading dominate, and the panels' tiles of 16 rows of x would be mostly air.
constexpr std::size_t kFewRows = 5;

/// Rows of x in f32, padded with zeros to 64 bytes.
inline std::size_t f32_row_bytes(std::size_t cols) noexcept {
  return rounded(cols, kTile) * sizeof(float);
}
inline void pack_f32(const float* x, std::size_t cols, std::byte* out) noexcept {
  std::memcpy(out, x, cols * sizeof(float));
  std::memset(out + cols * sizeof(float), 0, f32_row_bytes(cols) - cols * sizeof(float));
}

inline bool by_rows(std::size_t n_rows, Unpack unpack) noexcept {
  return n_rows <= kFewRows && unpack == nullptr;
}

inline std::size_t f32_scratch(const quant::Codec& codec, Unpack unpack, std::size_t cols,
                               std::size_t n_rows) noexcept {
  return by_rows(n_rows, unpack) ? rows_f32_scratch(codec, cols)
                                 : panel_scratch<PanelF32>(codec, unpack, cols, n_rows);
}

inline void matmul_f32(const MatmulArgs& args, Unpack unpack) noexcept {
  if (by_rows(args.n_rows, unpack)) {
    matmul_rows_f32(args);
  } else {
    PanelProduct<PanelF32>(args, unpack).run();
  }
}

/// Rows of W a call: about a quarter of a million weights for few rows of x, whole blocks for many.
inline std::size_t preferred_rows(const quant::Codec& codec, std::size_t cols,
                                  std::size_t n_rows) noexcept {
  if (n_rows > kFewRows) return n_rows >= 64 ? kBlockRows : 4 * kPanelRows;
  const std::size_t rows = rounded((1u << 18) / (cols + 1) + 1, 16);
  return rounded(rows, codec.group_rows);
}

}  // namespace
}  // namespace kernels
