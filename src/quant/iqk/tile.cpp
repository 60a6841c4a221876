#include "quant/iqk/tile.h"

#include <algorithm>
#include <cmath>

namespace quant {
namespace {
using lanes::F8, lanes::I8, lanes::abs, lanes::max, lanes::min, lanes::splat;

F8 load(const float* p) noexcept {
  F8 v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

}  // namespace

std::vector<float> scaled_importance(std::span<const float> importance, std::size_t cols) {
  double total = 0;
  for (const float v : importance) total += static_cast<double>(v);
  if (!(total > 0)) return std::vector<float>(cols, 1.0F);
  const double inverse_mean = static_cast<double>(cols) / total;
  std::vector<float> out(cols);
  for (std::size_t c = 0; c < cols; ++c) {
    out[c] = static_cast<float>(static_cast<double>(importance[c]) * inverse_mean);
  }
  return out;
}

bool has_hidden(std::span<const float> v) noexcept {
  constexpr float kLeast = 1e-5F;  // of the mean over the row
  F8 least = splat(1.0F);
  for (std::size_t i = 0; i < v.size(); i += lanes::kLanes) least = min(least, load(v.data() + i));
  return lanes::any(least < splat(kLeast));
}

float scale_down(std::span<const float> x, const float* v) noexcept {
  F8 peaks{}, anywhere{};
  for (std::size_t i = 0; i < x.size(); i += lanes::kLanes) {
    const F8 magnitude = abs(load(x.data() + i));
    peaks = load(v + i) > F8{} ? max(peaks, magnitude) : peaks;
    anywhere = max(anywhere, magnitude);
  }
  float peak = 0, peak_anywhere = 0;
  for (std::size_t lane = 0; lane < lanes::kLanes; ++lane) {
    peak = std::max(peak, peaks[lane]);
    peak_anywhere = std::max(peak_anywhere, anywhere[lane]);
  }
  if (peak < kNothing) peak = peak_anywhere;
  if (peak < kNothing) return 1;
  int exponent = 0;
  static_cast<void>(std::frexp(peak, &exponent));
  return std::ldexp(1.0F, -std::min(exponent, 120));  // so that the inverse is finite too
}

void fill_tile(std::span<const TileLane> from, std::size_t elems, Tile& tile) noexcept {
  // Against weights around 1: what no column of the sub-block needs must not move the others.
  constexpr float kDead = 1e-6F;
  const F8 limit = splat(256.0F);  // beyond it are only elements without weight
  tile.elems = elems;
  F8 down{}, peak{}, energy{}, used{};
  for (std::size_t lane = 0; lane < from.size(); ++lane) {
    down[lane] = from[lane].down;
    used[lane] = 1;
  }
  for (std::size_t j = 0; j < elems; ++j) {
    F8 x{}, v{};
    for (std::size_t lane = 0; lane < from.size(); ++lane) {
      x[lane] = from[lane].x[j];
      v[lane] = from[lane].v[j];
    }
    x = max(min(x * down, limit), -limit);
    tile.x[j] = x;
    tile.w[j] = v;
    tile.wx[j] = v * x;
    energy = energy + v * (x * x);
    peak = abs(x) > abs(peak) ? x : peak;
  }
  const I8 dead = energy < splat(1e-30F);
  F8 dead_energy{};
  for (std::size_t j = 0; j < elems; ++j) {
    tile.w[j] = dead ? used * splat(kDead) : tile.w[j];
    tile.wx[j] = dead ? tile.w[j] * tile.x[j] : tile.wx[j];
    dead_energy = dead_energy + tile.wx[j] * tile.x[j];
  }
  tile.energy = dead ? dead_energy : energy;
  tile.peak = peak;
}

}  // namespace quant
