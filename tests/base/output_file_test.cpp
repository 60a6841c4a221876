#include "base/output_file.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/support.h"

namespace {

/// The number of a process that has ended.
pid_t dead_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return child;
}

void put(const std::filesystem::path& path) {
  test::write_bytes(path, std::vector<std::byte>(10000, std::byte{1}));
}

TEST(OutputFile, LeftOversOfDeadProcessesAreRemoved) {
  const test::TempDir dir;
  const std::string dead = std::to_string(dead_process());
  put(dir / ("o.gguf.unfinished-" + dead));
  put(dir / ("o.gguf.unfinished-" + dead + "-2"));
  const auto removed = base::remove_unfinished(dir / "o.gguf");
  ASSERT_EQ(removed.size(), 2u);
  EXPECT_GE(removed[0].bytes, 10000u);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(OutputFile, FilesOfTheLivingAndOfOtherNamesStay) {
  const test::TempDir dir;
  const std::string dead = std::to_string(dead_process());
  const std::vector<std::string> names = {
      "o.gguf.unfinished-" + std::to_string(::getppid()),  // alive
      "o.gguf.unfinished-",
      "o.gguf.unfinished-x" + dead,
      "o.gguf.unfinished-" + dead + "x",
      "other.gguf.unfinished-" + dead,
      "o.gguf"};
  for (const std::string& name : names) put(dir / name);
  std::filesystem::create_directory(dir / ("o.gguf.unfinished-" + dead));
  EXPECT_TRUE(base::remove_unfinished(dir / "o.gguf").empty());
  for (const std::string& name : names) EXPECT_TRUE(std::filesystem::exists(dir / name)) << name;
}

TEST(OutputFile, AFileInWorkElsewhereStays) {
  const test::TempDir dir;
  base::OutputFile file(dir / "o");  // locked, as by a process of another container
  const auto as_if_dead = dir / ("o.unfinished-" + std::to_string(dead_process()));
  std::filesystem::rename(file.temporary_path(), as_if_dead);
  EXPECT_TRUE(base::remove_unfinished(dir / "o").empty());
  EXPECT_TRUE(std::filesystem::exists(as_if_dead));
}

TEST(OutputFile, TheNextFileOfTheNameCleansUp) {
  const test::TempDir dir;
  const auto rest = dir / ("o.unfinished-" + std::to_string(dead_process()));
  put(rest);
  const base::OutputFile file(dir / "o");
  EXPECT_FALSE(std::filesystem::exists(rest));
}

TEST(OutputFile, AKilledWriterLeavesNothingForTheNext) {
  const test::TempDir dir;
  const pid_t child = ::fork();
  if (child == 0) {
    base::OutputFile file(dir / "o");
    file.reserve(1 << 20);
    ::raise(SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_FALSE(std::filesystem::is_empty(dir.path()));
  EXPECT_EQ(base::remove_unfinished(dir / "o").size(), 1u);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

}  // namespace
