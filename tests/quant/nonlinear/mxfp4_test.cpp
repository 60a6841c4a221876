// The encoder's exponents against all there are.
#include <cmath>
#include <limits>

#include "quant/codec.h"
#include "support/matrices.h"
#include "support/support.h"

namespace {

constexpr std::size_t kBlocks = 64, kCols = 32 * kBlocks;

double nearest_distance(double a) {
  double least = a;
  for (const double level : {0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0}) {
    least = std::min(least, std::fabs(a - level));
  }
  return least;
}

/// Weighted squared error of a block with the nearest levels of the best of all exponents.
double least_error(const float* x, const float* v) {
  double least = std::numeric_limits<double>::infinity();
  for (int e = 0; e <= 252; ++e) {
    double error = 0;
    for (std::size_t i = 0; i < 32 && error < least; ++i) {
      const double off = std::ldexp(
          nearest_distance(std::ldexp(std::fabs(static_cast<double>(x[i])), 127 - e)), e - 127);
      error += static_cast<double>(v[i]) * off * off;
    }
    least = std::min(least, error);
  }
  return least;
}

TEST(Mxfp4, TakesTheBestOfAllExponents) {
  const quant::Codec& codec = *quant::find_codec("mxfp4");
  const std::vector<float> ones(kCols, 1.0F);
  for (const float sigma : {1e-38F, 1e-30F, 0.02F, 1e5F, 3e37F}) {
    const std::vector<float> x = test::gaussian(kCols, sigma, 11);
    for (const auto& [name, importance] : test::hostile_importances(kCols)) {
      SCOPED_TRACE(name + ", deviation " + std::to_string(sigma));
      const std::vector<float>& v = importance.empty() ? ones : importance;
      const auto bytes =
          test::encode(codec, {.x = x, .rows = 1, .cols = kCols, .importance = importance});
      const auto y = test::decode(codec, bytes, 1, kCols);
      for (std::size_t first = 0; first < kCols; first += 32) {
        double error = 0, energy = 0;
        for (std::size_t i = first; i < first + 32; ++i) {
          const double off = static_cast<double>(x[i]) - static_cast<double>(y[i]);
          error += static_cast<double>(v[i]) * off * off;
          energy +=
              static_cast<double>(v[i]) * static_cast<double>(x[i]) * static_cast<double>(x[i]);
        }
        ASSERT_LE(error, least_error(&x[first], &v[first]) * (1 + 1e-5) + 1e-12 * energy)
            << "block " << first / 32;
      }
    }
  }
}

/// All codes and signs, minus zero among them, through the registers that pack them.
TEST(Mxfp4, GivesItsOwnLevelsBack) {
  constexpr float kLevels[] = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6};
  std::vector<float> x(kCols);
  for (std::size_t i = 0; i < kCols; ++i) {
    const float level = kLevels[(i * 5 + i / 32) % 8];
    x[i] = std::ldexp(i % 3 == 0 ? -level : level, static_cast<int>(i / 32) - 30);
  }
  const quant::Codec& codec = *quant::find_codec("mxfp4");
  const auto bytes = test::encode(codec, {.x = x, .rows = 1, .cols = kCols, .importance = {}});
  EXPECT_EQ(test::decode(codec, bytes, 1, kCols), x);
  for (std::size_t i = 0; i < kCols / 2; ++i) {
    const auto byte = std::to_integer<unsigned>(bytes[i / 16 * 17 + 1 + i % 16]);
    EXPECT_TRUE((byte & 15U) != 8 && byte >> 4U != 8) << "minus zero in byte " << i;
  }
}

}  // namespace
