#include "base/output_file.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "support/bytes_builder.h"
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

TEST(OutputFile, LeftOversOfAProcessNobodyHasWaitedForAreRemoved) {
  const test::TempDir dir;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  put(dir / ("o.unfinished-" + std::to_string(child)));
  EXPECT_EQ(base::remove_unfinished(dir / "o").size(), 1u);
  ::waitpid(child, nullptr, 0);
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
  {
    const base::OutputFile one_of_many(dir / "o", base::LeftOvers::keep);
    EXPECT_TRUE(std::filesystem::exists(rest));
  }
  const base::OutputFile file(dir / "o");
  EXPECT_FALSE(std::filesystem::exists(rest));
}

TEST(OutputFile, ALinkStaysAndWhatItNamesIsWritten) {
  const test::TempDir dir;
  std::filesystem::create_directory(dir / "disk");
  std::filesystem::create_symlink("disk/o.gguf", dir / "link");  // nothing is there yet
  std::filesystem::create_symlink(dir / "link", dir / "link2");
  const std::vector<std::byte> bytes(100, std::byte{7});
  for (int round = 0; round < 2; ++round) {
    base::OutputFile file(dir / "link2");
    EXPECT_EQ(file.temporary_path().parent_path(), dir / "disk");
    file.write(0, bytes);
    file.commit();
  }
  EXPECT_TRUE(std::filesystem::is_symlink(dir / "link"));
  EXPECT_TRUE(std::filesystem::is_symlink(dir / "link2"));
  EXPECT_EQ(test::read_bytes(dir / "disk/o.gguf"), bytes);
}

TEST(OutputFile, ANameWithoutRoomForTheTemporaryOneIsTold) {
  const test::TempDir dir;
  const std::string said = test::error_text([&] { base::OutputFile(dir / std::string(245, 'n')); });
  EXPECT_NE(said.find("File name too long"), std::string::npos) << said;
  EXPECT_NE(said.find("give it a shorter name"), std::string::npos) << said;
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
