#include "base/finite.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace base {

float largest_magnitude(std::span<const float> x) noexcept {
  // Bits are in the order of magnitudes, with an exponent of all ones for NaN and infinity; the
  // loop has no branch, so it is vectorised.
  std::uint32_t largest = 0;
  for (const float v : x) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(v) & 0x7fffffffU);
  }
  return std::bit_cast<float>(largest);
}

std::optional<std::size_t> first_not_finite(std::span<const float> x) noexcept {
  if (std::isfinite(largest_magnitude(x))) return std::nullopt;
  const auto it = std::find_if(x.begin(), x.end(), [](float v) { return !std::isfinite(v); });
  return static_cast<std::size_t>(it - x.begin());
}

std::string_view not_finite_text(float x) noexcept {
  return std::isnan(x) ? "not a number" : "infinite";
}

}  // namespace base
