// The two encoders of the K-quants, made of the shared fits; a format adds its levels and layout.
#pragma once

#include "base/bytes.h"
#include "quant/codec.h"
#include "quant/fit/super_affine.h"
#include "quant/fit/super_symmetric.h"

namespace quant::kquant {

inline constexpr std::size_t kElems = 256;

/// A fitted super-block with sub-blocks of N elements, ready to be laid out.
template <std::size_t N>
struct AffineBlock {
  std::uint16_t d, dmin;  ///< f16
  std::uint8_t scale[kElems / N], min[kElems / N];
  std::uint8_t codes[kElems];
};
template <std::size_t N>
struct SymmetricBlock {
  std::uint16_t d;  ///< f16
  std::int8_t scale[kElems / N];
  std::uint8_t codes[kElems];  ///< q - low
};

template <std::size_t N>
struct AffineFormat {
  float high, max_scale;
  fit::Weighting weighting;
  std::size_t block_bytes;
  void (*pack)(const AffineBlock<N>& block, std::byte* out) noexcept;
};

template <std::size_t N>
void encode_affine(const EncodeInput& in, std::span<std::byte> out, const AffineFormat<N>& format,
                   const fit::SuperAffinePlan& plan) {
  constexpr std::size_t kBlocks = kElems / N;
  const auto u = fit::relative_importance(in, kElems);
  fit::Tile<N> tile;
  fit::for_each_tile<N>(in, u, [&](const auto& source, std::size_t first, std::size_t count) {
    fit::load_tile(source, kBlocks, format.weighting, tile);
    alignas(64) float sign[fit::kLanes], scale[fit::kLanes], min[fit::kLanes];
    fit::store(sign, fit::turn_positive_blocks<N, kBlocks>(tile));
    const auto s = fit::fit_super_affine(tile, format.high, format.max_scale, plan);
    std::uint8_t codes[fit::kLanes * N];
    fit::affine_codes(tile, s.step(), s.offset(), format.high, codes);
    fit::store(scale, s.scale);
    fit::store(min, s.min);
    for (std::size_t l = 0; l < count; l += kBlocks) {
      AffineBlock<N> block;
      const std::uint16_t turned = sign[l] < 0 ? 0x8000 : 0;
      block.d = s.d.bits[l] ^ turned;
      block.dmin = s.dmin.bits[l] ^ turned;
      for (std::size_t k = 0; k < kBlocks; ++k) {
        block.scale[k] = static_cast<std::uint8_t>(scale[l + k]);
        block.min[k] = static_cast<std::uint8_t>(min[l + k]);
      }
      std::memcpy(block.codes, codes + l * N, kElems);
      format.pack(block, out.data() + (first + l) / kBlocks * format.block_bytes);
    }
  });
}

template <std::size_t N>
struct SymmetricFormat {
  fit::SymmetricLevels levels;
  fit::Weighting weighting;
  std::size_t block_bytes;
  void (*pack)(const SymmetricBlock<N>& block, std::byte* out) noexcept;
};

template <std::size_t N>
void encode_symmetric(const EncodeInput& in, std::span<std::byte> out,
                      const SymmetricFormat<N>& format, const fit::SuperSymmetricPlan& plan) {
  constexpr std::size_t kBlocks = kElems / N;
  const auto u = fit::relative_importance(in, kElems);
  fit::Tile<N> tile;
  fit::for_each_tile<N>(in, u, [&](const auto& source, std::size_t first, std::size_t count) {
    fit::load_tile(source, kBlocks, format.weighting, tile);
    const auto s = fit::fit_super_symmetric(tile, format.levels, plan);
    std::uint8_t codes[fit::kLanes * N];
    fit::symmetric_codes(tile, s.step(), format.levels.low, format.levels.high, codes);
    alignas(64) float scale[fit::kLanes];
    fit::store(scale, s.scale);
    for (std::size_t l = 0; l < count; l += kBlocks) {
      SymmetricBlock<N> block;
      block.d = s.d.bits[l];
      for (std::size_t k = 0; k < kBlocks; ++k)
        block.scale[k] = static_cast<std::int8_t>(scale[l + k]);
      std::memcpy(block.codes, codes + l * N, kElems);
      format.pack(block, out.data() + (first + l) / kBlocks * format.block_bytes);
    }
  });
}

/// First block with a super-scale that is not finite; offsets of the f16 fields inside a block.
template <std::size_t Fields>
std::optional<BadBlock> check_super_scales(std::span<const std::byte> in, std::size_t block_bytes,
                                           const std::size_t (&fields)[Fields]) noexcept {
  for (std::size_t b = 0; b < in.size() / block_bytes; ++b) {
    for (const std::size_t field : fields) {
      const std::size_t offset = b * block_bytes + field;
      if (!std::isfinite(base::load_f16(in.data() + offset))) {
        return BadBlock{.block = b, .offset = offset, .what = "super-scale is not finite"};
      }
    }
  }
  return std::nullopt;
}

}  // namespace quant::kquant
