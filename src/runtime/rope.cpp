#include "runtime/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace runtime {
namespace {

/// Pair index, not rounded, at which a rotation completes `turns` turns within the original
/// context.
float corner(const model::RopePlan& plan, float turns) {
  const float n_rot = static_cast<float>(plan.n_rot);
  const float ctx = static_cast<float>(plan.n_ctx_orig);
  return n_rot * std::log(ctx / (turns * 2.0F * std::numbers::pi_v<float>)) /
         (2.0F * std::log(plan.base));
}

/// Between these pairs YaRN goes over from extrapolation to interpolation.
struct Corners {
  float lo = 0, hi = 0;
};
Corners corners(const model::RopePlan& plan) {
  float lo = corner(plan, plan.beta_fast);
  float hi = corner(plan, plan.beta_slow);
  if (plan.round_corners) {
    lo = std::floor(lo);
    hi = std::ceil(hi);
  }
  return {std::max(0.0F, lo), std::min(static_cast<float>(plan.n_rot) - 1.0F, hi)};
}

}  // namespace

void rope_angles(const model::RopePlan& plan, const float* divisors, std::size_t position,
                 std::span<float> out) {
  const float n_rot = static_cast<float>(plan.n_rot);
  const float step = std::pow(plan.base, -2.0F / n_rot);
  const bool yarn = plan.ext_factor != 0.0F;
  const Corners at = yarn ? corners(plan) : Corners{};
  float magnitude = plan.attn_factor;
  if (yarn) magnitude *= 1.0F + 0.1F * std::log(1.0F / plan.freq_scale);
  float theta = static_cast<float>(position);
  for (std::size_t i = 0; i < plan.n_rot / 2; ++i) {
    const float extrapolated = divisors != nullptr ? theta / divisors[i] : theta;
    float angle = plan.freq_scale * extrapolated;
    if (yarn) {
      const float ramp = (static_cast<float>(i) - at.lo) / std::max(0.001F, at.hi - at.lo);
      const float mix = (1.0F - std::clamp(ramp, 0.0F, 1.0F)) * plan.ext_factor;
      angle = angle * (1.0F - mix) + extrapolated * mix;
    }
    out[2 * i] = std::cos(angle) * magnitude;
    out[2 * i + 1] = std::sin(angle) * magnitude;
    theta *= step;
  }
}

void rope_rotate(model::RopeKind kind, const float* angles, std::size_t n_rot,
                 float* head) noexcept {
  if (kind == model::RopeKind::none) return;
  const bool neox = kind == model::RopeKind::neox;
  const std::size_t first_step = neox ? 1 : 2;
  const std::size_t partner = neox ? n_rot / 2 : 1;
  for (std::size_t i = 0; i < n_rot / 2; ++i) {
    float& a = head[i * first_step];
    float& b = head[i * first_step + partner];
    const float u = a;
    const float v = b;
    const float c = angles[2 * i];
    const float s = angles[2 * i + 1];
    a = u * c - v * s;
    b = u * s + v * c;
  }
}

}  // namespace runtime
