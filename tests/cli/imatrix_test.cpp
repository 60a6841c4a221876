// quern imatrix: killed at any moment, and data of earlier runs.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "calibrate/importance.h"
#include "support/support.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string model() { return test::source_path("data/tiny-mla-bf16.gguf").string(); }
std::string text() { return test::source_path("data/calibration.txt").string(); }

std::vector<std::string> collect_words(const std::filesystem::path& out) {
  return {"imatrix", "-m", model(), "-f", text(),     "-o", out.string(), "-c", "64",
          "-ub",     "64", "-t",    "1",  "--chunks", "48", "-ofreq",     "4",  "--no-ppl"};
}

/// Runs the program; kills it after some time. False if it came to its end before.
bool killed_after(const std::vector<std::string>& words, unsigned microseconds) {
  return WIFSIGNALED(test::signal_quern(words, SIGKILL, microseconds));
}

TEST(ImatrixCommand, KilledAtAnyMomentItGoesOnAndEndsWithTheSameValues) {
  const test::TempDir dir;
  const auto whole = dir / "whole.gguf";
  ASSERT_EQ(test::run_quern(collect_words(whole)).exit_code, 0);
  const auto out = dir / "out.gguf";
  for (useconds_t i = 1; i <= 6; ++i) {
    if (!killed_after(collect_words(out), 60000 * i)) break;
    // What stands under the final name was saved whole (-ofreq).
    if (std::filesystem::exists(out)) {
      EXPECT_NO_THROW(calibrate::load_importance(out));
    }
  }
  const auto r = test::run_quern(collect_words(out));
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(calibrate::load_importance(out).entries.size(),
            calibrate::load_importance(whole).entries.size());
  EXPECT_EQ(test::read_bytes(out), test::read_bytes(whole));
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(dir.path())) {
    names.push_back(file.path().filename().string());
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("whole.gguf", "out.gguf"));
}

TEST(ImatrixCommand, SpillIsCheckedBeforeTheModelIsRead) {
  const test::TempDir dir;
  const auto spill = dir / "spill";
  std::vector<std::string> words = collect_words(dir / "out.gguf");
  *(std::find(words.begin(), words.end(), "--chunks") + 1) = "1";
  words.insert(words.end(), {"--spill", spill.string()});
  const auto unused = test::run_quern(words);
  EXPECT_EQ(unused.exit_code, 0) << unused.err;
  EXPECT_THAT(unused.err, HasSubstr("--spill has no effect without --loop layer"));
  words.insert(words.end(), {"--loop", "layer"});
  const std::string mine = "mine";
  test::write_bytes(spill, std::as_bytes(std::span(mine)));
  const auto r = test::run_quern(words);
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.err, AllOf(HasSubstr("the file of --spill exists already"), HasSubstr("hint: ")));
  EXPECT_EQ(test::read_text(spill), mine);
}

TEST(ImatrixCommand, EarlierDataOfAnotherModelIsRefusedBeforeTheFirstChunk) {
  const test::TempDir dir;
  calibrate::Importance other;
  calibrate::Entry& e = other.entries["blk.0.attn_q_a.weight"];
  e.n_cols = 8;
  e.sums.assign(8, 1.0);
  e.counts = {1};
  other.chunk_count = 1;
  const auto path = dir / "other.gguf";
  calibrate::save_importance(other, path, calibrate::Dialect::gguf);
  std::vector<std::string> words = collect_words(dir / "out.gguf");
  words.insert(words.end(), {"--in-file", path.string()});
  const auto r = test::run_quern(words);
  EXPECT_NE(r.exit_code, 0);
  EXPECT_THAT(r.err, AllOf(HasSubstr("importance entries of one tensor differ in size"),
                           HasSubstr("blk.0.attn_q_a.weight"), HasSubstr(path.string())));
  EXPECT_THAT(r.out, Not(HasSubstr("chunks of")));
  EXPECT_FALSE(std::filesystem::exists(dir / "out.gguf.checkpoint"));
}

TEST(ImatrixCommand, TheSameEarlierFileTwiceIsRefused) {
  const test::TempDir dir;
  const std::string golden =
      test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf").string();
  std::filesystem::create_symlink(golden, dir / "link.gguf");
  const auto r = test::run_quern({"imatrix", "--in-file", golden, "--in-file",
                                  (dir / "link.gguf").string(), "-o", (dir / "o.gguf").string()});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_THAT(r.err, HasSubstr("--in-file names a file twice"));
  EXPECT_FALSE(std::filesystem::exists(dir / "o.gguf"));
}

}  // namespace
