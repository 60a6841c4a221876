// Wrong words on the command line: the message names the word, and what was expected.
#include <gmock/gmock.h>

#include <fstream>

#include "base/file_lock.h"
#include "support/support.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();
const std::string kText = test::source_path("data/evaluation.txt").string();

void expect_error(const std::vector<std::string>& words, int code,
                  const testing::Matcher<const std::string&>& message) {
  const test::RunResult r = test::run_quern(words);
  EXPECT_EQ(r.exit_code, code) << words[0];
  EXPECT_THAT(r.err, message);
}

TEST(Usage, AStrayArgumentIsNamed) {
  expect_error({"perplexity", "-m", kModel, "extra.txt"}, 2,
               HasSubstr("unexpected argument extra.txt, usage: quern perplexity -m MODEL"));
  expect_error({"info", kModel, "more", "still"}, 2, HasSubstr("unexpected argument more"));
}

TEST(Usage, OptionsOfTheProgramAreGuessed) {
  expect_error({"--verson"}, 2,
               AllOf(HasSubstr("unknown option --verson"), HasSubstr("did you mean --version?")));
  expect_error({"quantise"}, 2, HasSubstr("unknown command quantise"));
  expect_error({"cli"}, 2, AllOf(HasSubstr("unknown command cli"), HasSubstr("`quern chat`")));
  expect_error({"llama-server"}, 2, HasSubstr("there is no server here yet"));
}

TEST(Usage, OneOfTwoSources) {
  expect_error({"run", "-m", kModel, "-p", "a", "-f", kText}, 2,
               HasSubstr("--prompt and --file exclude each other"));
  expect_error({"run", "-m", kModel}, 2, HasSubstr("neither --prompt nor --file is given"));
  const test::TempDir dir;
  expect_error({"logits", "-m", kModel, "-o", (dir / "o").string()}, 2,
               HasSubstr("neither --ids nor --prompt is given"));
}

TEST(Usage, TheBadTokenIdOfAFileIsNamedWithItsPlace) {
  const test::TempDir dir;
  const std::int32_t ids[] = {1, 4095, 4096, -1};
  test::write_bytes(dir / "ids", std::as_bytes(std::span(ids)));
  expect_error(
      {"logits", "-m", kModel, "--ids", (dir / "ids").string(), "-o", (dir / "o").string()}, 1,
      AllOf(HasSubstr("token id outside the vocabulary"), HasSubstr("position: 2"),
            HasSubstr("offset: 8"), HasSubstr("found: 4096"), HasSubstr("0 to 4095"),
            HasSubstr((dir / "ids").string())));
  EXPECT_FALSE(std::filesystem::exists(dir / "o"));
}

TEST(Usage, ABiasOfNoTokenIsRefused) {
  for (const char* command : {"run", "chat"}) {
    std::vector<std::string> words{command, "-m", kModel, "-l", "4096+5"};
    if (words[0] == "run") words.insert(words.end(), {"-p", "x"});
    expect_error(words, 2,
                 AllOf(HasSubstr("--logit-bias names no token"), HasSubstr("found: 4096"),
                       HasSubstr("0 to 4095")));
  }
}

TEST(Usage, AFullContextIsTold) {
  const auto full = test::run_quern(
      {"run", "-m", kModel, "-p", "one two", "-c", "8", "--ignore-eos", "--seed", "1"});
  EXPECT_EQ(full.exit_code, 0) << full.err;
  EXPECT_THAT(full.err, HasSubstr("the context of 8 tokens is full"));
  const auto enough = test::run_quern(
      {"run", "-m", kModel, "-p", "one two", "-c", "8", "-n", "2", "--ignore-eos", "--seed", "1"});
  EXPECT_EQ(enough.exit_code, 0) << enough.err;
  EXPECT_THAT(enough.err, testing::Not(HasSubstr("is full")));
}

TEST(Usage, AnOutputInWorkElsewhereIsRefused) {
  const test::TempDir dir;
  const std::string base = (dir / "base").string(), whole = (dir / "m.gguf").string();
  const auto first = base::FileLock::beside(base);
  const auto second = base::FileLock::beside(whole);
  expect_error(
      {"perplexity", "-m", kModel, "-f", kText, "--chunks", "1", "--kl-divergence-base", base}, 1,
      AllOf(HasSubstr("another run writes here"), HasSubstr(base)));
  expect_error({"merge", kModel, whole}, 1, HasSubstr("another run writes here"));
}

TEST(Usage, AFileThatBeginsLikeAModelMayBeCutOff) {
  const test::TempDir dir;
  std::ofstream(dir / "m.gguf") << "GGU";
  expect_error({"info", (dir / "m.gguf").string()}, 1, HasSubstr("is the file cut off?"));
}

TEST(Usage, AFolderIsNoManifest) {
  const test::TempDir dir;
  expect_error({"hash", kModel, "-c", dir.path().string()}, 5, HasSubstr("it is a folder"));
  expect_error({"hash", kModel, "-c", (dir / "none").string()}, 5,
               HasSubstr("cannot read the manifest"));
}

TEST(Usage, AFolderOfOtherFilesIsNoCache) {
  const test::TempDir dir;
  EXPECT_EQ(test::run_quern({"cache", "list", dir.path().string()}).exit_code, 0) << "just made";
  std::ofstream(dir / "letter.txt") << "x";
  expect_error({"cache", "list", dir.path().string()}, 1,
               AllOf(HasSubstr("no cache of encoded tensors"), HasSubstr("found: letter.txt")));
}

}  // namespace
