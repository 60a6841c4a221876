// The micro-kernel of panel_inl.h in f32: every sum is one chain of fused multiply-adds in order of
// columns.
#pragma once

#include "kernels/shared/panel_inl.h"

namespace kernels {
namespace {

struct PanelF32 {
  using Elem = float;
  static constexpr std::size_t kDepth = 16, kXParts = 1;
  static constexpr std::size_t kMicroRows = kLanes == 16 ? 8 : 4;  ///< sums fit the registers

  /// Rows of a panel are not a power of two apart, so that they fall into different cache sets.
  static std::size_t panel_stride(std::size_t depth) noexcept { return depth + 16; }

  static std::size_t panel_elems(std::size_t depth) noexcept {
    return kPanelRows * panel_stride(depth);
  }

  static void put_panels(const U8Panel* p, std::size_t depth, float* panel,
                         std::size_t row) noexcept {
    float* out = panel + row * panel_stride(depth);
    for (std::size_t c = 0; c < depth; ++p) {
      for (std::size_t b = 0; b < kChunkBlocks && c < depth; ++b, c += 16) {
        const Vec scale = fill(p->scale[b]);
        const Vec offset = fill(p->offset[b]);
        for (std::size_t i = 0; i < 16; i += kLanes) {
          store(out + c + i, fma(load_u8(p->code + 16 * b + i), scale, offset));
        }
      }
    }
  }

  static bool put_plain(const quant::Codec&, const std::byte*, std::size_t, std::size_t, float*,
                        std::size_t) noexcept {
    return false;
  }

  static void put_floats(const float* x, std::size_t n, std::size_t depth, float* panel,
                         std::size_t row) noexcept {
    float* out = panel + row * panel_stride(depth);
    std::memcpy(out, x, n * sizeof(float));
    for (std::size_t c = n; c < depth; ++c) out[c] = 0;
  }

  static void multiply(const float* panel, const float* x, std::size_t depth, std::size_t tiles,
                       bool first, float* sums, std::size_t rows) noexcept {
    for (std::size_t t = 0; t < tiles;) {
      const std::size_t pair = kLanes == 16 && t + 2 <= tiles ? 2 : 1;
      for (std::size_t r = 0; r < rows; r += kMicroRows) {
        const float* a = panel + r * panel_stride(depth);
        float* c = sums + r / kTile * kTile * tiles * kTile + t * kTile * kTile + r % kTile * kTile;
        const float* b = x + t * depth * kTile;
        pair == 2 || kLanes == 8 ? micro<2>(a, b, depth, first, c)
                                 : micro<1>(a, b, depth, first, c);
      }
      t += pair;
    }
  }

 private:
  /// kMicroRows rows of W, kVecs registers of x: of one tile, or of two if a register is a tile
  /// wide.
  template <std::size_t kVecs>
  static void micro(const float* a, const float* b, std::size_t depth, bool first,
                    float* c) noexcept {
    constexpr std::size_t kSumStep = kLanes == 16 ? kTile * kTile : kLanes;
    const std::size_t x_step = kLanes == 16 ? depth * kTile : kLanes;
    const std::size_t stride = panel_stride(depth);
    Vec sum[kMicroRows][kVecs];
    for (std::size_t r = 0; r < kMicroRows; ++r) {
      for (std::size_t v = 0; v < kVecs; ++v) {
        sum[r][v] = first ? fill(0) : load(c + r * kTile + v * kSumStep);
      }
    }
    for (std::size_t k = 0; k < depth; ++k) {
      Vec xs[kVecs];
      for (std::size_t v = 0; v < kVecs; ++v) xs[v] = load(b + k * kTile + v * x_step);
      for (std::size_t r = 0; r < kMicroRows; ++r) {
        const Vec w = fill(a[r * stride + k]);
        for (std::size_t v = 0; v < kVecs; ++v) sum[r][v] = fma(w, xs[v], sum[r][v]);
      }
    }
    for (std::size_t r = 0; r < kMicroRows; ++r) {
      for (std::size_t v = 0; v < kVecs; ++v) store(c + r * kTile + v * kSumStep, sum[r][v]);
    }
  }
};

}  // namespace
}  // namespace kernels
