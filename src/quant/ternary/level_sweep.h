// Optimal scale of a few integer levels: -1, 0, 1 (ternary) or -1, 0, 1, 2.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace quant {

/// Largest integer level; the smallest is -1.
enum class TopLevel : std::uint8_t { one = 1, two = 2 };

/// The scale d > 0 that minimises sum w (x - d q)^2 over d and all codes q of -1, 0, 1. Every code
/// changes at a known scale only, so a sweep over these sees every optimum; they are sorted only
/// where the best can be. 0 if nothing gains. Source: docs/spec/types/basic.md, TQ1_0.
double best_scale(std::span<const float> x, std::span<const double> w);

/// The magnitude of weights that are all -a, 0 or a, as those are that ternary formats were made
/// for; 0 of others and of zeros.
float only_magnitude(std::span<const float> x) noexcept;

/// codes[i] = 1 + the nearest level of x[i] at scale d, ties to the even level; 1 at scale 0.
void nearest_levels(std::span<const float> x, float d, TopLevel top,
                    std::span<std::uint8_t> codes) noexcept;

/// Objective weights: the importance, floored at a millionth of its mean; 1 if `importance` is
/// empty or all zero.
std::vector<double> objective_weights(std::span<const float> importance, std::size_t n);

}  // namespace quant
