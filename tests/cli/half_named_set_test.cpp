// quantize of a set that ends between two renames: what the next command makes of it.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>

#include "support/process.h"
#include "support/support.h"

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Words = std::vector<std::string>;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

Words quantize(const test::TempDir& dir, const char* type, const Words& options = {}) {
  Words words = {"quantize", "--pure", "--split-max-tensors", "40"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {kModel, (dir / "q.gguf").string(), type, "1"});
  return words;
}

std::string shard(int no) { return "q-0000" + std::to_string(no) + "-of-00003.gguf"; }

std::map<std::string, ino_t> files_in(const test::TempDir& dir) {
  std::map<std::string, ino_t> out;
  for (const auto& f : fs::directory_iterator(dir.path())) {
    struct stat state {};
    if (::stat(f.path().c_str(), &state) == 0) out[f.path().filename().string()] = state.st_ino;
  }
  return out;
}

std::size_t n_unfinished(const test::TempDir& dir) {
  std::size_t n = 0;
  for (const auto& [name, inode] : files_in(dir)) {
    if (name.find(".gguf.unfinished-") != std::string::npos && !name.ends_with("-set")) ++n;
  }
  return n;
}

/// Runs until all files have temporary names and puts a folder in the place of the first final one:
/// its renaming, the last of all, fails. False if the run was faster.
bool ends_at_last_name(const test::TempDir& dir, const Words& words) {
  const pid_t child = test::start_quern(words);
  int status = 0;
  bool runs = true;
  while (runs && n_unfinished(dir) < 3) {
    runs = ::waitpid(child, &status, WNOHANG) == 0;
    ::usleep(500);
  }
  std::error_code exists;
  if (runs) {
    ::kill(child, SIGSTOP);
    fs::create_directory(dir / shard(1), exists);
    ::kill(child, SIGCONT);
    ::waitpid(child, &status, 0);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return false;
  fs::remove(dir / shard(1), exists);
  return true;
}

/// Leaves a set of which all files but the first have their names.
void leave_half_named(const test::TempDir& dir, const Words& words) {
  for (int i = 0; i < 10 && !ends_at_last_name(dir, words); ++i) {
    for (const auto& f : fs::directory_iterator(dir.path())) fs::remove_all(f);
  }
  ASSERT_EQ(n_unfinished(dir), 1U);
  ASSERT_TRUE(fs::exists(dir / (shard(1) + ".unfinished-set")));
}

TEST(HalfNamedSet, TheSameCommandOnlyGivesTheRestTheirNames) {
  const test::TempDir dir, whole;
  ASSERT_EQ(test::run_quern(quantize(whole, "q4_K")).exit_code, 0);
  leave_half_named(dir, quantize(dir, "q4_K", {"--resume"}));
  const auto before = files_in(dir);
  const auto r = test::run_quern(quantize(dir, "q4_K", {"--resume"}));
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("all 3 have them now"));
  const auto after = files_in(dir);
  EXPECT_EQ(after.size(), 3U) << "the folder of --resume goes as well";
  for (int no = 1; no <= 3; ++no) {
    EXPECT_EQ(test::read_bytes(dir / shard(no)), test::read_bytes(whole / shard(no))) << no;
  }
  for (int no = 2; no <= 3; ++no) {
    EXPECT_EQ(after.at(shard(no)), before.at(shard(no))) << "made anew";
  }
}

TEST(HalfNamedSet, AnotherCommandMakesItsOwn) {
  const test::TempDir dir, whole;
  ASSERT_EQ(test::run_quern(quantize(whole, "q8_0")).exit_code, 0);
  leave_half_named(dir, quantize(dir, "q4_K"));
  const auto r = test::run_quern(quantize(dir, "q8_0"));
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(files_in(dir).size(), 3U);
  for (int no = 1; no <= 3; ++no) {
    EXPECT_EQ(test::read_bytes(dir / shard(no)), test::read_bytes(whole / shard(no))) << no;
  }
}

TEST(HalfNamedSet, WithAFileLostItIsMadeAnew) {
  const test::TempDir dir;
  leave_half_named(dir, quantize(dir, "q4_K"));
  fs::remove(dir / shard(2));
  const auto r = test::run_quern(quantize(dir, "q4_K"));
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("warning: the set is made anew"));
  EXPECT_EQ(files_in(dir).size(), 3U);
}

TEST(HalfNamedSet, PartialRequantLeavesTheCompletedSet) {
  const test::TempDir dir;
  leave_half_named(dir, quantize(dir, "q4_K"));
  const auto before = files_in(dir);
  const auto r = test::run_quern(quantize(dir, "q8_0", {"--partial-requant"}));
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("all 3 have them now"));
  EXPECT_THAT(r.err, HasSubstr("left as it is: " + (dir / shard(1)).string()));
  EXPECT_THAT(r.err, HasSubstr("are not as asked for now"));
  EXPECT_EQ(files_in(dir).at(shard(2)), before.at(shard(2)));
  EXPECT_EQ(files_in(dir).size(), 3U);
}

}  // namespace
