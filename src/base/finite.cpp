#include "base/finite.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace base {

std::optional<std::size_t> first_not_finite(std::span<const float> x) noexcept {
  // An exponent of all ones is NaN or infinity; the loop has no branch, so it is vectorised.
  std::uint32_t largest = 0;
  for (const float v : x) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(v) & 0x7fffffffU);
  }
  if (largest < 0x7f800000U) return std::nullopt;
  const auto it = std::find_if(x.begin(), x.end(), [](float v) { return !std::isfinite(v); });
  return static_cast<std::size_t>(it - x.begin());
}

std::string_view not_finite_text(float x) noexcept {
  return std::isnan(x) ? "not a number" : "infinite";
}

}  // namespace base
