#include "quant/legacy/blocks.h"

#include <array>

#include "quant/fit/affine.h"
#include "quant/fit/clear_if_worse.h"
#include "quant/fit/stored.h"
#include "quant/fit/symmetric.h"

namespace quant::legacy {
namespace {

using fit::AffineTrial;
using fit::Lanes;
using fit::StoredScales;
using fit::Tile;

/// Trials from 10 % below to 40 % above the absmax scale: with importance the largest weight is
/// often worth cutting off. At 8 bits fewer trials, as the error is small and speed is expected.
struct BlockPlan {
  fit::SymmetricPlan scales;
  bool neighbours;  ///< the f16 numbers next to the best scale are weighed, too
};
BlockPlan symmetric_plan(Effort effort, float high) {
  if (high > 100) {
    if (effort == Effort::fast) {
      return {.scales = {.first = -1, .step = 1, .count = 1, .polish = 0}, .neighbours = false};
    }
    return {.scales = {.first = -5, .step = 4, .count = 2, .polish = 0}, .neighbours = false};
  }
  if (effort == Effort::fast) {
    return {.scales = {.first = -0.06f * high, .step = 0.03f * high, .count = 8, .polish = 1},
            .neighbours = true};
  }
  return {.scales = {.first = -0.1f * high, .step = 0.02f * high, .count = 25, .polish = 2},
          .neighbours = true};
}

/// `scale` as f16, or the f16 beside it that loses less.
StoredScales settle_scale(const Tile<kElems>& tile, const SymmetricFormat& format, Lanes scale,
                          bool neighbours) {
  StoredScales best = fit::store_scales(scale, tile.unit, 0);
  if (!neighbours) return best;
  Lanes error = fit::symmetric_error(tile, best.value, format.low, format.high);
  for (const int step : {-1, 1}) {
    const StoredScales other = fit::store_scales(scale, tile.unit, step);
    const Lanes changed = fit::symmetric_error(tile, other.value, format.low, format.high);
    best = fit::select(changed < error, other, best);
    error = fit::min(error, changed);
  }
  return best;
}

/// Trials of Stretches by Shifts, evenly spaced: stretch -1 to 1, shift -0.5 to 1.
template <int Stretches, int Shifts>
constexpr auto affine_trials() {
  std::array<AffineTrial, std::size_t{Stretches} * Shifts> trials{};
  std::size_t at = 0;
  for (int i = 0; i < Stretches; ++i) {
    for (int j = 0; j < Shifts; ++j) {
      trials[at++] = {.stretch = -1 + 2 * static_cast<float>(i) / (Stretches - 1),
                      .shift = -0.5f + 1.5f * static_cast<float>(j) / (Shifts - 1)};
    }
  }
  return trials;
}
constexpr auto kTrials = affine_trials<8, 6>();
constexpr auto kFastTrials = affine_trials<5, 4>();

struct StoredAffine {
  StoredScales scale, offset;
  Lanes error;
};

StoredAffine store_affine(const Tile<kElems>& tile, const fit::AffineFit& fitted, float high,
                          int step) {
  StoredAffine s{
      .scale = fit::store_scales(fitted.scale, tile.unit, step), .offset = {}, .error = {}};
  // The offset that suits the rounded scale.
  s.offset = fit::store_scales(fitted.offset, tile.unit, 0);
  s.error = fit::affine_error(tile, s.scale.value, s.offset.value, high);
  return s;
}

}  // namespace

std::optional<BadBlock> check_scales(std::span<const std::byte> in, std::size_t block_bytes,
                                     std::size_t fields) noexcept {
  for (std::size_t b = 0; b < in.size() / block_bytes; ++b) {
    for (std::size_t f = 0; f < fields; ++f) {
      const std::size_t offset = b * block_bytes + 2 * f;
      // An exponent of all ones; to convert every scale costs q8_0 4 % of its time.
      if ((base::load_u16(in.data() + offset) & 0x7c00) == 0x7c00) {
        return BadBlock{.block = b,
                        .offset = offset,
                        .what = f == 0 ? "scale is not finite" : "offset is not finite"};
      }
    }
  }
  return std::nullopt;
}

void encode_symmetric(const EncodeInput& in, std::span<std::byte> out,
                      const SymmetricFormat& format) {
  const auto u = fit::relative_importance(in, kElems);
  const auto plan = symmetric_plan(in.effort, format.high);
  Tile<kElems> tile;
  fit::for_each_tile<kElems>(in, u, [&](const auto& source, std::size_t first, std::size_t count) {
    fit::load_tile(source, 1, fit::Weighting{}, tile);
    const auto fitted = fit::fit_symmetric(tile, format.low, format.high, plan.scales);
    const StoredScales best = settle_scale(tile, format, fitted.scale, plan.neighbours);
    std::uint8_t codes[fit::kLanes * kElems];
    fit::symmetric_codes(tile, best.value, format.low, format.high, codes);
    for (std::size_t l = 0; l < count; ++l) {
      format.pack(best.bits[l], codes + l * kElems, out.data() + (first + l) * format.block_bytes);
    }
  });
}

void encode_affine(const EncodeInput& in, std::span<std::byte> out, const AffineFormat& format) {
  const auto u = fit::relative_importance(in, kElems);
  const fit::AffinePlan plan = in.effort == Effort::fast
                                   ? fit::AffinePlan{.trials = kFastTrials, .polish = 1}
                                   : fit::AffinePlan{.trials = kTrials, .polish = 3};
  // An offset moves all weights: a huge one without importance can spoil the others.
  const bool doubtful = !in.importance.empty() && fit::was_floored(u);
  Tile<kElems> tile;
  fit::for_each_tile<kElems>(in, u, [&](const auto& source, std::size_t first, std::size_t count) {
    fit::load_tile(source, 1, fit::Weighting{}, tile);
    const auto basis = fit::affine_basis(tile);
    const auto fitted = fit::fit_affine(tile, basis, format.high, fit::Offset::any, plan);
    // Zero everywhere is the fallback where no f16 pair comes near.
    StoredAffine best{.scale = fit::store_scales(fit::all(0), tile.unit, 0),
                      .offset = fit::store_scales(fit::all(0), tile.unit, 0),
                      .error = fit::affine_error(tile, fit::all(0), fit::all(0), format.high)};
    for (const int step : {0, -1, 1}) {
      const StoredAffine s = store_affine(tile, fitted, format.high, step);
      const fit::Mask better = s.error < best.error;
      best.scale = fit::select(better, s.scale, best.scale);
      best.offset = fit::select(better, s.offset, best.offset);
      best.error = fit::min(s.error, best.error);
    }
    std::uint8_t codes[fit::kLanes * kElems];
    fit::affine_codes(tile, best.scale.value, best.offset.value, format.high, codes);
    for (std::size_t l = 0; l < count; ++l) {
      const auto to = out.subspan((first + l) * format.block_bytes, format.block_bytes);
      format.pack(best.scale.bits[l], best.offset.bits[l], codes + l * kElems, to.data());
      if (!doubtful) continue;
      const float* importance = in.importance.data() + (source.u[l] - u.data());
      clear_if_worse<kElems>(format.decode, source.x[l], importance, to);
    }
  });
}

}  // namespace quant::legacy
