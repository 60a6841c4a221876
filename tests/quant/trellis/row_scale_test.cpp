#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "quant/trellis/row_codec.h"

namespace {

TEST(TrellisRowScale, IsLimitedToWhatDecodesToFiniteValues) {
  const float largest = std::numeric_limits<float>::max();
  for (const int top : {15, 64, 127}) {
    for (const float scale : {largest, -largest, largest / 1000, 1e38F, -1e36F, 1.0F, 0.0F}) {
      std::byte row[4];
      base::store(row, scale);
      const bool fits = !quant::check_row_scale(row, top).has_value();
      quant::limit_row_scale(row, top);
      const float now = base::load_f32(row);
      EXPECT_FALSE(quant::check_row_scale(row, top).has_value()) << scale << " " << top;
      EXPECT_EQ(std::signbit(now), std::signbit(scale));
      if (fits) {
        EXPECT_EQ(now, scale);
      } else {
        EXPECT_GT(std::abs(now) * static_cast<float>(top) * 126, largest * 0.999F);
      }
    }
  }
}

}  // namespace
