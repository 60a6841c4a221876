#include "quant/fit/column_weights.h"

#include "support/support.h"

namespace {
using quant::fit::column_weights;

TEST(ColumnWeights, KeepProportionsAndComeIntoTheMiddleOfF32) {
  for (const float unit : {0x1p-149F, 0x1p-140F, 1e-20F, 1.0F, 5e7F, 0x1p125F}) {
    const std::vector<float> v{unit, 0, 2 * unit, 4 * unit};
    const std::vector<float> w = column_weights(v);
    ASSERT_EQ(w.size(), 4u);
    EXPECT_GE(w[3], 1) << unit;
    EXPECT_LT(w[3], 2) << unit;
    EXPECT_EQ(w, (std::vector<float>{w[3] / 4, 0, w[3] / 2, w[3]})) << unit;
  }
}

TEST(ColumnWeights, AreNoneWithoutImportance) {
  EXPECT_TRUE(column_weights({}).empty());
  EXPECT_TRUE(column_weights(std::vector<float>(8, 0.0F)).empty());
}

}  // namespace
