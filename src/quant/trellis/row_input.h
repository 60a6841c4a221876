// One row made ready for a trellis search.
#pragma once

#include <vector>

#include "quant/codec.h"

namespace quant {

/// Weights divided by a power of two so that the largest magnitude lies in [1, 2), and objective
/// weights with mean 1, all above 0.
struct RowInput {
  std::vector<float> x, w;
  float unit = 1;         ///< original = x * unit
  bool zero = false;      ///< all elements are 0, or too small for a float scale
  bool weighted = false;  ///< there was importance
};

/// Row `r` of the input. Elements beyond 2e37 count as 2e37, so that no decoded value overflows.
/// The weight is the importance, floored at a millionth of its mean; 1 without importance.
RowInput prepare_row(const EncodeInput& in, std::size_t r);

}  // namespace quant
