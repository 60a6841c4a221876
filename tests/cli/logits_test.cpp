#include <algorithm>
#include <cmath>

#include "support/support.h"

namespace {

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

TEST(LogitsCommand, WritesTheGoldenLogits) {
  const test::TempDir dir;
  const std::string ids =
      test::source_path("tests/golden/tiny-mla/eval_chunk0_tokens.i32").string();
  const std::string out = (dir / "out.f32").string();
  const auto r = test::run_quern({"logits", "-m", kModel, "--ids", ids, "-o", out, "-ctk", "f32",
                                  "--kernels", "reference", "--loop", "layer"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto got = test::read_floats(out);
  const auto want =
      test::read_floats(test::source_path("tests/golden/tiny-mla/eval_chunk0_logits_64x4096.f32"));
  ASSERT_EQ(got.size(), 512U * 4096U);
  for (std::size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 1e-3);
}

TEST(LogitsCommand, TextIsTokenized) {
  const test::TempDir dir;
  const std::string out = (dir / "out.f32").string();
  const auto r = test::run_quern({"logits", "-m", kModel, "-p", "The sun was", "-o", out});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.out.substr(0, r.out.find(',')), "4 tokens");
  EXPECT_EQ(std::filesystem::file_size(out), 4U * 4096U * 4U);
}

TEST(LogitsCommand, QuantizedModelsGiveTheSameExpandedAndAbsorbed) {
  const test::TempDir dir;
  const std::string model = (dir / "q.gguf").string();
  const std::string ids =
      test::source_path("tests/golden/tiny-mla/eval_chunk0_tokens.i32").string();
  // attn_k_b is made on the fly from the quantized attn_kv_b, and must not lose by it.
  ASSERT_EQ(test::run_quern({"quantize", kModel, model, "q4_K"}).exit_code, 0);
  std::vector<float> logits[2];
  for (const int absorbed : {0, 1}) {
    const std::string out = (dir / "out.f32").string();
    const auto r = test::run_quern({"logits", "-m", model, "--ids", ids, "-o", out, "-ctk", "f32",
                                    "-mla", absorbed != 0 ? "absorbed" : "expanded"});
    ASSERT_EQ(r.exit_code, 0) << r.err;
    logits[absorbed] = test::read_floats(out);
  }
  const auto [low, high] = std::minmax_element(logits[0].begin(), logits[0].end());
  double worst = 0;
  for (std::size_t i = 0; i < logits[0].size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(logits[0][i]) - logits[1][i]));
  }
  EXPECT_LT(worst / (*high - *low), 1e-3);
}

TEST(LogitsCommand, WrongUsageIsTold) {
  const test::TempDir dir;
  const std::string out = (dir / "out.f32").string();
  EXPECT_EQ(test::run_quern({"logits", "-m", kModel, "-o", out}).exit_code, 2);
  EXPECT_EQ(test::run_quern({"logits", "-m", kModel, "-p", "x"}).exit_code, 2);
  EXPECT_EQ(
      test::run_quern({"logits", "-m", kModel, "-p", "x", "-o", out, "--kernels", "no"}).exit_code,
      2);
}

TEST(LogitsCommand, LogitsOfAnotherModelAreReplacedByNone) {
  const test::TempDir dir;
  const std::string file = (dir / "l.f32").string();
  test::write_bytes(file, std::vector<std::byte>(52, std::byte{1}));  // rows of 13
  const auto r =
      test::run_quern({"logits", "-m", test::source_path("data/tiny-mla-bf16.gguf").string(), "-p",
                       "a", "-o", file});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_NE(r.err.find("hint: logits of another model?"), std::string::npos) << r.err;
  EXPECT_EQ(std::filesystem::file_size(file), 52U);
}

TEST(LogitsCommand, BadIdsLeaveNoFile) {
  const test::TempDir dir;
  const std::string ids = (dir / "ids.i32").string();
  const std::string out = (dir / "out.f32").string();
  const std::int32_t values[] = {1, 9999};
  test::write_bytes(ids, std::as_bytes(std::span(values)));
  const auto r = test::run_quern({"logits", "-m", kModel, "--ids", ids, "-o", out});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_NE(r.err.find("9999"), std::string::npos) << r.err;
  test::write_bytes(ids, std::as_bytes(std::span(values)).first(7));
  EXPECT_EQ(test::run_quern({"logits", "-m", kModel, "--ids", ids, "-o", out}).exit_code, 1);
  std::filesystem::remove(ids);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

}  // namespace
