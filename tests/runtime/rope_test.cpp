#include "runtime/rope.h"

#include <cmath>

#include "support/support.h"

namespace runtime {
namespace {

using model::RopeKind;
using model::RopePlan;

TEST(Rope, FirstPairTurnsByThePosition) {
  const RopePlan plan{.n_rot = 4};
  std::vector<float> angles(4);
  rope_angles(plan, nullptr, 2, angles);
  EXPECT_FLOAT_EQ(angles[0], std::cos(2.0F));
  EXPECT_FLOAT_EQ(angles[1], std::sin(2.0F));
  EXPECT_FLOAT_EQ(angles[2], std::cos(0.02F));
}

TEST(Rope, PairsAreNeighboursOrHalvesApart) {
  const std::vector<float> quarter{0, 1, 1, 0};  // pair 0 by 90 degrees, pair 1 not at all
  std::vector<float> normal{1, 2, 3, 4, 9};
  rope_rotate(RopeKind::normal, quarter.data(), 4, normal.data());
  EXPECT_EQ(normal, (std::vector<float>{-2, 1, 3, 4, 9}));
  std::vector<float> neox{1, 2, 3, 4, 9};
  rope_rotate(RopeKind::neox, quarter.data(), 4, neox.data());
  EXPECT_EQ(neox, (std::vector<float>{-3, 2, 1, 4, 9}));
}

TEST(Rope, DivisorsSlowPairsDown) {
  const RopePlan plan{.n_rot = 2};
  const float divisor = 8;
  std::vector<float> angles(2);
  rope_angles(plan, &divisor, 4, angles);
  EXPECT_FLOAT_EQ(angles[1], std::sin(0.5F));
}

TEST(Rope, YarnKeepsFastPairsAndStretchesSlowOnes) {
  // DeepSeek: n_rot 64, base 10000, 4096 tokens, factor 40; corners at pairs 10 and 23
  // (docs/spec/models.md 2.15).
  const RopePlan plan{.n_rot = 64,
                      .freq_scale = 1.0F / 40.0F,
                      .ext_factor = 1.0F,
                      .attn_factor = 1.0F / (1.0F + 0.1F * std::log(40.0F)),
                      .n_ctx_orig = 4096};
  std::vector<float> angles(64);
  rope_angles(plan, nullptr, 1, angles);
  const auto angle = [&](std::size_t i) { return std::atan2(angles[2 * i + 1], angles[2 * i]); };
  const auto plain = [](std::size_t i) {
    return std::pow(10000.0, -2.0 * static_cast<double>(i) / 64.0);
  };
  EXPECT_NEAR(angle(10), plain(10), 1e-6);
  EXPECT_NEAR(angle(23), plain(23) / 40, 1e-6);
  EXPECT_NEAR(angle(11), plain(11) * (12.0 / 13 + 1.0 / 13 / 40), 1e-6);
  EXPECT_NEAR(std::hypot(angles[0], angles[1]), 1.0, 1e-6);
}

TEST(Rope, CornersOfGptOssAreNotRounded) {
  // n_rot 64, base 150000, 4096 tokens, factor 32: corners 8.09 and 17.4. With whole corners pairs
  // 16 and 17 turn 1.27 and 1.76 times too fast (docs/spec/models.md 2.14).
  RopePlan plan{.n_rot = 64,
                .base = 150000.0F,
                .freq_scale = 1.0F / 32.0F,
                .ext_factor = 1.0F,
                .round_corners = false,
                .n_ctx_orig = 4096};
  std::vector<float> exact(64);
  rope_angles(plan, nullptr, 1, exact);
  plan.round_corners = true;
  std::vector<float> rounded(64);
  rope_angles(plan, nullptr, 1, rounded);
  const auto ratio = [&](std::size_t i) {
    return std::atan2(rounded[2 * i + 1], rounded[2 * i]) /
           std::atan2(exact[2 * i + 1], exact[2 * i]);
  };
  EXPECT_NEAR(ratio(7), 1.0, 1e-5);
  EXPECT_NEAR(ratio(16), 1.27, 0.005);
  EXPECT_NEAR(ratio(17), 1.76, 0.005);
  EXPECT_NEAR(ratio(18), 1.0, 1e-5);
}

}  // namespace
}  // namespace runtime
