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
constexpr float kThreeStarts[] = {1.0f, 0.95f, 1.05f};
constexpr float kWideStarts[] = {1.0f, 0.93f, 1.07f};

constexpr fit::SuperAffinePlan kAffineFast{
    .blocks = {.trials = kTrials, .polish = 1}, .starts = kOneStart, .window = 1, .rounds = 1};
// Golden weights: q4_K within 0.4 % of the error of a search four times as long.
constexpr fit::SuperAffinePlan kAffineBest{
    .blocks = {.trials = kTrials, .polish = 2}, .starts = kThreeStarts, .window = 2, .rounds = 2};
// With 4-bit scales the start matters; within 0.2 % of a search three times as long.
constexpr fit::SuperAffinePlan kTwoBitBest{
    .blocks = {.trials = kTrials, .polish = 2}, .starts = kWideStarts, .window = 1, .rounds = 2};

// Few trials of a sub-block are enough, as the window around the integer scale is a finer search of
// the same kind. Within 0.1 % (q3_K) and 1.6 % (q6_K) of a search seven times as long.
constexpr fit::SuperSymmetricPlan kThreeBitFast{
    .blocks = {.first = -0.4f, .step = 0.4f, .count = 6, .polish = 1},
    .starts = kOneStart,
    .window = 3,
    .mirror = false,
    .rounds = 1};
constexpr fit::SuperSymmetricPlan kThreeBitBest{
    .blocks = {.first = -0.4f, .step = 0.4f, .count = 5, .polish = 1},
    .starts = kOneStart,
    .window = 8,
    .mirror = true,
    .rounds = 1};
constexpr fit::SuperSymmetricPlan kSixBitFast{
    .blocks = {.first = -3.2f, .step = 3.2f, .count = 6, .polish = 1},
    .starts = kOneStart,
    .window = 4,
    .mirror = false,
    .rounds = 1};
constexpr fit::SuperSymmetricPlan kSixBitBest{
    .blocks = {.first = -3.2f, .step = 3.2f, .count = 5, .polish = 1},
    .starts = kOneStart,
    .window = 8,
    .mirror = true,
    .rounds = 1};

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
