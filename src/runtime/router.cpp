#include "runtime/router.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace runtime {
namespace {

using model::Gating;

void softmax(std::span<float> x) {
  const float top = *std::max_element(x.begin(), x.end());
  float sum = 0.0F;
  for (float& v : x) {
    v = std::exp(v - top);
    sum += v;
  }
  for (float& v : x) v /= sum;
}

std::vector<float> probabilities(Gating gating, std::span<const float> logits) {
  std::vector<float> p(logits.begin(), logits.end());
  switch (gating) {
    case Gating::softmax:
      softmax(p);
      break;
    case Gating::sigmoid:
      for (float& v : p) v = 1.0F / (1.0F + std::exp(-v));
      break;
    case Gating::softmax_of_selected:
      break;
    case Gating::sqrt_softplus:
      for (float& v : p) v = std::sqrt(v > 20.0F ? v : std::log1p(std::exp(v)));
      break;
  }
  return p;
}

/// Orders by value, ties to the higher index.
struct Better {
  const std::vector<float>& value;
  bool operator()(std::uint32_t a, std::uint32_t b) const {
    return value[a] != value[b] ? value[a] > value[b] : a > b;
  }
};

std::vector<std::uint32_t> best(const std::vector<float>& value, std::size_t n) {
  std::vector<std::uint32_t> order(value.size());
  std::iota(order.begin(), order.end(), 0U);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n), order.end(),
                    Better{value});
  order.resize(n);
  return order;
}

/// Leaves only the best groups; a group counts by its two largest scores.
void limit_groups(const model::MoePlan& plan, std::vector<float>& score) {
  const std::size_t size = plan.n_expert / plan.n_group;
  std::vector<float> group(plan.n_group);
  for (std::size_t g = 0; g < plan.n_group; ++g) {
    std::vector<float> members(score.begin() + static_cast<std::ptrdiff_t>(g * size),
                               score.begin() + static_cast<std::ptrdiff_t>((g + 1) * size));
    const std::size_t two = std::min<std::size_t>(2, size);
    std::partial_sort(members.begin(), members.begin() + static_cast<std::ptrdiff_t>(two),
                      members.end(), std::greater<>());
    group[g] =
        std::accumulate(members.begin(), members.begin() + static_cast<std::ptrdiff_t>(two), 0.0F);
  }
  std::vector<bool> keep(plan.n_group, false);
  for (const std::uint32_t g : best(group, plan.n_group_used)) keep[g] = true;
  for (std::size_t e = 0; e < score.size(); ++e) {
    if (!keep[e / size]) score[e] = -std::numeric_limits<float>::infinity();
  }
}

}  // namespace

void route(const model::MoePlan& plan, std::span<const float> logits, const float* bias,
           std::span<std::uint32_t> experts, std::span<float> weights) {
  const std::vector<float> p = probabilities(plan.gating, logits);
  std::vector<float> score = p;
  if (bias != nullptr) {
    for (std::size_t e = 0; e < score.size(); ++e) score[e] += bias[e];
  }
  if (plan.n_group > 1) limit_groups(plan, score);
  const std::vector<std::uint32_t> chosen = best(score, experts.size());
  std::copy(chosen.begin(), chosen.end(), experts.begin());
  for (std::size_t i = 0; i < chosen.size(); ++i) weights[i] = p[chosen[i]];
  if (plan.gating == Gating::softmax_of_selected) softmax(weights);
  if (plan.normalise) {
    const float sum = std::accumulate(weights.begin(), weights.end(), 0.0F);
    if (sum != 0.0F) {
      for (float& w : weights) w /= sum;
    }
  }
  if (plan.weight_scale != 0.0F && plan.weight_scale != 1.0F) {
    for (float& w : weights) w *= plan.weight_scale;
  }
}

}  // namespace runtime
