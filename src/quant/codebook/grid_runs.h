// The grids of vectors of four as runs of entries with the same upper half, known when compiled, so
// that a scan over them is a straight line of maxima.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "quant/codebook/scan.h"

namespace quant {

/// Entries first[h] .. first[h + 1] - 1 have upper half h; lo names the lower half of each.
template <std::size_t N>
struct GridRuns {
  static constexpr std::size_t kHalves = 64;
  std::array<std::uint16_t, kHalves + 1> first{};
  std::array<std::uint8_t, N> lo{};
};

namespace detail {

/// `values`: N vectors of four, each value one of `levels` times `unit`; ascending with the upper
/// half.
template <std::size_t N, std::size_t L>
constexpr GridRuns<N> make_runs(const std::array<std::int8_t, 4 * N>& values,
                                const std::array<float, L>& levels, float unit) {
  GridRuns<N> out;
  const auto digit = [&](std::size_t at) {
    unsigned d = 0;
    while (levels[d] * unit != static_cast<float>(values[at])) ++d;
    return d;
  };
  for (std::size_t n = 0; n < N; ++n) {
    out.lo[n] = static_cast<std::uint8_t>(digit(4 * n) + L * digit(4 * n + 1));
    const std::size_t hi = digit(4 * n + 2) + L * digit(4 * n + 3);
    for (std::size_t h = hi + 1; h <= GridRuns<N>::kHalves; ++h) ++out.first[h];
  }
  return out;
}

inline constexpr std::array<std::int8_t, 4 * 256> kValues3xxs = {
#include "quant/codebook/data/iq3xxs_grid.txt.inc"
};
inline constexpr std::array<std::int8_t, 4 * 512> kValues3s = {
#include "quant/codebook/data/iq3s_grid.txt.inc"
};

}  // namespace detail

inline constexpr auto kRuns3xxs = detail::make_runs<256>(detail::kValues3xxs, kLevels3xxs, 4);
inline constexpr auto kRuns3s = detail::make_runs<512>(detail::kValues3s, kLevels3s, 1);

/// The best entry, as scan. A run is worth its upper value plus the largest lower one, so an entry
/// costs one maximum. Lower values carry their half in their last six bits, so the maximum knows
/// its place (entries closer than 2^-17 of a value count as equal). The value is exact for the
/// entry chosen.
template <const auto& kRuns>
Best scan_runs(const F8* lo, const F8* hi) noexcept {
  constexpr std::size_t kHalves = std::decay_t<decltype(kRuns)>::kHalves;
  constexpr std::int32_t kPlace = kHalves - 1;
  F8 marked[kHalves];
  for (std::size_t i = 0; i < kHalves; ++i) {
    const I8 bits = (reinterpret_cast<I8>(lo[i]) & ~kPlace) | static_cast<std::int32_t>(i);
    marked[i] = reinterpret_cast<F8>(bits);
  }
  F8 best = splat(-3e38F);
  I8 run = splat(0), inside = splat(0);
  const auto weigh = [&]<std::size_t H>(std::integral_constant<std::size_t, H>) {
    constexpr std::size_t kFirst = kRuns.first[H], kCount = kRuns.first[H + 1] - kFirst;
    if constexpr (kCount > 0) {
      F8 most = marked[kRuns.lo[kFirst]];
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        ((most = max(marked[kRuns.lo[kFirst + 1 + I]], most)), ...);
      }
      (std::make_index_sequence<kCount - 1>());
      const F8 value = most + hi[H];
      const I8 better = value > best;
      best = better ? value : best;
      inside = better ? reinterpret_cast<I8>(most) : inside;
      run = better ? splat(static_cast<std::int32_t>(H)) : run;
    }
  };
  [&]<std::size_t... H>(std::index_sequence<H...>) {
    (weigh(std::integral_constant<std::size_t, H>()), ...);
  }
  (std::make_index_sequence<kHalves>());
  Best out{};
  for (int g = 0; g < kLanes; ++g) {
    const auto h = static_cast<std::size_t>(run[g]);
    const auto i = static_cast<std::size_t>(inside[g] & kPlace);
    out.value[g] = lo[i][g] + hi[h][g];
    std::size_t n = kRuns.first[h];
    while (kRuns.lo[n] != i) ++n;
    out.index[g] = static_cast<std::int32_t>(n);
  }
  return out;
}

}  // namespace quant
