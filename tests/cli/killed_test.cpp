// Commands that are killed at many moments: what they work on is as it was, or as it becomes,
// nothing half has a final name, and the same command completes.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <map>

#include "support/support.h"

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;
/// Name -> content.
using Folder = std::map<std::string, std::vector<std::byte>>;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

Folder content_of(const fs::path& path) {
  Folder out;
  for (const auto& f : fs::directory_iterator(path)) {
    out[f.path().filename().string()] = test::read_bytes(f.path());
  }
  return out;
}

void fill(const fs::path& path, const Folder& content) {
  for (const auto& f : fs::directory_iterator(path)) fs::remove_all(f);
  for (const auto& [name, bytes] : content) test::write_bytes(path / name, bytes);
}

/// What bears a final name.
Folder finished(Folder folder) {
  std::erase_if(folder, [](const auto& f) {
    return f.first.find(".unfinished-") != std::string::npos || f.first.ends_with(".lock");
  });
  return folder;
}

/// Runs the program; kills it after some time. False if it came to its end before.
bool killed_after(const Words& words, unsigned microseconds) {
  return WIFSIGNALED(test::signal_quern(words, SIGKILL, microseconds));
}

struct Case {
  const char* name;
  /// Run once in the folder before.
  std::function<std::vector<Words>(const fs::path&)> prepare;
  std::function<Words(const fs::path&)> command;
};

std::string at(const fs::path& folder, const char* name) { return (folder / name).string(); }

std::vector<Words> none(const fs::path&) { return {}; }
std::vector<Words> a_set(const fs::path& d) {
  return {{"split", "--split-max-tensors", "40", kModel, at(d, "m")}};
}

const Case kCases[] = {
    {"Split", none,
     [](const fs::path& d) {
       return Words{"split", "--split-max-tensors", "20", kModel, at(d, "s")};
     }},
    {"EditOfASet", a_set,
     [](const fs::path& d) {
       return Words{"edit", at(d, "m-00001-of-00003.gguf"), "--mla", "split", "-t", "1"};
     }},
    {"QuantizeIntoASet", none,
     [](const fs::path& d) {
       return Words{"quantize", "--split-max-tensors", "40", kModel, at(d, "q.gguf"), "q8_0", "1"};
     }},
};

class Killed : public testing::TestWithParam<Case> {};

TEST_P(Killed, AtAnyMomentNothingHalfHasAFinalName) {
  // In memory, where there is such a place: waiting for a disk shows nothing more.
  if (::access("/dev/shm", W_OK | X_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 1);
  const test::TempDir dir;
  ::unsetenv("TMPDIR");
  for (const Words& words : GetParam().prepare(dir.path())) {
    ASSERT_EQ(test::run_quern(words).exit_code, 0);
  }
  const Folder before = content_of(dir.path());
  const Words command = GetParam().command(dir.path());
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(test::run_quern(command).exit_code, 0);
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - start);
  const Folder after = content_of(dir.path());
  ASSERT_NE(after, before);
  int n_killed = 0;
  constexpr int kMoments = 4;
  for (int i = 0; i < kMoments; ++i) {
    fill(dir.path(), before);
    const auto moment = static_cast<useconds_t>(whole.count() * (2 * i + 1) / (2 * kMoments));
    n_killed += killed_after(command, moment) ? 1 : 0;
    const Folder now = content_of(dir.path());
    const bool half_named = std::any_of(
        now.begin(), now.end(), [](const auto& f) { return f.first.ends_with(".unfinished-set"); });
    EXPECT_TRUE(half_named || finished(now) == before || finished(now) == after) << i;
    if (finished(now) == after) continue;  // a second edit would find nothing to do
    const test::RunResult again = test::run_quern(command);
    EXPECT_EQ(again.exit_code, 0) << again.err;
    EXPECT_EQ(content_of(dir.path()), after) << i;
  }
  EXPECT_GT(n_killed, 0);
}

INSTANTIATE_TEST_SUITE_P(Commands, Killed, testing::ValuesIn(kCases),
                         [](const auto& c) { return std::string(c.param.name); });

}  // namespace
