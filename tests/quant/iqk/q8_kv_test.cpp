// The encoder of q8_KV against plain rounding, which is all that the public program does.
#include <cmath>
#include <cstring>

#include "quant/codec.h"
#include "support/matrices.h"
#include "support/support.h"

namespace {

constexpr std::size_t kCols = 1024, kMeta = 8;

/// Gaussian rows, with what makes a search go astray.
std::vector<test::NamedValues> rows() {
  const std::vector<float> normal = test::gaussian(kCols, 0.02F, 21);
  std::vector<float> tailed = normal, outlier = normal, grid = normal, spikes = normal;
  for (float& x : tailed) x = x * x * x * 1e4F;
  outlier[77] = 3;
  for (float& x : grid) x = std::nearbyint(x * 1500) / 256;  // q8 already
  grid[5] = 127.0F / 256;
  for (std::size_t i = 0; i < kCols; i += 8) spikes[i] = i % 16 == 0 ? 1.0F : -1.0F;
  return {{"normal", normal},
          {"tailed", tailed},
          {"outlier", outlier},
          {"grid", grid},
          {"spikes", spikes}};
}

std::vector<float> rounded(std::span<const float> x) {
  float peak = 0;
  for (const float v : x) peak = std::max(peak, std::fabs(v));
  std::vector<float> y;
  for (const float v : x) y.push_back(peak / 127 * std::nearbyint(v * (1 / (peak / 127))));
  return y;
}

TEST(Q8Kv, IsNeverWorseThanRounding) {
  const quant::Codec& codec = *quant::find_codec("q8_KV");
  for (const auto& [row_name, x] : rows()) {
    for (const auto& [name, importance] : test::hostile_importances(kCols)) {
      for (const quant::Effort effort : {quant::Effort::fast, quant::Effort::best}) {
        SCOPED_TRACE(row_name + ", importance " + name);
        const auto bytes = test::encode(
            codec, {.x = x, .rows = 1, .cols = kCols, .importance = importance, .effort = effort});
        const double ours =
            test::relative_error(x, test::decode(codec, bytes, 1, kCols), importance);
        EXPECT_LE(ours, test::relative_error(x, rounded(x), importance) * (1 + 1e-4) + 1e-7);
      }
    }
  }
}

TEST(Q8Kv, CutsAnOutlierOffThatIsOfNoImportance) {
  const quant::Codec& codec = *quant::find_codec("q8_KV");
  const std::vector<float> x = rows()[2].values;
  std::vector<float> importance(kCols, 1.0F);
  importance[77] = 1e-6F;
  const auto bytes =
      test::encode(codec, {.x = x, .rows = 1, .cols = kCols, .importance = importance});
  EXPECT_LE(test::relative_error(x, test::decode(codec, bytes, 1, kCols), importance),
            0.2 * test::relative_error(x, rounded(x), importance));
}

TEST(Q8Kv, StoresTheSumOfItsCodes) {
  const quant::Codec& codec = *quant::find_codec("q8_KV");
  for (const auto& [name, x] : rows()) {
    const auto bytes = test::encode(codec, {.x = x, .rows = 1, .cols = kCols, .importance = {}});
    std::int32_t stored = 0, sum = 0;
    std::memcpy(&stored, bytes.data() + 4, sizeof stored);
    for (std::size_t i = 0; i < kCols; ++i) {
      sum += static_cast<std::int8_t>(std::to_integer<std::uint8_t>(bytes[kMeta + i]));
    }
    EXPECT_EQ(stored, sum) << name;
  }
}

}  // namespace
