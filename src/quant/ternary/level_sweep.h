// Optimal scale of a few integer levels: -1, 0, 1 (ternary) or -1, 0, 1, 2.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace quant {

/// Largest integer level; the smallest is -1.
enum class TopLevel : std::uint8_t { one = 1, two = 2 };

/// The scale d that minimises sum w (x - d q)^2 over d and all codes q. Every code changes at known
/// scales only, so one sweep over the sorted thresholds sees every optimum. Negative d is tried
/// where the levels are lopsided. 0 if nothing gains. Source: docs/spec/types/basic.md, TQ1_0 and
/// Q2_0.
double best_scale(std::span<const float> x, std::span<const double> w, TopLevel top);

/// Nearest level of x at scale d; 0 at scale 0.
int nearest_level(float x, float d, TopLevel top) noexcept;

/// Objective weights: the importance, floored at a millionth of its mean; 1 if `importance` is
/// empty or all zero.
std::vector<double> objective_weights(std::span<const float> importance, std::size_t n);

}  // namespace quant
