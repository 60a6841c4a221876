// --resume and --cache of quantize: what they keep, and what they leave alone.
#include <gmock/gmock.h>

#include <fstream>

#include "support/support.h"

namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

TEST(EncoderCache, ResumeUsesNoFolderOfOtherFiles) {
  const test::TempDir dir;
  const std::string out = (dir / "r.gguf").string();
  const fs::path folder = out + ".resume";
  fs::create_directory(folder);
  const fs::path precious = folder / "precious.tensor";
  std::ofstream(precious) << "hi";
  const std::vector<std::string> words = {"quantize", "--resume", "--pure", kModel, out, "q8_0"};
  const auto r = test::run_quern(words);
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.err, AllOf(HasSubstr("--resume would use a folder that holds other files"),
                           HasSubstr("found: precious.tensor")));
  EXPECT_TRUE(fs::exists(precious));
  EXPECT_FALSE(fs::exists(out));
  fs::remove(precious);
  EXPECT_EQ(test::run_quern(words).exit_code, 0);
  EXPECT_FALSE(fs::exists(folder));
}

TEST(EncoderCache, TooSmallForOneRunIsTold) {
  const test::TempDir dir;
  std::vector<std::string> words = {
      "quantize", "--cache", (dir / "c").string(), "--cache-max", "5M",
      "--pure",   kModel,    (dir / "o").string(), "q8_0"};
  const auto too_small = HasSubstr("--cache-max is 5.00 MB: another run finds only some of them");
  const auto removed = testing::ContainsRegex(
      "warning: the cache keeps [1-9][0-9]? of the 65 tensors of this run: --cache-max is 5.00 MB");
  const auto r = test::run_quern(words);
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_THAT(r.err, AllOf(too_small, removed, HasSubstr("--cache-max 1G keeps all")));
  // What was left is found, and other entries than those of the run go first.
  words[4] = "30M";
  const auto again = test::run_quern(words);
  EXPECT_THAT(again.err, AllOf(Not(too_small), Not(removed), Not(HasSubstr("\n0 of"))));
  words.back() = "q4_0";
  EXPECT_THAT(test::run_quern(words).err, AllOf(Not(too_small), Not(removed)));
  EXPECT_THAT(test::run_quern(words).err, HasSubstr("65 of 65 encoded tensors came from"));
  words[4] = "5M";
  words.insert(words.begin() + 1, "--dry-run");
  EXPECT_THAT(test::run_quern(words).err, AllOf(too_small, Not(removed)));
}

}  // namespace
