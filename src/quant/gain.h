// What a weight means in a product: the one place that knows it. Everything that compares,
// encodes or multiplies decoded weights goes through here or through the kernels.
#pragma once

#include <span>

#include "quant/codec.h"

namespace quant {

/// Turns decoded weights into what matrix products see: times codec.product_gain. In a conversion
/// of weights that are looked up, give the format that they are to have.
inline void apply_product_gain(const Codec& codec, std::span<float> decoded) noexcept {
  if (codec.product_gain == 1.0F) return;
  for (float& x : decoded) x *= codec.product_gain;
}

}  // namespace quant
