// What an error in each column is worth, for encoders that weigh whole rows by it as it is. Knows
// nothing of formats.
#pragma once

#include <span>
#include <vector>

namespace quant::fit {

/// The importance of the columns times the power of two that brings the largest into [1, 2), so
/// that sums over a row stay far from the ends of f32; its proportions are exact. Empty where there
/// is none, or only zeros: all columns count alike.
std::vector<float> column_weights(std::span<const float> importance);

}  // namespace quant::fit
