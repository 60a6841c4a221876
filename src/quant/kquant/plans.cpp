#include "quant/kquant/plans.h"

namespace quant::kquant {
namespace {

using fit::AffineTrial;

// Range of the codes against the range of the block: stretch > 0 cuts the largest value off,
// shift > 0 the smallest.
constexpr AffineTrial kTrials[] = {{-1.0f, -0.5f}, {-1.0f, 0.0f}, {-1.0f, 0.5f}, {-1.0f, 1.0f},
                                   {-0.5f, -0.5f}, {-0.5f, 0.0f}, {-0.5f, 0.5f}, {-0.5f, 1.0f},
                                   {0.0f, -0.5f},  {0.0f, 0.0f},  {0.0f, 0.5f},  {0.0f, 1.0f},
                                   {0.5f, -0.5f},  {0.5f, 0.0f},  {0.5f, 0.5f},  {0.5f, 1.0f},
                                   {1.0f, -0.5f},  {1.0f, 0.0f},  {1.0f, 0.5f},  {1.0f, 1.0f}};
constexpr float kOneStart[] = {1.0f};
constexpr float kManyStarts[] = {1.0f, 0.93f, 1.07f, 0.86f};

constexpr fit::SuperAffinePlan kAffineFast{
    .blocks = {.trials = kTrials, .polish = 1}, .starts = kOneStart, .window = 1, .rounds = 2};
constexpr fit::SuperAffinePlan kAffineBest{
    .blocks = {.trials = kTrials, .polish = 3}, .starts = kOneStart, .window = 2, .rounds = 3};
constexpr fit::SuperAffinePlan kTwoBitBest{
    .blocks = {.trials = kTrials, .polish = 3}, .starts = kManyStarts, .window = 2, .rounds = 3};

constexpr fit::SuperSymmetricPlan kThreeBitFast{
    .blocks = {.first = -0.4f, .step = 0.2f, .count = 10, .polish = 2},
    .starts = kOneStart,
    .window = 2,
    .mirror = false,
    .rounds = 2};
constexpr fit::SuperSymmetricPlan kThreeBitBest{
    .blocks = {.first = -0.4f, .step = 0.2f, .count = 10, .polish = 2},
    .starts = kOneStart,
    .window = 5,
    .mirror = true,
    .rounds = 3};
constexpr fit::SuperSymmetricPlan kSixBitFast{
    .blocks = {.first = -3.2f, .step = 1.6f, .count = 8, .polish = 2},
    .starts = kOneStart,
    .window = 3,
    .mirror = false,
    .rounds = 2};
constexpr fit::SuperSymmetricPlan kSixBitBest{
    .blocks = {.first = -3.2f, .step = 0.8f, .count = 16, .polish = 2},
    .starts = kOneStart,
    .window = 10,
    .mirror = true,
    .rounds = 3};

}  // namespace

const fit::SuperAffinePlan& affine_plan(Effort effort, int high) noexcept {
  if (effort == Effort::fast) return kAffineFast;
  return high == 3 ? kTwoBitBest : kAffineBest;
}

const fit::SuperSymmetricPlan& symmetric_plan(Effort effort, int magnitude) noexcept {
  if (magnitude == 4) return effort == Effort::fast ? kThreeBitFast : kThreeBitBest;
  return effort == Effort::fast ? kSixBitFast : kSixBitBest;
}

}  // namespace quant::kquant
