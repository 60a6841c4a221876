#include "base/nearest.h"

#include <gtest/gtest.h>

#include <vector>

namespace {

const std::vector<std::string_view> kWords = {"quantize", "perplexity", "q4_K", "q4_0", "Q4_K_M"};

TEST(Nearest, FindsSlipsOfThePen) {
  EXPECT_EQ(base::nearest("quantise", kWords), "quantize");
  EXPECT_EQ(base::nearest("qunatize", kWords), "quantize");
  EXPECT_EQ(base::nearest("QUANTIZE", kWords), "quantize");
  EXPECT_EQ(base::nearest("q4-k", kWords), "q4_K");
  EXPECT_EQ(base::nearest("Q4KM", kWords), "Q4_K_M");
}

TEST(Nearest, FindsTheOnlyWordThatBeginsSo) {
  EXPECT_EQ(base::nearest("perp", kWords), "perplexity");
}

TEST(Nearest, ForeignWordsHaveNoNeighbour) {
  EXPECT_EQ(base::nearest("banana", kWords), "");
  EXPECT_EQ(base::nearest("", kWords), "");
  EXPECT_EQ(base::nearest(std::string(5000, 'q'), kWords), "");
  EXPECT_EQ(base::did_you_mean("banana", kWords), "");
}

}  // namespace
