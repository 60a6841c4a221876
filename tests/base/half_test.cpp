#include "base/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace {

TEST(Half, EveryF16SurvivesTheRoundTrip) {
  for (std::uint32_t h = 0; h < 0x10000; ++h) {
    const auto half = static_cast<std::uint16_t>(h);
    const float f = base::f16_to_f32(half);
    if (std::isnan(f)) continue;
    ASSERT_EQ(base::f32_to_f16(f), half) << h;
  }
}

TEST(Half, RoundsToNearestEvenBetweenNeighbours) {
  for (std::uint32_t h = 0; h < 0x7bff; ++h) {
    const float low = base::f16_to_f32(static_cast<std::uint16_t>(h));
    const float high = base::f16_to_f32(static_cast<std::uint16_t>(h + 1));
    const float middle = (low + high) / 2;  // exact in f32
    ASSERT_EQ(base::f32_to_f16(middle), h % 2 == 0 ? h : h + 1);
    ASSERT_EQ(base::f32_to_f16(std::nextafterf(middle, low)), h);
    ASSERT_EQ(base::f32_to_f16(std::nextafterf(middle, high)), h + 1);
  }
}

TEST(Half, OverflowGivesInfinity) {
  EXPECT_EQ(base::f32_to_f16(65519.0F), 0x7bff);
  EXPECT_EQ(base::f32_to_f16(65520.0F), 0x7c00);
  EXPECT_EQ(base::f32_to_f16(-1e30F), 0xfc00);
}

TEST(Half, Bf16RoundsToNearestEven) {
  EXPECT_EQ(base::f32_to_bf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);
  EXPECT_EQ(base::f32_to_bf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);
  EXPECT_EQ(base::f32_to_bf16(std::bit_cast<float>(0x3f808001u)), 0x3f81);
}

}  // namespace
