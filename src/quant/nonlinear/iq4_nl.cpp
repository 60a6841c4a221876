// iq4_nl: 32 weights share one f16 scale, codes address a table of 16 levels; 4.5 bits per weight.
// Source: docs/spec/types/basic.md, IQ4_NL.
#include <algorithm>
#include <cmath>

#include "quant/fit/clear_if_worse.h"
#include "quant/iqk/bits.h"
#include "quant/iqk/kernels.h"
#include "quant/iqk/tile.h"
#include "quant/registry.h"

namespace quant {
namespace {
using lanes::F8, lanes::abs, lanes::kLanes, lanes::max, lanes::min, lanes::round, lanes::splat;
constexpr std::size_t kElems = 32;
constexpr std::size_t kBytes = 2 + kElems / 2;  // scale, then nibbles: element j low, j + 16 high

const LevelKernel& kernel() noexcept { return kernel_t4_plain; }

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    const float scale = base::load_f16(block);
    for (std::size_t j = 0; j < kElems; ++j) {
      const std::uint32_t code = get_bits(block + 2 + j % 16, 4 * (j / 16), 4);
      out[b * kElems + j] = scale * LevelsT4::kLevel[code];
    }
  }
}

/// Least-squares scale of the best of `count` trials a sign.
F8 scan(const Tile& tile, int count) noexcept {
  const F8 none = splat(0.0F), peak = abs(tile.peak);
  const F8 low = splat(-kernel().first), high = splat(kernel().last);
  const F8 end[2] = {tile.peak > none ? high : low, tile.peak > none ? low : high};
  F8 best_gain = splat(-1.0F), best = none;
  for (int t = 0; t < count; ++t) {
    const float ratio = 0.8F + 0.6F * static_cast<float>(t) / static_cast<float>(count - 1);
    const F8 over = splat(ratio) / peak;
    const F8 inverse[2] = {peak > none ? over * end[0] : none, peak > none ? -over * end[1] : none};
    Sums sums[2];
    kernel().sums2(tile, inverse, none, sums);
    for (const Sums& s : sums) {
      const F8 scale = s.qq > none ? s.xq / s.qq : none;
      const F8 gain = scale * s.xq;
      best = gain > best_gain ? scale : best;
      best_gain = max(gain, best_gain);
    }
  }
  return best;
}

/// The scale as the file gives it back, in tile units.
F8 stored(F8 scale, F8 up) noexcept {
  F8 out = scale * up;
  for (int lane = 0; lane < 8; ++lane) {
    const float real = std::clamp(out[lane], -65504.0F, 65504.0F);
    out[lane] = base::f16_to_f32(base::f32_to_f16(real));
  }
  return out / up;
}

F8 inverse_of(F8 scale) noexcept {
  return scale != splat(0.0F) ? splat(1.0F) / scale : splat(0.0F);
}

/// Alternates rounding with the stored scale and refitting it, as long as the error falls.
F8 settle(const Tile& tile, F8 scale, F8 up, int rounds) noexcept {
  const F8 none = splat(0.0F);
  F8 best = none, least = tile.energy;
  scale = stored(scale, up);
  for (int round = 0; round < rounds; ++round) {
    Sums sums;
    kernel().sums(tile, inverse_of(scale), none, sums);
    const F8 error = tile.energy + scale * (scale * sums.qq - splat(2.0F) * sums.xq);
    best = error < least ? scale : best;
    least = min(error, least);
    scale = stored(sums.qq > none ? sums.xq / sums.qq : none, up);
  }
  return best;
}

/// Up to eight neighbouring blocks.
/// `hidden`: a column counts for next to nothing.
void encode_blocks(std::span<const TileLane> from, bool hidden, Effort effort, std::byte* out) {
  Tile tile;
  fill_tile(from, kElems, tile);
  F8 up = splat(1.0F);
  for (std::size_t lane = 0; lane < from.size(); ++lane) up[lane] = 1 / from[lane].down;
  const bool best = effort == Effort::best;
  const F8 scale = settle(tile, scan(tile, best ? 20 : 12), up, best ? 4 : 2);
  std::array<std::uint8_t, kLanes * kElems> codes;
  kernel().codes(tile, inverse_of(scale), splat(0.0F), codes.data());
  for (std::size_t lane = 0; lane < from.size(); ++lane) {
    std::byte* block = out + lane * kBytes;
    base::store_f16(block, scale[lane] * up[lane]);
    std::fill_n(block + 2, kElems / 2, std::byte{0});
    for (std::size_t j = 0; j < kElems; ++j) {
      put_bits(block + 2 + j % 16, codes[lane * kElems + j], 4 * (j / 16));
    }
    if (hidden) clear_if_worse<kElems>(decode, from[lane].x, from[lane].v, {block, kBytes});
  }
}

TileLane lane_at(const float* x, const float* v) noexcept {
  return {.x = x, .v = v, .down = scale_down({x, kElems}, v)};
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  const std::vector<float> v = scaled_importance(in.importance, in.cols);
  const bool hidden = has_hidden(v);
  const std::size_t blocks = in.rows * in.cols / kElems;
  for (std::size_t first = 0; first < blocks; first += kLanes) {
    const std::size_t n = std::min(kLanes, blocks - first);
    std::array<TileLane, kLanes> lanes;
    for (std::size_t lane = 0; lane < n; ++lane) {
      const std::size_t at = (first + lane) * kElems;
      lanes[lane] = lane_at(in.x.data() + at, v.data() + at % in.cols);
    }
    encode_blocks({lanes.data(), n}, hidden, in.effort, out.data() + first * kBytes);
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  for (std::size_t b = 0; b < cols / kElems; ++b) {
    if (!std::isfinite(base::load_f16(in.data() + b * kBytes))) {
      return BadBlock{.block = b, .offset = b * kBytes, .what = "scale is not finite"};
    }
  }
  return std::nullopt;
}

}  // namespace

const Codec iq4_nl{.id = 20,
                   .name = "iq4_nl",
                   .family = Family::nonlinear,
                   .block_elems = kElems,
                   .block_bytes = kBytes,
                   .spec = "docs/spec/types/basic.md, IQ4_NL",
                   .decode = decode,
                   .encode = encode,
                   .check = check};
}  // namespace quant
