// The micro-kernel of panel_inl.h on tile registers: bf16 weights and activations, sums in f32.
#pragma once

#include <immintrin.h>

#include "kernels/avx512bf16/pack_bf16_inl.h"
#include "kernels/shared/panel_inl.h"

namespace kernels {
namespace {

/// Palette 1, eight tiles of 16 rows x 64 bytes. Constant data, not a local variable: gcc 12 takes
/// the operand of the load for eight bytes and drops the stores of the others.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileConfig kTileConfig;

/// The configuration belongs to the thread, so every call loads it, and releases it so that the
/// system has less to save at a switch.
class TileScope {
 public:
  TileScope() noexcept { _tile_loadconfig(&kTileConfig); }
  ~TileScope() { _tile_release(); }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
};

/// bf16 keeps 8 bits of a number; a second bf16 holds what the first leaves (16 bits together).
/// Rounding activations to one bf16 moved the logits of a small model by 1.2 % of their range, so x
/// always has two parts. Weights have one where the format's own error is far above 2^-9, else two;
/// the product of the two remainders, below 2^-16 of the whole, is left out.
template <std::size_t kWeightParts>
struct PanelBf16 {
  using Elem = std::uint16_t;
  static constexpr std::size_t kDepth = 32, kXParts = 2;
  static constexpr std::size_t kTileElems = 16 * 32;

  static std::size_t panel_elems(std::size_t depth) noexcept {
    return kWeightParts * kPanelRows * depth;
  }

  /// A panel part is two blocks of 16 rows, each a sequence of tiles [16 rows][32 columns].
  static Elem* place(Elem* panel, std::size_t depth, std::size_t row) noexcept {
    return panel + row / 16 * 16 * depth + row % 16 * 32;
  }

  /// 32 weights to the place of their first part; the second part is `remainder` elements on.
  static void put(Elem* out, std::size_t remainder, Vec low, Vec high) noexcept {
    if (kWeightParts == 1) return store_pair(out, low, high);
    const Vec low_main = truncated(low);
    const Vec high_main = truncated(high);
    store_pair(out, low_main, high_main);
    store_pair(out + remainder, sub(low, low_main), sub(high, high_main));
  }

  static void put_panels(const U8Panel* p, std::size_t depth, Elem* panel,
                         std::size_t row) noexcept {
    Elem* out = place(panel, depth, row);
    for (std::size_t c = 0; c < depth; ++p) {
      for (std::size_t b = 0; b < kChunkBlocks && c < depth; b += 2, c += 32, out += kTileElems) {
        const Vec low = fma(load_u8(p->code + 16 * b), fill(p->scale[b]), fill(p->offset[b]));
        const Vec high =
            fma(load_u8(p->code + 16 * b + 16), fill(p->scale[b + 1]), fill(p->offset[b + 1]));
        put(out, kPanelRows * depth, low, high);
      }
    }
  }

  static bool put_plain(const quant::Codec& codec, const std::byte* w, std::size_t n,
                        std::size_t depth, Elem* panel, std::size_t row) noexcept {
    if (kWeightParts > 1 || plain_format(codec) != Plain::bf16) return false;
    Elem* out = place(panel, depth, row);
    for (std::size_t c = 0; c < depth; c += 32, out += kTileElems) {
      const std::size_t left = n - c < 32 ? n - c : 32;
      const __mmask32 mask = left == 32 ? 0xffffffffu : (1u << left) - 1;
      _mm512_storeu_si512(out, _mm512_maskz_loadu_epi16(mask, w + 2 * c));
    }
    return true;
  }

  static void put_floats(const float* w, std::size_t n, std::size_t depth, Elem* panel,
                         std::size_t row) noexcept {
    Elem* out = place(panel, depth, row);
    for (std::size_t c = 0; c < depth; c += 32, out += kTileElems) {
      const std::size_t left = n - c;
      put(out, kPanelRows * depth, take(w + c, left < 16 ? left : 16),
          left > 16 ? take(w + c + 16, left < 32 ? left - 16 : 16) : fill(0));
    }
  }

  static void multiply(const Elem* panel, const Elem* x, std::size_t depth, std::size_t tiles,
                       bool first, float* sums, std::size_t) noexcept {
    const std::size_t remainder = tiles * kTile * depth;  // from a part of x to the next
    std::size_t t = 0;
    for (; t + 2 <= tiles; t += 2) {
      float* c = sums + t * kTile * kTile;
      two_by_two(panel, x + t * kTile * depth, remainder, depth, first, c,
                 c + tiles * kTile * kTile);
    }
    if (t < tiles) {
      float* c = sums + t * kTile * kTile;
      two_by_one(panel, x + t * kTile * depth, remainder, depth, first, c,
                 c + tiles * kTile * kTile);
    }
  }

 private:
  /// The upper 16 bits of each float: exact as bf16.
  static Vec truncated(Vec v) noexcept {
    return _mm512_and_ps(v, _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static void store_pair(Elem* out, Vec low, Vec high) noexcept {
    _mm512_storeu_si512(out, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
  }

  /// Sums of 32 rows of W (c0: the first 16) and 32 rows of x. Tiles 0..3 are sums, 4 and 5 rows of
  /// W, 6 and 7 rows of x; every tile loaded takes part in two products or more.
  static void two_by_two(const Elem* a, const Elem* b, std::size_t remainder, std::size_t depth,
                         bool first, float* c0, float* c1) noexcept {
    const Elem* a1 = a + 16 * depth;
    const Elem* b1 = b + 16 * depth;
    if (first) {
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
    } else {
      _tile_loadd(0, c0, 64);
      _tile_loadd(1, c0 + 256, 64);
      _tile_loadd(2, c1, 64);
      _tile_loadd(3, c1 + 256, 64);
    }
    for (std::size_t k = 0; k < depth * 16; k += kTileElems) {
      _tile_loadd(4, a + k, 64);
      _tile_loadd(6, b + remainder + k, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, b1 + remainder + k, 64);
      _tile_dpbf16ps(1, 4, 7);
      _tile_loadd(5, a1 + k, 64);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
      _tile_loadd(6, b + k, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, b1 + k, 64);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
      if (kWeightParts == 2) {
        _tile_loadd(4, a + kPanelRows * depth + k, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, a1 + kPanelRows * depth + k, 64);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
    }
    _tile_stored(0, c0, 64);
    _tile_stored(1, c0 + 256, 64);
    _tile_stored(2, c1, 64);
    _tile_stored(3, c1 + 256, 64);
  }

  static void two_by_one(const Elem* a, const Elem* b, std::size_t remainder, std::size_t depth,
                         bool first, float* c0, float* c1) noexcept {
    const Elem* a1 = a + 16 * depth;
    if (first) {
      _tile_zero(0);
      _tile_zero(2);
    } else {
      _tile_loadd(0, c0, 64);
      _tile_loadd(2, c1, 64);
    }
    for (std::size_t k = 0; k < depth * 16; k += kTileElems) {
      _tile_loadd(4, a + k, 64);
      _tile_loadd(7, b + remainder + k, 64);
      _tile_dpbf16ps(0, 4, 7);
      _tile_loadd(5, a1 + k, 64);
      _tile_dpbf16ps(2, 5, 7);
      _tile_loadd(6, b + k, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(2, 5, 6);
      if (kWeightParts == 2) {
        _tile_loadd(4, a + kPanelRows * depth + k, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(5, a1 + kPanelRows * depth + k, 64);
        _tile_dpbf16ps(2, 5, 6);
      }
    }
    _tile_stored(0, c0, 64);
    _tile_stored(2, c1, 64);
  }
};

}  // namespace
}  // namespace kernels
