#include "kernels/reference/reference.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/half.h"
#include "kernels/inputs.h"
#include "quant/registry.h"
#include "tensor/buffer.h"

namespace {

using kernels::CacheType;
using kernels::reference_table;
using kernels_test::random_floats;

TEST(Reference, IsTheFirstTableAndIsSupported) {
  ASSERT_FALSE(kernels::all_tables().empty());
  EXPECT_EQ(kernels::all_tables().front(), &reference_table);
  EXPECT_TRUE(reference_table.supported());
  EXPECT_EQ(kernels::find_table("reference"), &reference_table);
  EXPECT_EQ(kernels::find_table("sse9"), nullptr);
  EXPECT_TRUE(kernels::best_table().supported());
}

TEST(Reference, MatmulIsTheSumOfProductsOfDecodedWeights) {
  constexpr std::size_t kRows = 5, kCols = 96, kTokens = 3;
  const std::vector<float> w = random_floats(kRows * kCols, 1);
  const std::vector<float> x = random_floats(kTokens * kCols, 2);
  std::vector<std::byte> bytes(kRows * quant::q8_0.row_bytes(kCols));
  quant::q8_0.encode({.x = w, .rows = kRows, .cols = kCols, .importance = {}}, bytes);
  std::vector<float> decoded(kRows * kCols);
  for (std::size_t r = 0; r < kRows; ++r) {
    const std::size_t row = quant::q8_0.row_bytes(kCols);
    quant::q8_0.decode({bytes.data() + r * row, row}, kCols, {&decoded[r * kCols], kCols});
  }
  tensor::Buffer scratch(reference_table.matmul_scratch(quant::q8_0, kCols, kTokens));
  constexpr std::size_t kBegin = 1, kEnd = 4, kStride = 7;
  std::vector<float> out(kTokens * kStride, -1);
  reference_table.matmul({.codec = &quant::q8_0,
                          .weights = bytes.data(),
                          .cols = kCols,
                          .row_begin = kBegin,
                          .row_end = kEnd,
                          .packing = kernels::Packing::f32,
                          .x = reinterpret_cast<const std::byte*>(x.data()),
                          .x_stride = kCols * sizeof(float),
                          .n_rows = kTokens,
                          .out = out.data(),
                          .out_stride = kStride,
                          .scratch = scratch.data()});
  for (std::size_t t = 0; t < kTokens; ++t) {
    for (std::size_t r = kBegin; r < kEnd; ++r) {
      double sum = 0;
      for (std::size_t c = 0; c < kCols; ++c) {
        sum += static_cast<double>(decoded[r * kCols + c]) * static_cast<double>(x[t * kCols + c]);
      }
      EXPECT_NEAR(out[t * kStride + r - kBegin], sum, 1e-6 * std::fabs(sum) + 1e-6);
    }
    EXPECT_EQ(out[t * kStride + kEnd - kBegin], -1) << "writes past its rows";
  }
}

struct AttentionCase {
  std::vector<float> k = random_floats(6 * 4, 3), v = random_floats(6 * 3, 4);
  std::vector<float> q = random_floats(2 * 4, 5);
  std::vector<std::uint32_t> first{0, 2}, last{4, 6};
  std::vector<float> out = std::vector<float>(2 * 3);
  float sink = 0.5F;
  float soft_cap = 0;
  bool with_sink = false;

  void run() {
    const auto* kb = reinterpret_cast<const std::byte*>(k.data());
    const auto* vb = reinterpret_cast<const std::byte*>(v.data());
    const kernels::KvRun runs[] = {{kb, vb, 1}, {kb + 16, vb + 12, 0}, {kb + 16, vb + 12, 5}};
    kernels::AttentionArgs args{.q = q.data(),
                                .q_stride = 4,
                                .n_q = 2,
                                .key_dim = 4,
                                .value_dim = 3,
                                .type = CacheType::f32,
                                .runs = runs,
                                .n_runs = 3,
                                .k_stride = 16,
                                .v_stride = 12,
                                .first = first.data(),
                                .last = last.data(),
                                .scale = 0.5F,
                                .soft_cap = soft_cap,
                                .sink = with_sink ? &sink : nullptr,
                                .out = out.data(),
                                .out_stride = 3,
                                .scratch = nullptr};
    tensor::Buffer scratch(reference_table.attention_scratch(args));
    args.scratch = scratch.data();
    reference_table.attention(args);
  }
  double expected(std::size_t query, std::size_t d) const {
    double total = with_sink ? std::exp(static_cast<double>(sink)) : 0;
    double sum = 0;
    for (std::size_t key = first[query]; key < last[query]; ++key) {
      double z = 0;
      for (std::size_t c = 0; c < 4; ++c) z += double{q[query * 4 + c]} * double{k[key * 4 + c]};
      z *= 0.5;
      if (soft_cap > 0) z = double{soft_cap} * std::tanh(z / double{soft_cap});
      total += std::exp(z);
      sum += std::exp(z) * double{v[key * 3 + d]};
    }
    return sum / total;
  }
  void check() {
    run();
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_NEAR(out[i], expected(i / 3, i % 3), 1e-4 * (1 + std::fabs(expected(i / 3, i % 3))));
    }
  }
};

TEST(Reference, AttentionSeesItsRangeOfKeysOverRuns) { AttentionCase().check(); }

TEST(Reference, AttentionSinkTakesPartInTheDenominator) {
  AttentionCase c;
  c.with_sink = true;
  c.check();
}

TEST(Reference, AttentionSoftCapBoundsScores) {
  AttentionCase c;
  c.soft_cap = 0.7F;
  c.check();
}

TEST(Reference, AttentionWithoutVisibleKeysIsZero) {
  AttentionCase c;
  c.last[1] = 2;
  c.run();
  EXPECT_EQ(c.out[3], 0);
  EXPECT_EQ(c.out[5], 0);
}

TEST(Reference, NormsHaveUnitScale) {
  std::vector<float> x{3, 4}, w{1, 2}, b{0.5F, 0}, out(2);
  reference_table.rms_norm(x.data(), w.data(), 0, 2, out.data());
  EXPECT_FLOAT_EQ(out[0], 3 / std::sqrt(12.5F));
  EXPECT_FLOAT_EQ(out[1], 8 / std::sqrt(12.5F));
  reference_table.layer_norm(x.data(), w.data(), b.data(), 0, 2, out.data());
  EXPECT_FLOAT_EQ(out[0], -0.5F);
  EXPECT_FLOAT_EQ(out[1], 2);
}

TEST(Reference, ActivationsFollowTheirFormulas) {
  std::vector<float> gate{-200, -1, 0, 2}, up{1, 2, 3, 4};
  std::vector<float> silu = gate;
  reference_table.silu_mul(silu.data(), up.data(), 4);
  EXPECT_EQ(silu[0], 0);
  EXPECT_FLOAT_EQ(silu[1], -2 / (1 + std::exp(1.0F)));
  EXPECT_FLOAT_EQ(silu[3], 8 / (1 + std::exp(-2.0F)));
  std::vector<float> gelu = gate;
  reference_table.gelu_mul(gelu.data(), up.data(), 4);
  EXPECT_NEAR(gelu[1], 2 * -0.158808, 1e-5);
  EXPECT_NEAR(gelu[3], 4 * 1.954598, 1e-5);
}

TEST(Reference, SumsAreOfDoubles) {
  const std::vector<float> x{1e20F, 1, -3};
  std::vector<double> sums{1, 2, 3};
  reference_table.add_squares(sums.data(), x.data(), 3);
  EXPECT_EQ(sums[0], 1 + double{1e20F} * double{1e20F});
  EXPECT_EQ(sums[2], 12);
  EXPECT_NEAR(reference_table.sum_exp(x.data() + 1, 1, 2), 1 + std::exp(-4.0), 1e-7);
  std::vector<float> y{1, 2};
  reference_table.add_scaled(y.data(), 2, x.data() + 1, 2);
  EXPECT_EQ(y, (std::vector<float>{3, -4}));
}

TEST(Reference, CacheFormatsRoundToNearestEven) {
  const std::vector<float> x{1.0F, -0.1F, 70000.0F};
  std::vector<std::byte> bytes(12);
  std::vector<float> back(3);
  reference_table.to_cache(CacheType::f16, x.data(), 3, bytes.data());
  reference_table.from_cache(CacheType::f16, bytes.data(), 3, back.data());
  EXPECT_EQ(back[1], base::f16_to_f32(base::f32_to_f16(-0.1F)));
  EXPECT_TRUE(std::isinf(back[2]));
  reference_table.to_cache(CacheType::bf16, x.data(), 3, bytes.data());
  reference_table.from_cache(CacheType::bf16, bytes.data(), 3, back.data());
  EXPECT_EQ(back[1], base::bf16_to_f32(base::f32_to_bf16(-0.1F)));
  reference_table.to_cache(CacheType::f32, x.data(), 3, bytes.data());
  reference_table.from_cache(CacheType::f32, bytes.data(), 3, back.data());
  EXPECT_EQ(back, x);
}

}  // namespace
