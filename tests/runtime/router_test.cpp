#include "runtime/router.h"

#include <cmath>

#include "support/support.h"

namespace runtime {
namespace {

using model::Gating;
using model::MoePlan;

struct Routed {
  std::vector<std::uint32_t> experts;
  std::vector<float> weights;
};

Routed routed(const MoePlan& plan, const std::vector<float>& logits, const float* bias = nullptr) {
  Routed r{std::vector<std::uint32_t>(plan.n_used), std::vector<float>(plan.n_used)};
  route(plan, logits, bias, r.experts, r.weights);
  return r;
}

TEST(Router, SoftmaxWeightsAreOfAllExpertsUnlessNormalised) {
  MoePlan plan{.n_expert = 3, .n_used = 2, .gating = Gating::softmax};
  const std::vector<float> logits{std::log(1.0F), std::log(6.0F), std::log(3.0F)};
  const Routed plain = routed(plan, logits);
  EXPECT_EQ(plain.experts, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_NEAR(plain.weights[0], 0.6, 1e-6);
  EXPECT_NEAR(plain.weights[1], 0.3, 1e-6);
  plan.normalise = true;
  plan.weight_scale = 3.0F;
  const Routed scaled = routed(plan, logits);
  EXPECT_NEAR(scaled.weights[0], 2.0, 1e-6);
  EXPECT_NEAR(scaled.weights[1], 1.0, 1e-6);
}

TEST(Router, TiesGoToTheHigherIndex) {
  const MoePlan plan{.n_expert = 4, .n_used = 2, .gating = Gating::sigmoid};
  EXPECT_EQ(routed(plan, {1, 1, 1, 1}).experts, (std::vector<std::uint32_t>{3, 2}));
}

TEST(Router, SelectionBiasChoosesButDoesNotWeigh) {
  const MoePlan plan{.n_expert = 3, .n_used = 1, .gating = Gating::sigmoid, .selection_bias = true};
  const std::vector<float> bias{0, 0, 10};
  const Routed r = routed(plan, {2, 1, 0}, bias.data());
  EXPECT_EQ(r.experts[0], 2U);
  EXPECT_NEAR(r.weights[0], 0.5, 1e-6);
}

TEST(Router, OnlyTheBestGroupsAreOpen) {
  // Group 0 has the best single expert, group 1 the best pair.
  const MoePlan plan{
      .n_expert = 4, .n_used = 2, .gating = Gating::sigmoid, .n_group = 2, .n_group_used = 1};
  EXPECT_EQ(routed(plan, {3, -9, 2, 2.5F}).experts, (std::vector<std::uint32_t>{3, 2}));
}

TEST(Router, SoftmaxOfSelectedAndSqrtSoftplus) {
  MoePlan plan{.n_expert = 3, .n_used = 2, .gating = Gating::softmax_of_selected};
  const Routed selected = routed(plan, {-50, std::log(1.0F), std::log(3.0F)});
  EXPECT_NEAR(selected.weights[0], 0.75, 1e-6);
  plan.gating = Gating::sqrt_softplus;
  const Routed soft = routed(plan, {-1, 0, 40});
  EXPECT_NEAR(soft.weights[0], std::sqrt(40.0), 1e-5);
  EXPECT_NEAR(soft.weights[1], std::sqrt(std::log(2.0)), 1e-6);
}

}  // namespace
}  // namespace runtime
