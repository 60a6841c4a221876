// docs/spec/types/basic.md, "Q4_0", option "symmetric".
#include <cmath>
#include <vector>

#include "quant/registry.h"
#include "support/support.h"

namespace {

std::vector<float> round_trip(const std::vector<float>& x) {
  const quant::Codec& codec = quant::symmetric_q4_0();
  std::vector<std::byte> bytes(codec.row_bytes(x.size()));
  codec.encode({.x = x, .rows = 1, .cols = x.size(), .importance = {}}, bytes);
  EXPECT_FALSE(codec.check(bytes, x.size()).has_value());
  std::vector<float> y(x.size());
  codec.decode(bytes, x.size(), y);
  return y;
}

TEST(SymmetricQ4_0, LevelsFromMinusToPlusSevenComeBack) {
  std::vector<float> x;
  for (int i = 0; i < 32; ++i) x.push_back(0.125F * static_cast<float>(i % 15 - 7));
  EXPECT_EQ(round_trip(x), x);
}

TEST(SymmetricQ4_0, StandsBesideTheRegistry) {
  EXPECT_EQ(quant::find_codec("q4_0"), &quant::q4_0);
  EXPECT_EQ(quant::symmetric_q4_0().id, quant::q4_0.id);
  EXPECT_NE(quant::symmetric_q4_0().encode, quant::q4_0.encode);
}

TEST(SymmetricQ4_0, CodesAreThoseOfTheFormula) {
  std::vector<float> x(32, 0.0F);
  x[0] = 7.0F;   // code 15
  x[1] = -7.0F;  // code 1
  x[2] = 0.49F;  // code 8
  x[3] = 0.51F;  // code 9
  std::vector<std::byte> bytes(18);
  quant::symmetric_q4_0().encode({.x = x, .rows = 1, .cols = 32, .importance = {}}, bytes);
  for (const auto& [at, code] : {std::pair{2, 15}, {3, 1}, {4, 8}, {5, 9}, {6, 8}}) {
    EXPECT_EQ(std::to_integer<int>(bytes[static_cast<std::size_t>(at)]) & 15, code) << at;
  }
}

TEST(SymmetricQ4_0, ZerosTinyAndHugeValuesStayFinite) {
  EXPECT_EQ(round_trip(std::vector<float>(32, 0.0F)), std::vector<float>(32, 0.0F));
  for (const float v : {1e-42F, 1e-30F, 1e30F, 3e38F}) {
    std::vector<float> x(32, v);
    x[5] = -v;
    for (const float y : round_trip(x)) EXPECT_TRUE(std::isfinite(y)) << v;
  }
}

}  // namespace
