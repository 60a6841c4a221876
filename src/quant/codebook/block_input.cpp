#include "quant/codebook/block_input.h"

#include <algorithm>
#include <cmath>

namespace quant {
namespace {

constexpr float kLargest = 1e9F;
constexpr float kSmallest = 1e-9F;        // an f16 scale cannot tell smaller peaks from zero
constexpr double kSmallestWeight = 1e-6;  // relative to the mean: columns never reached stay tame

/// w = importance relative to its mean, floored; all 1 without importance.
void set_importance(const float* importance, float* w) noexcept {
  double total = 0;
  if (importance != nullptr) {
    for (std::size_t i = 0; i < kSuperBlock; ++i) total += static_cast<double>(importance[i]);
  }
  if (importance == nullptr || total == 0) {
    std::fill_n(w, kSuperBlock, 1.0F);
    return;
  }
  const double inverse = static_cast<double>(kSuperBlock) / total;
  for (std::size_t i = 0; i < kSuperBlock; ++i) {
    w[i] =
        static_cast<float>(std::max(static_cast<double>(importance[i]) * inverse, kSmallestWeight));
  }
}

}  // namespace

void prepare_block(const float* x, const float* importance, BlockInput& out) noexcept {
  float peak = 0;
  for (std::size_t i = 0; i < kSuperBlock; ++i) {
    out.magnitude[i] = std::min(std::fabs(x[i]), kLargest);
    peak = std::max(peak, out.magnitude[i]);
  }
  for (std::size_t v = 0; v < kSuperBlock / 8; ++v) {
    unsigned mask = 0;
    for (unsigned k = 0; k < 8; ++k) mask |= (x[8 * v + k] < 0 ? 1U : 0U) << k;
    out.negative[v] = static_cast<std::uint8_t>(mask);
  }
  out.zero = peak < kSmallest;
  if (out.zero) return;
  const int exponent = std::ilogb(peak);
  out.unit = std::ldexp(1.0F, exponent);
  const float inverse = std::ldexp(1.0F, -exponent);
  for (float& m : out.magnitude) m *= inverse;
  out.weighted = importance != nullptr;
  set_importance(importance, out.weight);
}

}  // namespace quant
