#include "quant/ternary/level_sweep.h"

#include <algorithm>
#include <cmath>

namespace quant {
namespace {

/// At scales below `at`, one element contributes these differences to sum w x q and sum w q^2.
struct Step {
  double at, linear, square;
};

/// Best gain (sum w x q)^2 / sum w q^2 over all scales for levels of the given sign.
struct Optimum {
  double gain = 0, scale = 0;
};

Optimum sweep(std::span<const float> x, std::span<const double> w, TopLevel top, double sign,
              std::vector<Step>& steps) {
  steps.clear();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = sign * static_cast<double>(x[i]);
    if (v == 0) continue;
    steps.push_back({2 * std::fabs(v), w[i] * std::fabs(v), w[i]});                     // 0 to +-1
    if (v > 0 && top == TopLevel::two) steps.push_back({v / 1.5, w[i] * v, 3 * w[i]});  // 1 to 2
  }
  std::ranges::sort(steps, [](const Step& a, const Step& b) { return a.at > b.at; });
  Optimum best;
  double linear = 0, square = 0;
  for (const Step& step : steps) {
    linear += step.linear;
    square += step.square;
    const double gain = linear * linear / square;
    if (gain > best.gain) best = {.gain = gain, .scale = linear / square};
  }
  return best;
}

}  // namespace

double best_scale(std::span<const float> x, std::span<const double> w, TopLevel top) {
  std::vector<Step> steps;
  steps.reserve(2 * x.size());
  const Optimum up = sweep(x, w, top, 1, steps);
  if (top == TopLevel::one) return up.scale;
  const Optimum down = sweep(x, w, top, -1, steps);
  return down.gain > up.gain ? -down.scale : up.scale;
}

int nearest_level(float x, float d, TopLevel top) noexcept {
  if (d == 0) return 0;
  const double ratio = static_cast<double>(x) / static_cast<double>(d);
  return static_cast<int>(std::clamp(std::nearbyint(ratio), -1.0, static_cast<double>(top)));
}

std::vector<double> objective_weights(std::span<const float> importance, std::size_t n) {
  double total = 0;
  for (const float v : importance) total += static_cast<double>(v);
  if (total == 0) return std::vector<double>(n, 1.0);
  const double least = 1e-6 * total / static_cast<double>(n);
  std::vector<double> w(importance.begin(), importance.end());
  for (double& v : w) v = std::max(v, least) / total;
  return w;
}

}  // namespace quant
