#include "quant/fit/tile.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace quant::fit {

namespace {
// Relative to the largest importance of the block. Small enough not to move a scale, large enough
// that columns which were never active still decide their own codes and their own blocks.
constexpr float kFloor = 1e-6F;
}  // namespace

std::vector<float> relative_importance(const EncodeInput& in, std::size_t segment) {
  std::vector<float> u(in.cols, 1.0f);
  if (in.importance.empty()) return u;
  for (std::size_t first = 0; first < in.cols; first += segment) {
    const auto v = in.importance.subspan(first, segment);
    // Bits of floats >= 0 are in the order of their values; integers are compared eight at once.
    std::int32_t bits = 0;
    for (const float value : v) bits = std::max(bits, std::bit_cast<std::int32_t>(value));
    const auto largest = std::bit_cast<float>(bits);
    if (!(largest > 0)) continue;
    float* to = u.data() + first;
    for (std::size_t i = 0; i < segment; ++i) to[i] = std::max(v[i] / largest, kFloor);
  }
  return u;
}

bool was_floored(std::span<const float> u) noexcept {
  return std::any_of(u.begin(), u.end(), [](float v) { return v <= kFloor; });
}

}  // namespace quant::fit
