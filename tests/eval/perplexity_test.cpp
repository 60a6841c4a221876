#include "eval/perplexity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "eval/score.h"

namespace {

TEST(PerplexitySums, MeanAndErrorOfAKnownSample) {
  eval::PerplexitySums sums;
  for (const double v : {1.0, 2.0, 3.0, 4.0}) sums.add(v);
  EXPECT_DOUBLE_EQ(sums.perplexity(), std::exp(2.5));
  EXPECT_NEAR(sums.error(), std::sqrt(1.25 / 3) * std::exp(2.5), 1e-12);
}

TEST(PerplexitySums, EqualValuesHaveNoError) {
  eval::PerplexitySums sums;
  for (int i = 0; i < 4; ++i) sums.add(2.0);
  EXPECT_LT(sums.error(), 0);  // reported as "unexpected negative standard deviation"
}

TEST(ScoredRange, SecondHalfWithoutTheLastPosition) {
  const auto range = eval::scored_range(512);
  EXPECT_EQ(range.first, 256);
  EXPECT_EQ(range.last, 511);
  EXPECT_EQ(range.last - range.first, 255);
}

TEST(Score, FirstOfEqualMaximaWins) {
  const std::vector<float> logits = {1, 3, 3, 2};
  const auto row = eval::summarise(logits, *kernels::find_table("reference"));
  EXPECT_EQ(row.argmax, 1);
  EXPECT_NEAR(eval::negative_log_likelihood(row, logits, 1),
              -std::log(std::exp(3.0) / (std::exp(1.0) + 2 * std::exp(3.0) + std::exp(2.0))), 1e-6);
}

TEST(Score, FirstOfEqualMaximaWinsInLongRowsOfEveryTable) {
  for (const kernels::KernelTable* table : kernels::all_tables()) {
    if (!table->supported()) continue;
    std::vector<float> logits(5003, -7);
    for (const std::size_t first : {5002, 4097, 4096, 2048, 2047, 0}) {  // each before the last
      logits[first] = -2;
      const auto row = eval::summarise(logits, *table);
      EXPECT_EQ(row.argmax, first) << table->name;
      EXPECT_EQ(row.max, -2) << table->name;
    }
  }
}

TEST(Score, RefusesALogitThatIsNoNumber) {
  for (const kernels::KernelTable* table : kernels::all_tables()) {
    if (!table->supported()) continue;
    for (const std::size_t place : {0, 1, 2048, 2999}) {
      std::vector<float> logits(3000, 1);
      logits[place] = std::nanf("");
      EXPECT_THROW(eval::summarise(logits, *table), base::Error) << table->name << " " << place;
    }
  }
}

}  // namespace
