#include "quant/fit/column_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace quant::fit {

std::vector<float> column_weights(std::span<const float> importance) {
  // Bits of floats >= 0 are in the order of their values; integers are compared eight at once.
  std::int32_t largest_bits = 0;
  for (const float v : importance) {
    largest_bits = std::max(largest_bits, std::bit_cast<std::int32_t>(v));
  }
  const auto largest = std::bit_cast<float>(largest_bits);
  if (!(largest > 0)) return {};
  // In two steps, as 2^149 is no f32.
  const int up = -std::ilogb(largest);
  const float half = std::ldexp(1.0F, up / 2), rest = std::ldexp(1.0F, up - up / 2);
  std::vector<float> out(importance.size());
  std::transform(importance.begin(), importance.end(), out.begin(),
                 [&](float v) { return v * half * rest; });
  return out;
}

}  // namespace quant::fit
