// No command may replace one of its inputs; importance of another model is an error.
#include <cstdlib>

#include "calibrate/importance.h"
#include "support/support.h"

namespace {

std::string model_copy(const test::TempDir& dir) {
  const auto path = dir / "m.gguf";
  std::filesystem::copy_file(test::source_path("data/tiny-mla-bf16.gguf"), path);
  return path.string();
}

TEST(Outputs, AnInputIsNeverReplaced) {
  const test::TempDir dir;
  const std::string model = model_copy(dir);
  const auto size = std::filesystem::file_size(model);
  const std::string text = test::source_path("data/evaluation.txt").string();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"imatrix", "-m", model, "-f", text, "--chunks", "1", "-o", model},
        {"perplexity", "-m", model, "-f", text, "--chunks", "2", "--kl-divergence-base", model},
        {"logits", "-m", model, "-p", "hi", "-o", model},
        {"quantize", model, model, "Q8_0"}}) {
    const auto result = test::run_quern(words);
    EXPECT_NE(result.exit_code, 0) << words[0];
    EXPECT_EQ(std::filesystem::file_size(model), size) << words[0];
  }
}

TEST(Outputs, ImportanceOfAnotherModelIsAnError) {
  const test::TempDir dir;
  calibrate::Importance other;
  other.entries["blk.0.other.weight"] = {
      .n_cols = 256, .n_vectors = 1, .sums = std::vector<double>(256, 1.0), .counts = {1}};
  other.chunk_count = 1;
  calibrate::save_importance(other, dir / "other.gguf", calibrate::Dialect::gguf);
  const auto result = test::run_quern({"quantize", "--imatrix", (dir / "other.gguf").string(),
                                       test::source_path("data/tiny-mla-bf16.gguf").string(),
                                       (dir / "out.gguf").string(), "Q8_0"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("made with another model"), std::string::npos) << result.err;
  EXPECT_FALSE(std::filesystem::exists(dir / "out.gguf"));
}

TEST(Outputs, RuleThatFitsNothingIsTold) {
  const test::TempDir dir;
  const auto result =
      test::run_quern({"quantize", "--dry-run", "--custom-q", "nothing_like_it=q8_0,ffn_down=q6_K",
                       test::source_path("data/tiny-mla-bf16.gguf").string(),
                       (dir / "out.gguf").string(), "Q4_K_M"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("nothing_like_it: this rule fits the name of no tensor"),
            std::string::npos);
  EXPECT_EQ(result.err.find("ffn_down: this rule fits"), std::string::npos);
}

TEST(Outputs, LostStandardOutputIsAnError) {
  const std::string command = std::string(test::program_path()) + " tokenize -m " +
                              test::source_path("data/tiny-mla-bf16.gguf").string() +
                              " -p hello > /dev/full 2> /dev/null";
  EXPECT_NE(std::system(command.c_str()), 0);
}

}  // namespace
