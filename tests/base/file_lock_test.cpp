#include "base/file_lock.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "base/error.h"
#include "support/support.h"

namespace {

using testing::HasSubstr;

std::string refusal(const std::filesystem::path& output) {
  try {
    const auto lock = base::FileLock::beside(output);
  } catch (const base::Error& e) {
    return e.what();
  }
  return "";
}

TEST(FileLock, TheSecondIsRefusedAndToldWhoHoldsIt) {
  const test::TempDir dir;
  {
    const auto lock = base::FileLock::beside(dir / "o.gguf");
    EXPECT_EQ(lock.path(), dir / "o.gguf.lock");
    EXPECT_EQ(base::process_in_lock(lock.path()), ::getpid());
    const std::string text = refusal(dir / "o.gguf");
    EXPECT_THAT(text, HasSubstr("another run writes here (output: " + (dir / "o.gguf").string()));
    EXPECT_THAT(text, HasSubstr("process: " + std::to_string(::getpid())));
    EXPECT_EQ(refusal(dir / "other.gguf"), "");
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  EXPECT_EQ(refusal(dir / "o.gguf"), "");
}

TEST(FileLock, AMovedLockHoldsOn) {
  const test::TempDir dir;
  auto first = base::FileLock::inside(dir.path());
  {
    const base::FileLock second = std::move(first);
    EXPECT_THROW(base::FileLock::inside(dir.path()), base::Error);
  }
  EXPECT_NO_THROW(base::FileLock::inside(dir.path()));
}

TEST(FileLock, ALinkAndWhatItNamesAreOneOutput) {
  const test::TempDir dir;
  std::filesystem::create_directory(dir / "sub");
  std::filesystem::create_symlink("sub/o.gguf", dir / "l.gguf");
  const auto lock = base::FileLock::beside(dir / "l.gguf");
  EXPECT_THAT(refusal(dir / "sub" / "o.gguf"), HasSubstr("another run writes here"));
  EXPECT_THAT(refusal(dir / "l.gguf"), HasSubstr("another run writes here"));
}

/// What a user who may write the folder but not its files is told; "" if the lock is taken.
std::string refusal_of_another_user(const std::filesystem::path& output) {
  int told[2];
  if (::pipe(told) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    const bool changed = ::geteuid() != 0 || ::setuid(65534) == 0;
    const std::string text = changed ? refusal(output) : "cannot change the user";
    const auto n = ::write(told[1], text.data(), text.size());
    ::_exit(n == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(told[1]);
  std::string text(1000, '\0');
  const ssize_t n = ::read(told[0], text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, n)));
  ::close(told[0]);
  ::waitpid(child, nullptr, 0);
  return text;
}

TEST(FileLock, WhatAnotherUserLeftIsTakenOrNamed) {
  using std::filesystem::perms;
  const test::TempDir dir;
  std::filesystem::permissions(dir.path(), perms::all);
  const auto left = dir / "o.gguf.lock";
  const std::string text = "1\n";
  test::write_bytes(left, std::as_bytes(std::span(text)));
  std::filesystem::permissions(left, perms::none);
  EXPECT_THAT(refusal_of_another_user(dir / "o.gguf"),
              testing::AllOf(HasSubstr("Permission denied"), HasSubstr("o.gguf.lock"),
                             HasSubstr("remove it if that run has ended")));
  std::filesystem::permissions(left, perms::owner_read | perms::group_read | perms::others_read);
  EXPECT_EQ(refusal_of_another_user(dir / "o.gguf"), "");
  EXPECT_FALSE(std::filesystem::exists(left));
}

TEST(FileLock, AKilledProcessLetsGo) {
  const test::TempDir dir;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = base::FileLock::inside(dir.path());
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char c = 0;
  ASSERT_EQ(::read(ready[0], &c, 1), 1);
  try {
    const auto lock = base::FileLock::inside(dir.path());
    ADD_FAILURE() << "taken twice";
  } catch (const base::Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("process: " + std::to_string(child)));
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  EXPECT_TRUE(std::filesystem::exists(dir / ".lock"));
  { const auto lock = base::FileLock::inside(dir.path()); }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(FileLock, NeverTwoAtATimeThoughTheFileComesAndGoes) {
  const test::TempDir dir;
  std::atomic<int> inside = 0;
  std::atomic<int> taken = 0;
  std::atomic<bool> twice = false;
  const auto work = [&] {
    for (int i = 0; i < 500; ++i) {
      try {
        const auto lock = base::FileLock::beside(dir / "o");
        if (inside.fetch_add(1) != 0) twice = true;
        ++taken;
        inside.fetch_sub(1);
      } catch (const base::Error&) {
        continue;  // held by a sibling
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  for (std::thread& t : threads) t.join();
  EXPECT_FALSE(twice);
  EXPECT_GT(taken, 0);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(FileLock, ALinkOrAMissingFolderIsRefused) {
  const test::TempDir dir;
  std::filesystem::create_symlink(dir / "elsewhere", dir / "o.lock");
  EXPECT_THAT(refusal(dir / "o"), HasSubstr("cannot make the lock file"));
  EXPECT_FALSE(std::filesystem::exists(dir / "elsewhere"));
  EXPECT_THAT(refusal(dir / "none" / "o"), HasSubstr("No such file or directory"));
}

}  // namespace
