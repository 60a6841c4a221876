// The two encoders of the K-quants, made of the shared fits; a format adds its levels and layout.
#pragma once

#include <algorithm>

#include "base/bytes.h"
#include "quant/codec.h"
#include "quant/fit/clear_if_worse.h"
#include "quant/fit/stretch.h"
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

/// For every lane the factor on its super-block's scales, given the errors of the sub-blocks: that
/// of weights without importance.
template <std::size_t N, std::size_t L>
void stretch_lanes(const fit::Tile<N>& tile, fit::Lanes errors,
                   float (&out)[fit::kLanes]) noexcept {
  fit::Lanes energies = fit::all(0);
  for (std::size_t i = 0; i < N; ++i) {
    energies = fit::fma(tile.w[i] * tile.x[i], tile.x[i], energies);
  }
  alignas(64) float error[fit::kLanes], energy[fit::kLanes];
  fit::store(error, fit::sum_groups<L>(errors));
  fit::store(energy, fit::sum_groups<L>(energies));
  for (std::size_t l = 0; l < fit::kLanes; ++l) {
    const double all = static_cast<double>(energy[l]);
    out[l] = fit::stretch(all, all - static_cast<double>(error[l]), false);
  }
}
inline std::uint16_t times(std::uint16_t f16, float factor) noexcept {
  return factor == 1 ? f16 : fit::finite_f16(base::f16_to_f32(f16) * factor);
}

template <std::size_t N>
struct AffineFormat {
  float high, max_scale;
  fit::Weighting weighting;
  bool stretched = false;  ///< without importance the super-scales get fit::stretch
  std::size_t block_bytes;
  void (*pack)(const AffineBlock<N>& block, std::byte* out) noexcept;
  decltype(Codec::decode) decode;
};

template <std::size_t N>
void encode_affine(const EncodeInput& in, std::span<std::byte> out, const AffineFormat<N>& format,
                   const fit::SuperAffinePlan& plan) {
  constexpr std::size_t kBlocks = kElems / N;
  const auto u = fit::relative_importance(in, kElems);
  // Mins move all weights of a sub-block: a huge one without importance, or one that tempering
  // counts for more, can spoil the others.
  const bool tempered = format.weighting.tempering >= 0;
  const bool doubtful = !in.importance.empty() && (tempered || fit::was_floored(u));
  fit::Tile<N> tile;
  fit::for_each_tile<N>(in, u, [&](const auto& source, std::size_t first, std::size_t count) {
    fit::load_tile(source, kBlocks, format.weighting, tile);
    alignas(64) float sign[fit::kLanes], scale[fit::kLanes], min[fit::kLanes];
    fit::store(sign, fit::turn_positive_blocks<N, kBlocks>(tile));
    const auto s = fit::fit_super_affine(tile, format.high, format.max_scale, plan);
    std::uint8_t codes[fit::kLanes * N];
    fit::affine_codes(tile, s.step(), s.offset(), format.high, codes);
    fit::store(scale, s.scale);
    float factor[fit::kLanes];
    std::fill_n(factor, fit::kLanes, 1.0f);
    if (format.stretched && in.importance.empty()) {
      stretch_lanes<N, kBlocks>(tile, s.error, factor);
    }
    fit::store(min, s.min);
    for (std::size_t l = 0; l < count; l += kBlocks) {
      AffineBlock<N> block;
      const std::uint16_t turned = sign[l] < 0 ? 0x8000 : 0;
      block.d = times(s.d.bits[l], factor[l]) ^ turned;
      block.dmin = times(s.dmin.bits[l], factor[l]) ^ turned;
      for (std::size_t k = 0; k < kBlocks; ++k) {
        block.scale[k] = static_cast<std::uint8_t>(scale[l + k]);
        block.min[k] = static_cast<std::uint8_t>(min[l + k]);
      }
      std::memcpy(block.codes, codes + l * N, kElems);
      const auto to = out.subspan((first + l) / kBlocks * format.block_bytes, format.block_bytes);
      format.pack(block, to.data());
      if (!doubtful) continue;
      const float* importance = in.importance.data() + (source.u[l] - u.data());
      clear_if_worse<kElems>(format.decode, source.x[l], importance, to);
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
