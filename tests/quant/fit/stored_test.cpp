// f16 scales of sixteen lanes against the conversions of base/.
#include "quant/fit/stored.h"

#include <bit>
#include <cmath>
#include <random>

#include "support/support.h"

namespace {
using quant::fit::kLanes;

TEST(StoredScales, RoundAsOneNumberDoes) {
  std::mt19937 random(5);
  std::uniform_int_distribution<std::uint32_t> any;
  for (int round = 0; round < 4000; ++round) {
    alignas(64) float x[kLanes];
    for (float& v : x) {
      // Exponents 2^-30 to 2^18: from below the smallest f16 to beyond the largest.
      const std::uint32_t bits = any(random);
      const std::uint32_t exponent = 97 + (bits >> 8) % 48;
      v = std::bit_cast<float>((bits & 0x807fffffu) | exponent << 23);
      if (bits % 64 == 0) v = 0;
    }
    std::uint16_t got[kLanes];
    quant::fit::to_f16(quant::fit::load(x), got);
    alignas(64) float back[kLanes];
    quant::fit::store(back, quant::fit::from_f16(got));
    for (std::size_t l = 0; l < kLanes; ++l) {
      ASSERT_EQ(got[l], quant::fit::finite_f16(x[l])) << x[l];
      ASSERT_EQ(std::bit_cast<std::uint32_t>(back[l]),
                std::bit_cast<std::uint32_t>(base::f16_to_f32(got[l])));
    }
  }
}

TEST(Tile, UnitsArePowersOfTwoBelowTheLargest) {
  for (const float largest : {1e-29f, 0x1p-96f, 0.02f, 1.0f, 1.9999999f, 2.0f, 3e38f}) {
    const auto unit = quant::fit::unit_of(largest);
    EXPECT_EQ(unit.multiply, std::ldexp(1.0f, std::ilogb(largest))) << largest;
    EXPECT_EQ(unit.divide, std::ldexp(1.0f, -std::ilogb(largest))) << largest;
  }
  EXPECT_EQ(quant::fit::unit_of(0).divide, 0);
  EXPECT_EQ(quant::fit::unit_of(1e-30f).divide, 0);
}

}  // namespace
