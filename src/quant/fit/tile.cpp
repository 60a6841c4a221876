#include "quant/fit/tile.h"

#include <algorithm>

namespace quant::fit {

namespace {
// Relative to the largest importance of the block. Small enough not to move a scale, large enough
// that columns which were never active still decide their own codes and their own blocks.
constexpr double kFloor = 1e-6;
}  // namespace

std::vector<float> relative_importance(const EncodeInput& in, std::size_t segment) {
  std::vector<float> u(in.cols, 1.0f);
  if (in.importance.empty()) return u;
  for (std::size_t first = 0; first < in.cols; first += segment) {
    const auto v = in.importance.subspan(first, segment);
    const double largest = *std::ranges::max_element(v);
    if (!(largest > 0)) continue;
    for (std::size_t i = 0; i < segment; ++i) {
      u[first + i] = static_cast<float>(std::max(static_cast<double>(v[i]) / largest, kFloor));
    }
  }
  return u;
}

}  // namespace quant::fit
