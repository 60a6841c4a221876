// Operations on rows of every table that this machine supports, against plain formulas.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "kernels/every_table.h"
#include "kernels/inputs.h"

namespace {

using kernels::CacheType;
using kernels::KernelTable;
using kernels_test::random_floats;

class Tables : public kernels_test::EveryTable {};
INSTANTIATE_TEST_SUITE_P(All, Tables, kernels_test::every_table(), kernels_test::table_name);

TEST_P(Tables, NormsAgreeWithTheReference) {
  const KernelTable& reference = *kernels::find_table("reference");
  for (const std::size_t n : {1, 15, 64, 301}) {
    const std::vector<float> x = random_floats(n, 31), w = random_floats(n, 32);
    const std::vector<float> b = random_floats(n, 33);
    std::vector<float> expected(n), got(n);
    const auto check = [&] {
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_NEAR(got[i], expected[i], 2e-6 * (1 + std::fabs(expected[i]))) << i << " of " << n;
      }
    };
    reference.rms_norm(x.data(), w.data(), 1e-5F, n, expected.data());
    table().rms_norm(x.data(), w.data(), 1e-5F, n, got.data());
    check();
    reference.layer_norm(x.data(), w.data(), b.data(), 1e-5F, n, expected.data());
    table().layer_norm(x.data(), w.data(), b.data(), 1e-5F, n, got.data());
    check();
    reference.rms_norm(x.data(), nullptr, 1e-5F, n, expected.data());
    got = x;
    table().rms_norm(got.data(), nullptr, 1e-5F, n, got.data());
    check();
  }
}

TEST_P(Tables, ActivationsAgreeWithTheFormulas) {
  std::vector<float> gate;
  for (float z = -110; z < 110; z += 0.37F) gate.push_back(z);
  for (float z = -2; z < 2; z += 0.0037F) gate.push_back(z);
  const std::vector<float> up(gate.size(), 1.5F);
  std::vector<float> silu = gate, gelu = gate;
  table().silu_mul(silu.data(), up.data(), gate.size());
  table().gelu_mul(gelu.data(), up.data(), gate.size());
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const double z = double{gate[i]};
    const double s = z / (1 + std::exp(-z));
    const double u = 0.79788456080286535588 * z * (1 + 0.044715 * z * z);
    ASSERT_NEAR(silu[i], 1.5 * s, 1e-6 * std::fabs(s) + 4e-37) << z;
    ASSERT_NEAR(gelu[i], 1.5 * 0.5 * z * (1 + std::tanh(u)), 2e-6 * std::fabs(z) + 4e-37) << z;
  }
}

TEST_P(Tables, LargestIsFoundWhereverItStands) {
  for (const std::size_t n : {1, 15, 16, 17, 64, 131, 1000}) {
    std::vector<float> x = random_floats(n, 43, 2);
    for (float& v : x) v = -std::fabs(v) - 1;  // no lane that was never filled may win
    for (std::size_t i = 0; i < n; ++i) {
      const float kept = std::exchange(x[i], -0.5F);
      ASSERT_EQ(table().largest(x.data(), n), -0.5F) << i << " of " << n;
      x[i] = kept;
    }
  }
}

TEST_P(Tables, SumExpIsAccurate) {
  for (const std::size_t n : {1, 17, 1000, 4099}) {
    const std::vector<float> x = random_floats(n, 41, 2);
    double expected = 0;
    for (const float v : x) expected += std::exp(double{v - 3.0F});
    EXPECT_NEAR(table().sum_exp(x.data(), 3, n), expected, 3e-7 * expected);
  }
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x{-infinity, 0, -1000};
  EXPECT_EQ(table().sum_exp(x.data(), 0, 3), 1);
  const std::vector<float> nan{0, std::nanf("")};
  EXPECT_TRUE(std::isnan(table().sum_exp(nan.data(), 0, 2)));
}

TEST_P(Tables, SquaresAreExactInF64) {
  for (const std::size_t n : {1, 16, 45}) {
    const std::vector<float> x = random_floats(n, 51, 1e10F);
    std::vector<double> sums(n, 1);
    table().add_squares(sums.data(), x.data(), n);
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(sums[i], 1 + double{x[i]} * double{x[i]}) << i << " of " << n;
    }
  }
}

TEST_P(Tables, AddScaledAgrees) {
  const std::vector<float> x = random_floats(45, 61);
  std::vector<float> y = random_floats(45, 62);
  const std::vector<float> before = y;
  table().add_scaled(y.data(), 0.75F, x.data(), 45);
  for (std::size_t i = 0; i < 45; ++i) ASSERT_FLOAT_EQ(y[i], before[i] + 0.75F * x[i]);
}

TEST_P(Tables, CacheConversionIsBitExact) {
  const KernelTable& reference = *kernels::find_table("reference");
  std::vector<float> x = random_floats(1003, 71, 100);
  x[5] = 1e-6F;
  x[6] = -1e-8F;
  x[7] = 1e6F;
  x[8] = std::numeric_limits<float>::infinity();
  x[9] = 65519.0F;
  for (const CacheType type : {CacheType::f32, CacheType::f16, CacheType::bf16}) {
    std::vector<std::byte> expected(x.size() * 4), got(x.size() * 4);
    reference.to_cache(type, x.data(), x.size(), expected.data());
    table().to_cache(type, x.data(), x.size(), got.data());
    EXPECT_EQ(got, expected);
    std::vector<float> a(x.size()), b(x.size());
    reference.from_cache(type, expected.data(), x.size(), a.data());
    table().from_cache(type, expected.data(), x.size(), b.data());
    EXPECT_EQ(a, b);
  }
}

}  // namespace
