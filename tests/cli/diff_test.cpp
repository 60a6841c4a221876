// quern diff, as a user and as a script call it.
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/spoiled_model.h"
#include "support/terminal.h"

namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

TEST(DiffCommand, SameAndDifferent) {
  const test::TempDir dir;
  const test::RunResult same = test::run_quern({"diff", "--values", kModel, kModel});
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_EQ(same.out,
            "0 of 38 keys differ; of 100 tensors 0 only in A, 0 only in B, 0 of another type, 0 of "
            "another shape, 0 with other values\n");
  test::Spoiled m;
  m.metadata.set("general.name", std::string("other"));
  m.drop("blk.1.attn_norm.weight");
  const std::string b = m.write(dir / "b.gguf");
  const test::RunResult r = test::run_quern({"diff", kModel, b});
  EXPECT_EQ(r.exit_code, 3) << r.err;
  EXPECT_THAT(r.out, HasSubstr("keys\n  A  general.name  str Quern tiny MLA\n"
                               "  B                str other\n"));
  EXPECT_THAT(r.out, HasSubstr("tensors\n  only A f32  1  blk.1.attn_norm.weight\n"));
  EXPECT_THAT(r.out, HasSubstr("values not compared\n"));
}

TEST(DiffCommand, AnExpressionThatMatchesNothingIsAMistake) {
  const test::RunResult r = test::run_quern({"diff", "--tensors", "blk.99", kModel, kModel});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_THAT(r.err, HasSubstr("no tensor of either model matches"));
}

TEST(DiffCommand, WithoutValuesNoErrorsAreTold) {
  const test::RunResult r =
      test::run_quern({"diff", "--all", "--tensors", "blk.1.attn_norm", kModel, kModel});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("blk.1.attn_norm.weight"));
  EXPECT_THAT(r.out, testing::Not(HasSubstr("1.0000000")));
}

TEST(DiffCommand, ErrorsByTensorAsTextAndJson) {
  const test::TempDir dir;
  const std::string b = (dir / "b.gguf").string();
  ASSERT_EQ(test::run_quern({"quantize", kModel, b, "q8_0"}).exit_code, 0);
  const test::RunResult text =
      test::run_quern({"diff", "--values", "--tensors", "blk.1.attn_output", kModel, b});
  EXPECT_EQ(text.exit_code, 3);
  EXPECT_THAT(text.out, HasSubstr("  blk.1.attn_output.weight  bf16 -> q8_0  {512, 256}   0.00"));
  const test::RunResult r = test::run_quern({"diff", "--json", "--all", "--values", kModel, b});
  const json j = json::parse(r.out);
  EXPECT_FALSE(j["same"]);
  EXPECT_TRUE(j["values_compared"]);
  ASSERT_EQ(j["tensors"].size(), 100u);
  for (const json& t : j["tensors"]) {
    EXPECT_LT(t["relative_rmse"], 0.01) << t;
    EXPECT_EQ(t["same"], t["same_bytes"]) << t;
  }
}

TEST(DiffCommand, TheTableOfValuesFitsATerminal) {
  const test::TempDir dir;
  const std::string b = (dir / "b.gguf").string();
  ASSERT_EQ(test::run_quern({"quantize", kModel, b, "q8_0"}).exit_code, 0);
  const std::string out = test::run_in_terminal({"diff", "--values", kModel, b}, 80);
  if (out.empty()) GTEST_SKIP() << "no terminals here";
  EXPECT_THAT(out, HasSubstr("rel. RMSE"));
  EXPECT_THAT(out, HasSubstr("cosine"));
  std::istringstream lines(out.substr(out.find("tensors\n")));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(DiffCommand, UnreadableIsAnError) {
  EXPECT_EQ(test::run_quern({"diff", kModel, "none.gguf"}).exit_code, 1);
  EXPECT_EQ(test::run_quern({"diff", kModel}).exit_code, 2);
}

}  // namespace
