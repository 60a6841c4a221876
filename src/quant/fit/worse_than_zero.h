// The promise of every encoder: no error above that of zeros. Knows nothing of formats.
#pragma once

#include <cstddef>

namespace quant {

/// True if `y` misses the weights `x` by more than zeros would, weighted by the importance as given
/// (null: all alike). Freak rows only: hidden columns with huge weights, weights so small that
/// their scale has hardly a digit.
bool worse_than_zero(const float* x, const float* y, const float* importance,
                     std::size_t n) noexcept;

}  // namespace quant
