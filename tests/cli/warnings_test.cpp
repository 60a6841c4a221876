// What works but is likely not meant is told.
#include <gmock/gmock.h>

#include "calibrate/importance.h"
#include "support/support.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();
const std::string kText = test::source_path("data/evaluation.txt").string();

TEST(Warnings, AModelIsNoText) {
  for (const std::string command : {"perplexity", "imatrix"}) {
    const test::TempDir dir;
    std::vector<std::string> words{command, "-m", kModel, "-f", kModel, "--chunks", "1"};
    if (command == "imatrix") words.insert(words.end(), {"-o", (dir / "i.gguf").string()});
    const auto r = test::run_quern(words);
    EXPECT_EQ(r.exit_code, 1);
    EXPECT_THAT(r.err, HasSubstr("the text is a GGUF file"));
  }
}

/// A base file of two chunks.
bool write_base(const std::string& base) {
  return test::run_quern({"perplexity", "-m", kModel, "-f", kText, "-c", "64", "--chunks", "2",
                          "--kl-divergence-base", base})
             .exit_code == 0;
}

TEST(Warnings, TheBaseFileDecidesOverTextAndWindows) {
  const test::TempDir dir;
  const std::string base = (dir / "base").string();
  ASSERT_TRUE(write_base(base));
  const auto r = test::run_quern({"perplexity", "-m", kModel, "--kl-divergence-base", base,
                                  "--kl-divergence", "-f", kText, "-c", "32", "--chunks", "1"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, AllOf(HasSubstr("--file has no effect"), HasSubstr("--ctx-size has no effect"),
                           HasSubstr("--chunks has no effect")));
  const auto plain = test::run_quern(
      {"perplexity", "-m", kModel, "--kl-divergence-base", base, "--kl-divergence"});
  EXPECT_THAT(plain.err, testing::Not(HasSubstr("no effect")));
}

TEST(Warnings, ABaseFileThatIsDamaged) {
  const test::TempDir dir;
  const std::string base = (dir / "base").string();
  ASSERT_TRUE(write_base(base));
  std::vector<std::byte> bytes = test::read_bytes(base);
  std::fill(bytes.end() - 20000, bytes.end(), std::byte{0});
  test::write_bytes(base, bytes);
  const auto r = test::run_quern(
      {"perplexity", "-m", kModel, "--kl-divergence-base", base, "--kl-divergence"});
  EXPECT_THAT(r.err, AllOf(HasSubstr("do not sum to one"), HasSubstr(base)));
}

TEST(Warnings, EarlierImportanceOfNoTensorAndOfAbsurdSize) {
  const test::TempDir dir;
  calibrate::Importance m;
  m.entries["Xlk.0.attn_k_b.weight"] = {
      .n_cols = 4, .n_vectors = 1, .sums = {1, 1, 1e33, 1}, .counts = {1}};
  m.chunk_count = 1;
  const std::string earlier = (dir / "m.dat").string();
  calibrate::save_importance(m, earlier, calibrate::Dialect::dat);
  const auto r = test::run_quern({"imatrix", "-m", kModel, "-f", kText, "-c", "16", "--chunks", "1",
                                  "--in-file", earlier, "-o", (dir / "o.gguf").string()});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, AllOf(HasSubstr("belongs to no tensor: Xlk.0.attn_k_b.weight"),
                           HasSubstr("1 of 4 values are above 1e+30, the first in column 2")));
  EXPECT_THAT(r.out, HasSubstr("imatrix: 1 chunk of 16 tokens\n"));
  EXPECT_THAT(test::run_quern({"info", earlier}).out,
              AllOf(HasSubstr("above 1e+30"), HasSubstr("1 chunk of 512 tokens")));
}

TEST(Warnings, MoreTokensThanTheModelWasTrainedFor) {
  const test::TempDir dir;
  std::vector<std::int32_t> ids(520, 5);
  test::write_bytes(dir / "ids", std::as_bytes(std::span(ids)));
  const std::string out = (dir / "out").string();
  const std::string file = (dir / "ids").string();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"run", "-m", kModel, "-p", "x", "-n", "1", "-c", "513"},
        {"logits", "-m", kModel, "--ids", file, "-o", out}}) {
    const auto r = test::run_quern(words);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    EXPECT_THAT(r.err, HasSubstr("the model was trained for 512")) << words[0];
  }
  EXPECT_THAT(test::run_quern({"run", "-m", kModel, "-p", "x", "-n", "1", "-c", "512"}).err,
              testing::Not(HasSubstr("trained for")));
  // The windows of --ppl-stride are those of the batch and half a stride.
  for (const char* tokens : {"512", "256"}) {
    const auto r = test::run_quern({"perplexity", "-m", kModel, "-f", kText, "-c", tokens, "-b",
                                    tokens, "--ppl-stride", "4", "--chunks", "1"});
    EXPECT_EQ(r.exit_code, 0) << r.err;
    EXPECT_EQ(
        r.err.find("514 tokens at once, but the model was trained for 512") != std::string::npos,
        std::string(tokens) == "512")
        << r.err;
  }
}

TEST(Warnings, ANameThatPromisesNeitherFormat) {
  const test::TempDir dir;
  const std::string earlier =
      test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf").string();
  for (const auto& [name, told] : {std::pair<const char*, bool>{"imx.txt", true},
                                   {"imx", true},
                                   {"imx.gguf", false},
                                   {"imx.dat", false}}) {
    const std::string out = (dir / name).string();
    const auto r = test::run_quern({"imatrix", "--in-file", earlier, "-o", out});
    EXPECT_EQ(r.exit_code, 0) << r.err;
    EXPECT_EQ(r.err.find(out + " is written as GGUF") != std::string::npos, told) << r.err;
  }
  const auto asked = test::run_quern(
      {"imatrix", "--in-file", earlier, "-o", (dir / "d.im").string(), "--output-format", "dat"});
  EXPECT_EQ(asked.err, "");
}

TEST(Warnings, OverriddenKeysThatCannotBeMeant) {
  const auto twice = test::run_quern({"quantize", "--dry-run", "--override-kv", "a.b=int:1",
                                      "--override-kv", "a.b=int:2", kModel, "o", "COPY"});
  EXPECT_EQ(twice.exit_code, 0) << twice.err;
  EXPECT_THAT(twice.err, HasSubstr("warning: --override-kv sets a.b more than once; the last one"));
  const auto other = test::run_quern({"quantize", "--dry-run", "--override-kv",
                                      "general.architecture=str:llama", kModel, "o", "COPY"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.err, AllOf(HasSubstr("hint: --override-kv makes it a llama model"),
                               testing::Not(HasSubstr("incomplete conversion"))));
}

TEST(Warnings, InfoTellsIdsOutsideTheVocabulary) {
  const test::TempDir dir;
  const std::string out = (dir / "m.gguf").string();
  ASSERT_EQ(test::run_quern({"quantize", "--override-kv", "tokenizer.ggml.bos_token_id=int:99999",
                             kModel, out, "COPY"})
                .exit_code,
            0);
  EXPECT_THAT(test::run_quern({"info", out}).out,
              AllOf(HasSubstr("tokenizer.ggml.bos_token_id"),
                    HasSubstr("token id 99999 is outside the vocabulary of 4096 tokens")));
  EXPECT_THAT(test::run_quern({"info", kModel}).out,
              testing::ContainsRegex("tokenizer +llama, 4096 tokens, BOS [0-9]+, EOS [0-9]+, "));
}

}  // namespace
