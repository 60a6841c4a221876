// The level tables of the non-linear formats, and the nearest level of eight values at once.
// Every table has a plain and a shifted half, shifted = plain + a constant, so a search for the
// shifted half is one for the plain half with the constant subtracted. Sources:
// docs/spec/types/iqk.md, section 2 and docs/spec/types/basic.md, IQ4_NL.
#pragma once

#include <array>

#include "quant/iqk/lanes.h"

namespace quant {

// Each table carries a `warp`: a smooth f(v) = w0 + v (w1 + w2 |v| + w3 v) fitted so that f of the
// midpoint between levels k and k + 1 is k + 1, within 0.3. For v between the first and the last
// level, trunc(f(v)) is then the nearest level's code, off by at most one, and only for v close to
// a midpoint.

struct LevelsT2 {
  static constexpr std::array<float, 4> kLevel{-31, -13, 1, 17};
  static constexpr std::array<float, 4> kWarp{2.4022277F, 0.068275578F, -0.00020627063F, 0};
};

struct LevelsT3 {
  static constexpr std::array<float, 8> kLevel{-63, -40, -23, -10, 1, 13, 28, 47};
  static constexpr std::array<float, 4> kWarp{4.3663512F, 0.088651044F, -0.00046567523F, 0};
};

struct LevelsT4 {
  static constexpr std::array<float, 16> kLevel{-127, -104, -83, -65, -49, -35, -22, -10,
                                                1,    13,   25,  38,  53,  69,  89,  113};
  static constexpr std::array<float, 4> kWarp{8.3437535F, 0.089846664F, -0.0002315851F, 0};
};

struct LevelsT5 {
  static constexpr std::array<float, 64> kBothHalves{
#include "quant/iqk/data/iq5nl_values.txt.inc"
  };
  static constexpr std::array<float, 32> kLevel = [] {
    std::array<float, 32> plain{};
    for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = kBothHalves[i];
    return plain;
  }();
  static constexpr std::array<float, 4> kCubic{-125.75127F, 12.3782F, -0.43748728F, 0.0095167259F};
  static constexpr std::array<float, 4> kWarp{16.546907F, 0.18059026F, -0.00045266315F,
                                              -3.2077746e-5F};
};

struct LevelsT6 {
  static constexpr std::array<float, 128> kBothHalves{
#include "quant/iqk/data/iq6nl_values.txt.inc"
  };
  static constexpr std::array<float, 64> kLevel = [] {
    std::array<float, 64> plain{};
    for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = kBothHalves[i];
    return plain;
  }();
  static constexpr std::array<float, 4> kCubic{-127.16591F, 6.2805543F, -0.11305278F,
                                               0.0012064052F};
  static constexpr std::array<float, 4> kWarp{33.235836F, 0.37092991F, -0.00095345366F,
                                              -7.1284064e-5F};
};

// Tables with a `cubic` are its values at the codes, rounded.

/// True if the rounded cubic is the table, with room for the rounding of floats.
template <class T>
constexpr bool cubic_fits() noexcept {
  for (std::size_t k = 0; k < T::kLevel.size(); ++k) {
    const auto c = static_cast<float>(k);
    const float off =
        T::kCubic[0] + c * (T::kCubic[1] + c * (T::kCubic[2] + c * T::kCubic[3])) - T::kLevel[k];
    if (off < -0.47F || off > 0.47F) return false;
  }
  return true;
}

template <class T>
constexpr float warp(float v) noexcept {
  return T::kWarp[0] + v * (T::kWarp[1] + T::kWarp[2] * (v < 0 ? -v : v) + T::kWarp[3] * v);
}

/// True if trunc(warp) is the nearest level's code up to one, and never outside the table.
template <class T>
constexpr bool warp_fits() noexcept {
  constexpr std::size_t kCount = T::kLevel.size();
  constexpr float kEnd = static_cast<float>(kCount);
  const float low = warp<T>(T::kLevel.front()), high = warp<T>(T::kLevel.back());
  if (low < 0 || low > 1 || high < kEnd - 1 || high >= kEnd) return false;
  for (std::size_t k = 0; k + 1 < kCount; ++k) {
    const float off = warp<T>((T::kLevel[k] + T::kLevel[k + 1]) / 2) - static_cast<float>(k + 1);
    if (off < -0.35F || off > 0.35F) return false;
  }
  return true;
}

namespace lanes {

/// Entry `index` (below N, a multiple of 4) of a table of N floats, by lanes.
template <std::size_t N>
F8 pick_from(const std::array<float, N>& table, I8 index) noexcept {
  const auto part = [&](std::size_t i) {
    F8 out{};
    for (std::size_t k = 0; k < 8; ++k) out[k] = table[(8 * i + k) % N];
    return out;
  };
  if constexpr (N <= 8) {
    return pick(part(0), index);
  } else {
    F8 out = pick(part(0), index);
    for (std::size_t i = 1; i < N / 8; ++i) {
      out = index >= splat(static_cast<std::int32_t>(8 * i)) ? pick(part(i), index) : out;
    }
    return out;
  }
}

/// Code of the nearest level of the plain half, or its neighbour where v is close to the middle.
template <class T>
I8 rough_code(F8 v) noexcept {
  static_assert(warp_fits<T>());
  v = max(min(v, splat(T::kLevel.back())), splat(T::kLevel.front()));
  F8 slope = fused(splat(T::kWarp[2]), abs(v), splat(T::kWarp[1]));
  if constexpr (T::kWarp[3] != 0) slope = fused(splat(T::kWarp[3]), v, slope);
  return truncate(fused(v, slope, splat(T::kWarp[0])));
}

/// Level of a code of the plain half.
template <class T>
F8 level_of(I8 code) noexcept {
  if constexpr (requires { T::kCubic; }) {
    static_assert(cubic_fits<T>());
    const F8 c = to_float(code);
    const F8 upper = fused(c, splat(T::kCubic[3]), splat(T::kCubic[2]));
    return round(fused(c, fused(c, upper, splat(T::kCubic[1])), splat(T::kCubic[0])));
  } else {
    return pick_from(T::kLevel, code);
  }
}

/// Code of the nearest level of the plain half; ties go up.
template <class T>
I8 exact_code(F8 v) noexcept {
  constexpr std::size_t kCount = T::kLevel.size();
  constexpr auto kEnds = [] {  // kEnds[0][c], kEnds[1][c]: where code c begins and ends
    std::array<std::array<float, kCount>, 2> ends{};
    ends[0][0] = -0x1p100F;
    ends[1][kCount - 1] = 0x1p100F;
    for (std::size_t k = 0; k + 1 < kCount; ++k) {
      ends[1][k] = ends[0][k + 1] = (T::kLevel[k] + T::kLevel[k + 1]) / 2;
    }
    return ends;
  }();
  const I8 code = rough_code<T>(v);
  // A comparison gives -1 where it holds.
  return code + (v < pick_from(kEnds[0], code)) - (v >= pick_from(kEnds[1], code));
}

}  // namespace lanes
}  // namespace quant
