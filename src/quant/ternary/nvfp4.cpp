// nvfp4: 4-bit floats, 16 weights share an unsigned 8-bit float scale; 4.5 bits per weight.
// Source: docs/spec/types/basic.md, "NVFP4".
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "quant/fit/tile.h"
#include "quant/registry.h"
#include "quant/ternary/block_codec.h"

namespace quant {
namespace {
constexpr std::size_t kElems = 64, kSub = 16, kCodes = 4, kBytes = 36;
/// Twice the values of the codes 0..7; bit 3 of a code is the sign.
constexpr std::array<float, 8> kDoubled = {0, 1, 2, 3, 4, 6, 8, 12};
constexpr int kTopScale = 0x7e;

/// Half of the scale that a byte stands for: E4M3 without sign, 0x7f means 0.
float half_scale(unsigned byte) noexcept {
  if (byte == 0 || byte == 0x7f) return 0;
  const int exponent = static_cast<int>((byte >> 3) & 15U);
  const float mantissa = static_cast<float>(byte & 7U);
  const float scale =
      exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(1 + mantissa / 8, exponent - 7);
  return 0.5F * scale;
}

void decode_block(const std::byte* block, float* out) {
  for (std::size_t i = 0; i < kElems; ++i) {
    const std::size_t sub = i / kSub, j = i % kSub;
    const unsigned byte = base::load_u8(block + kCodes + 8 * sub + j % 8);
    const unsigned code = (byte >> 4 * (j / 8)) & 15U;
    const float value = kDoubled[code & 7U] * half_scale(base::load_u8(block + sub));
    out[i] = (code & 8U) != 0 && (code & 7U) != 0 ? -value : value;
  }
}

using fit::Half, fit::Lanes, fit::Mask;
using Tile = fit::Tile<kSub>;

/// half_scale of every byte without a sign, in ascending order but for the last, which is none.
constexpr std::size_t kScales = kTopScale + 1;
std::array<float, kScales> all_half_scales() noexcept {
  std::array<float, kScales> out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = half_scale(static_cast<unsigned>(i));
  return out;
}

/// The smallest scale byte whose top code reaches `peak`; the largest of all if none does.
int fitting_scale(float peak, const std::array<float, kScales>& halves) noexcept {
  const float wanted = peak / 6;
  int byte = kTopScale;
  if (wanted < 0x1p-6F) {
    byte = static_cast<int>(std::ceil(wanted * 512));  // no exponent: steps of 2^-9
  } else if (wanted < 448) {
    // The exponent and the upper three bits of the mantissa, rounded up.
    byte = static_cast<int>((std::bit_cast<std::uint32_t>(wanted) + 0xfffffU) >> 20) - (120 << 3);
  }
  byte = std::min(byte, kTopScale);
  if (byte < kTopScale && 12 * halves[static_cast<std::size_t>(byte)] < peak) ++byte;
  return byte;
}

/// y >= 0 rounded to the nearest of 0, 1, 2, 3, 4, 6, 8, 12. What is added leaves the sum no bits
/// below half of the power of two in y, or below 1: levels are as far apart.
Half nearest_doubled(Half y) noexcept {
  // Without sign: beyond the last level the sum may wrap, and what it gives does not count.
  using Bits [[gnu::vector_size(32)]] = std::uint32_t;
  constexpr std::uint32_t kPower = 0x7f800000, kRounderBits = (22U << 23) + (1U << 22);
  const Bits power = reinterpret_cast<Bits>(y) & kPower;
  const Half shift = fit::detail::max(reinterpret_cast<Half>(power + kRounderBits),
                                      fit::detail::broadcast(0x1.8p23F));
  return fit::detail::min((y + shift) - shift, fit::detail::broadcast(12));
}

/// Weighted error of the nearest levels at the halved scales `h`.
Lanes error_at(const Tile& tile, Lanes h) noexcept {
  const Lanes inverse = fit::inverse(h);
  Lanes error = fit::all(0);
  for (std::size_t i = 0; i < kSub; ++i) {
    const Lanes x = fit::abs(tile.x[i]), y = x * inverse;
    const Lanes q = {nearest_doubled(y.lo), nearest_doubled(y.hi)};
    const Lanes off = fit::fma(-h, q, x);
    error = fit::fma(tile.w[i] * off, off, error);
  }
  return error;
}

/// The halved scales of the lanes' bytes, in units of the tile.
Lanes scales_of(const Tile& tile, const int* bytes,
                const std::array<float, kScales>& halves) noexcept {
  alignas(64) float h[fit::kLanes];
  for (std::size_t l = 0; l < fit::kLanes; ++l) h[l] = halves[static_cast<std::size_t>(bytes[l])];
  return fit::load(h) / tile.units();
}

// Three bytes either way lose 1 to 4 % more.
constexpr int kReach = 6;

/// Scale bytes of sixteen sub-blocks: the best of those near the one that maps the peak to the top
/// code.
void choose_scales(const Tile& tile, const std::array<float, kScales>& halves, int* best) noexcept {
  alignas(64) float peaks[fit::kLanes], errors[fit::kLanes], least[fit::kLanes];
  fit::store(peaks, tile.peak * tile.units());
  int fitting[fit::kLanes], tried[fit::kLanes];
  for (std::size_t l = 0; l < fit::kLanes; ++l) {
    fitting[l] = fitting_scale(peaks[l], halves);
    least[l] = std::numeric_limits<float>::infinity();
  }
  for (int step = -kReach; step <= kReach; ++step) {
    for (std::size_t l = 0; l < fit::kLanes; ++l) {
      tried[l] = std::clamp(fitting[l] + step, 0, kTopScale);
    }
    fit::store(errors, error_at(tile, scales_of(tile, tried, halves)));
    for (std::size_t l = 0; l < fit::kLanes; ++l) {
      best[l] = errors[l] < least[l] ? tried[l] : best[l];
      least[l] = std::min(errors[l], least[l]);
    }
  }
}

/// codes[lane * kSub + i]: the nearest code's magnitude, ties to the smaller.
void magnitude_codes(const Tile& tile, Lanes h, std::uint8_t* codes) noexcept {
  for (std::size_t first = 0; first < kSub; first += 8) {
    Lanes q[8];
    for (std::size_t i = 0; i < 8; ++i) {
      const Lanes x = fit::abs(tile.x[first + i]);
      q[i] = fit::all(0);
      for (const float middle : {0.5F, 1.5F, 2.5F, 3.5F, 5.0F, 7.0F, 10.0F}) {
        q[i] = q[i] + fit::select(x > fit::all(middle) * h, fit::all(1), fit::all(0));
      }
    }
    fit::store_bytes(q, codes + first, kSub);
  }
}

/// Lays a sub-block out; never the code 8, the minus zero.
void pack(const float* x, const std::uint8_t* codes, int scale, std::size_t sub,
          std::byte* block) noexcept {
  base::store_u8(block + sub, static_cast<unsigned>(scale));
  const auto code = [&](std::size_t i) {
    const unsigned minus = static_cast<unsigned>(x[i] < 0) & static_cast<unsigned>(codes[i] != 0);
    return codes[i] | minus << 3;
  };
  for (std::size_t j = 0; j < 8; ++j) {
    base::store_u8(block + kCodes + 8 * sub + j, code(j) | code(8 + j) << 4);
  }
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  const auto halves = all_half_scales();
  const auto u = fit::relative_importance(in, kElems);
  Tile tile;
  fit::for_each_tile<kSub>(in, u, [&](const auto& source, std::size_t first, std::size_t count) {
    fit::load_tile(source, 1, fit::Weighting{}, tile);
    int scales[fit::kLanes] = {};
    choose_scales(tile, halves, scales);
    std::uint8_t codes[fit::kLanes * kSub];
    magnitude_codes(tile, scales_of(tile, scales, halves), codes);
    for (std::size_t l = 0; l < count; ++l) {
      constexpr std::size_t kSubs = kElems / kSub;
      pack(source.x[l], codes + l * kSub, scales[l], (first + l) % kSubs,
           out.data() + (first + l) / kSubs * kBytes);
    }
  });
}

/// Scale bytes have no sign; programs disagree on what one with its top bit set means.
std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  for (std::size_t b = 0; b < cols / kElems; ++b) {
    for (std::size_t sub = 0; sub < kElems / kSub; ++sub) {
      if (base::load_u8(in.data() + b * kBytes + sub) > 0x7f) {
        return BadBlock{.block = b, .offset = b * kBytes + sub, .what = "scale has a sign bit"};
      }
    }
  }
  return std::nullopt;
}

}  // namespace

const Codec nvfp4{.id = 40,
                  .name = "nvfp4",
                  .family = Family::nonlinear,
                  .readers = Readers::mainline_only,
                  .block_elems = kElems,
                  .block_bytes = kBytes,
                  .spec = "docs/spec/types/basic.md, NVFP4",
                  .decode = decode_each<kElems, kBytes, decode_block>,
                  .encode = encode,
                  .check = check};
}  // namespace quant
