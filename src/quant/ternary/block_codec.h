// What the ternary and 1- and 2-bit formats share around their blocks.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "quant/codec.h"
#include "quant/ternary/level_scales.h"
#include "quant/ternary/level_sweep.h"

namespace quant {

/// Bits of d as an f16 that is finite.
inline std::uint16_t finite_f16(double d) noexcept {
  return base::f32_to_f16(static_cast<float>(std::clamp(d, -65504.0, 65504.0)));
}

template <std::size_t Elems, std::size_t Bytes, void (*DecodeBlock)(const std::byte*, float*)>
void decode_each(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / Elems; ++b) {
    DecodeBlock(in.data() + b * Bytes, out.data() + b * Elems);
  }
}

/// StoreBlock gets the weights, the bits of their scale and a zeroed block. Nearest levels, zero
/// among them, are never worse than zeros.
template <std::size_t Elems, std::size_t Bytes, TopLevel Top,
          void (*StoreBlock)(std::span<const float>, std::uint16_t, std::byte*)>
void encode_each(const EncodeInput& in, std::span<std::byte> out) {
  std::ranges::fill(out, std::byte{0});
  const std::vector<float> u = fit::relative_importance(in, Elems);
  const auto tile = std::make_unique<fit::Tile<Elems>>();
  fit::for_each_tile<Elems>(
      in, u, [&](const fit::TileSource& from, std::size_t first, std::size_t count) {
        std::array<double, fit::kLanes> d{};
        bool all_ternary = true;
        for (std::size_t l = 0; l < count; ++l) {
          d[l] = static_cast<double>(only_magnitude({from.x[l], Elems}));
          all_ternary &= d[l] > 0;
        }
        if (!all_ternary) {
          fit::load_tile(from, 1, {}, *tile);
          alignas(64) float found[fit::kLanes];
          fit::store(found, LevelScales<Elems, Top>(*tile).run());
          for (std::size_t l = 0; l < count; ++l) {
            if (d[l] == 0)
              d[l] = static_cast<double>(found[l]) * static_cast<double>(tile->unit[l]);
          }
        }
        for (std::size_t l = 0; l < count; ++l) {
          StoreBlock({from.x[l], Elems}, finite_f16(d[l]), out.data() + (first + l) * Bytes);
        }
      });
}

template <std::size_t Elems, std::size_t Bytes, std::size_t Offset>
std::optional<BadBlock> check_each_f16(std::span<const std::byte> in, std::size_t cols) noexcept {
  for (std::size_t b = 0; b < cols / Elems; ++b) {
    if (!std::isfinite(base::load_f16(in.data() + b * Bytes + Offset))) {
      return BadBlock{.block = b, .offset = b * Bytes + Offset, .what = "scale is not finite"};
    }
  }
  return std::nullopt;
}

}  // namespace quant
