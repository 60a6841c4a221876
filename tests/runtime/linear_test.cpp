// The door to weights, apart from what models_test sees of it.
#include "runtime/linear.h"

#include "runtime/bare_pass.h"
#include "support/matrices.h"

namespace {

/// x [n, cols] times the rows of `weight`, biased.
std::vector<float> multiply(const runtime::Weight& weight, std::span<const float> x,
                            std::span<const float> bias, std::size_t threads) {
  const test::BarePass bare(threads);
  const std::size_t n = x.size() / weight.cols;
  std::vector<float> out(n * weight.rows);
  const runtime::Target target{
      .weight = &weight, .out = out.data(), .stride = weight.rows, .bias = bias.data()};
  runtime::linear(bare.pass, {&target, 1}, runtime::Rows{x.data(), n, weight.cols, weight.cols});
  return out;
}

TEST(Linear, AppliesTheProductGainButNotToTheBias) {
  constexpr std::size_t kCols = 256, kRows = 48, kInputs = 3;
  const std::vector<float> x = test::gaussian(kInputs * kCols, 1.0f, 7);
  const std::vector<float> bias(kRows, 0.5f);
  for (const quant::Codec* codec : quant::all_codecs()) {
    if (codec->product_gain == 1.0f || codec->encode == nullptr) continue;
    SCOPED_TRACE(codec->name);
    const std::vector<float> w = test::gaussian(kRows * kCols, 0.02f, 8);
    const auto bytes =
        test::encode(*codec, {.x = w, .rows = kRows, .cols = kCols, .importance = {}});
    const std::vector<float> decoded = test::decode(*codec, bytes, kRows, kCols);
    const runtime::Weight weight{
        .codec = codec, .cols = kCols, .rows = kRows, .data = bytes.data()};
    const std::vector<float> out = multiply(weight, x, bias, 1);
    EXPECT_EQ(out, multiply(weight, x, bias, 3));
    for (std::size_t i = 0; i < kInputs; ++i) {
      for (std::size_t r = 0; r < kRows; ++r) {
        double sum = 0;
        for (std::size_t c = 0; c < kCols; ++c) {
          sum += static_cast<double>(x[i * kCols + c]) * decoded[r * kCols + c];
        }
        ASSERT_NEAR(out[i * kRows + r], sum * codec->product_gain + 0.5, 1e-4);
      }
    }
  }
}

}  // namespace
