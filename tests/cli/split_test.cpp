// quern split, merge and hash, as a user calls them.
#include <sys/wait.h>
#include <unistd.h>

#include "gguf/reshard.h"
#include "support/support.h"

namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

TEST(Split, BySizeAndBackAgainKeepsEveryHash) {
  const test::TempDir dir;
  const std::string prefix = (dir / "part").string();
  const test::RunResult split =
      test::run_quern({"split", "--split-max-size", "10M", kModel, prefix + ".gguf"});
  ASSERT_EQ(split.exit_code, 0) << split.err;
  EXPECT_THAT(split.out, HasSubstr("n_split: 4\nsplit 00001: n_tensors = "));
  const std::string first = prefix + "-00001-of-00004.gguf";
  ASSERT_TRUE(fs::exists(first));
  const std::string merged = (dir / "merged.gguf").string();
  const test::RunResult merge = test::run_quern({"merge", "--delete-splits", first, merged});
  ASSERT_EQ(merge.exit_code, 0) << merge.err;
  EXPECT_FALSE(fs::exists(first));
  const std::string hash = test::run_quern({"hash", "--no-layer", "--all", kModel}).out;
  std::string again = test::run_quern({"hash", "--no-layer", "--all", merged}).out;
  for (std::size_t at; (at = again.find(merged)) != std::string::npos;) {
    again.replace(at, merged.size(), kModel);
  }
  EXPECT_EQ(again, hash);
}

TEST(Split, MoreShardsThanFilesMayBeOpenAtFirst) {
  const test::TempDir dir;
  const std::string prefix = (dir / "s").string();
  const test::RunResult r = test::run_program(
      "/bin/sh", {"-c", "ulimit -Sn 40 && exec \"$0\" split --split-max-tensors 1 \"$1\" \"$2\"",
                  test::program_path(), kModel, prefix});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("100 files written"));
}

TEST(Split, ARunThatFinishesAKilledOneIsDone) {
  const test::TempDir dir;
  const std::string prefix = (dir / "s").string(), first = prefix + "-00001-of-00002.gguf";
  const std::vector<std::string> words = {"split", "--split-max-tensors", "50", kModel, prefix};
  ASSERT_EQ(test::run_quern(words).exit_code, 0);
  const auto whole = test::read_bytes(first);
  fs::remove(first);
  fs::remove(prefix + "-00002-of-00002.gguf");
  // Killed before the last rename: as write_split does it, in a child.
  const pid_t child = ::fork();
  if (child == 0) {
    const gguf::FileSet files = gguf::FileSet::open(kModel);
    const gguf::SplitRule rule{.max_tensors = 50};
    base::SilentProgress progress;
    const base::StopFlag stop;
    int step = 0;
    gguf::write_split(files, gguf::plan_split(files, rule), prefix, progress, stop,
                      {.job = gguf::split_job(files, rule), .before_step = [&] {
                         if (step++ == 2) ::_exit(0);
                       }});
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  ASSERT_FALSE(fs::exists(first));
  const test::RunResult r = test::run_quern(words);
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("all 2 have them now"));
  EXPECT_EQ(test::read_bytes(first), whole);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 2);
}

TEST(Split, DryRunWritesNothing) {
  const test::TempDir dir;
  const test::RunResult r = test::run_quern(
      {"split", "--dry-run", "--split-max-tensors", "50", kModel, (dir / "x").string()});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.out.rfind("n_split: 2\nsplit 00001: n_tensors = 50, total_size = ", 0), 0u) << r.out;
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(Split, WrongUsage) {
  EXPECT_EQ(test::run_quern({"split", kModel}).exit_code, 2);
  EXPECT_EQ(test::run_quern({"split", "--split-max-size", "10", kModel, "x"}).exit_code, 2);
  EXPECT_EQ(
      test::run_quern({"split", "--split-max-size", "1G", "--split-max-tensors", "3", kModel, "x"})
          .exit_code,
      2);
  EXPECT_EQ(test::run_quern({"split", "--split", "--merge", kModel, "x"}).exit_code, 2);
}

TEST(Hash, LinesNameHashValueAndTensor) {
  const test::RunResult r = test::run_quern({"hash", kModel, "--sha1", "--uuid"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(std::count(r.out.begin(), r.out.end(), '\n'), 102);
  EXPECT_EQ(r.out.rfind("sha1      ", 0), 0u);
  EXPECT_THAT(r.out, HasSubstr("  " + kModel + ":token_embd.weight\n"));
  EXPECT_THAT(r.out, testing::ContainsRegex(
                         "uuid      [0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-"));
}

TEST(Hash, CheckComparesWithAnEarlierRun) {
  const test::TempDir dir;
  std::string lines = test::run_quern({"hash", kModel, "--xxh64", "--sha256"}).out;
  const auto manifest = dir / "manifest";
  const auto check = [&](const std::string& text) {
    test::write_bytes(manifest, std::as_bytes(std::span(text)));
    return test::run_quern({"hash", "--check", manifest.string(), kModel});
  };
  const test::RunResult good = check(lines);
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.out.rfind("manifest  " + manifest.string() + "  sha256  xxh64\nsha256    ", 0),
            0u);
  EXPECT_THAT(good.out, HasSubstr("Verification results for " + manifest.string() + " - Success"));
  EXPECT_EQ(good.out.find("xxh64     "), std::string::npos);
  const std::size_t at = lines.find("sha256    ") + 10;
  lines[at] = lines[at] == '0' ? '1' : '0';
  const test::RunResult bad = check(lines);
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.out, HasSubstr("  -  Mismatch\n"));
  EXPECT_THAT(bad.out, HasSubstr(" - Failure\n"));
  EXPECT_EQ(check("sha1      00  other.gguf\n").exit_code, 3);
  EXPECT_EQ(check("md5  00  x\n").exit_code, 4);
  EXPECT_EQ(test::run_quern({"hash", "-c", (dir / "none").string(), kModel}).exit_code, 5);
}

}  // namespace
