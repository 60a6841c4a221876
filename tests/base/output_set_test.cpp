#include "base/output_set.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int kFiles = 3;

std::string name_of(int i) { return "s" + std::to_string(i); }

void write_old(const test::TempDir& dir) {
  for (int i = 0; i < kFiles; ++i) {
    const std::string old = "old " + std::to_string(i);
    test::write_bytes(dir / name_of(i), std::as_bytes(std::span(old)));
  }
}

/// Writes the set anew; `before_step` ends the process at the step `killed_at`, from 0 on.
void write_new(const test::TempDir& dir, int killed_at) {
  std::vector<base::OutputFile> files;
  files.reserve(kFiles);
  std::vector<base::OutputFile*> pointers;
  for (int i = 0; i < kFiles; ++i) {
    files.emplace_back(dir / name_of(i));
    const std::string text = "new " + std::to_string(i);
    files.back().write(0, std::as_bytes(std::span(text)));
    pointers.push_back(&files.back());
  }
  int step = 0;
  base::commit_together(dir / name_of(0), pointers, "the job", [&] {
    if (step++ == killed_at) ::_exit(9);
  });
}

/// False if the process came to its end.
bool was_killed(const test::TempDir& dir, int killed_at) {
  const pid_t child = ::fork();
  if (child == 0) {
    write_new(dir, killed_at);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status) == 9;
}

std::vector<std::string> contents(const test::TempDir& dir) {
  std::vector<std::string> out;
  for (int i = 0; i < kFiles; ++i) out.push_back(test::read_text(dir / name_of(i)));
  return out;
}

const auto kOld = testing::ElementsAre("old 0", "old 1", "old 2");
const auto kNew = testing::ElementsAre("new 0", "new 1", "new 2");

TEST(OutputSet, KilledAtAnyStepItIsOldOrNewOrCanBeFinished) {
  int n_listed = 0;
  for (int step = 0;; ++step) {
    const test::TempDir dir;
    write_old(dir);
    if (!was_killed(dir, step)) {
      EXPECT_EQ(step, 6) << "list, three renames, their end, the end";
      EXPECT_THAT(contents(dir), kNew);
      break;
    }
    // What the next run for one of the names removes is not needed any more.
    for (int i = 0; i < kFiles; ++i) base::remove_unfinished(dir / name_of(i));
    const auto set = base::unfinished_set(dir / name_of(0));
    if (set) {
      ++n_listed;
      EXPECT_EQ(set->content.job, "the job");
      base::finish_names(*set);
      base::finish_names(*set);  // a second kill in it does no harm
      base::remove_list(*set);
      EXPECT_THAT(contents(dir), kNew);
    } else if (step == 0) {
      EXPECT_THAT(contents(dir), kOld);
    } else {
      EXPECT_THAT(contents(dir), kNew);
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), kFiles) << step;
  }
  EXPECT_EQ(n_listed, 4);
}

TEST(OutputSet, ANewSetOfThatNameSupersedesOneThatWasKilled) {
  const test::TempDir dir;
  ASSERT_TRUE(was_killed(dir, 2));
  write_new(dir, -1);
  EXPECT_THAT(contents(dir), kNew);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), kFiles);
}

TEST(OutputSet, AFolderThatWasMovedCanBeFinished) {
  const test::TempDir dir;
  ASSERT_TRUE(was_killed(dir, 2));
  const fs::path there = dir.path().string() + "-moved";
  fs::rename(dir.path(), there);
  base::finish_names(*base::unfinished_set(there / name_of(0)));
  EXPECT_EQ(test::read_text(there / name_of(0)), "new 0");
  fs::rename(there, dir.path());
}

TEST(OutputSet, WhatIsGoneIsToldAndNothingIsTouched) {
  const test::TempDir dir;
  write_old(dir);
  ASSERT_TRUE(was_killed(dir, 2));
  const auto set = base::unfinished_set(dir / name_of(0));
  ASSERT_TRUE(set);
  fs::remove(set->content.files[1].temporary);
  EXPECT_THAT(test::error_text([&] { base::finish_names(*set); }),
              testing::AllOf(HasSubstr("was to get its name is gone"), HasSubstr("s1")));
  EXPECT_THAT(contents(dir), testing::ElementsAre("old 0", "old 1", "new 2"));
}

TEST(OutputSet, ADamagedListIsToldAndNamesNothing) {
  const test::TempDir dir;
  write_old(dir);
  const fs::path list = base::rename_list_path(dir / name_of(0));
  for (const std::string text : {"", "GGUF....", "QRNSET01\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    test::write_bytes(list, std::as_bytes(std::span(text)));
    EXPECT_THAT(test::error_text([&] { base::unfinished_set(dir / name_of(0)); }),
                HasSubstr(list.string()));
    EXPECT_TRUE(base::pending_files(dir.path()).empty());
  }
}

TEST(OutputSet, AnErrorBeforeTheFirstNameLeavesAllAsItWas) {
  const test::TempDir dir;
  write_old(dir);
  {
    std::vector<base::OutputFile> files;
    files.reserve(2);
    files.emplace_back(dir / name_of(0));
    files.emplace_back(dir / name_of(1));
    fs::remove(files[1].temporary_path());
    EXPECT_THROW(base::commit_together(dir / name_of(0), {&files[0], &files[1]}, ""), base::Error);
  }
  EXPECT_THAT(contents(dir), kOld);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), kFiles);
}

TEST(RequireRoom, TellsBothNumbers) {
  const test::TempDir dir;
  base::require_room(dir / "o", 1);
  EXPECT_THAT(test::error_text([&] { base::require_room(dir / "o", std::size_t{1} << 60); }),
              testing::AllOf(HasSubstr("not enough room"), HasSubstr("1152921504606846976 bytes"),
                             HasSubstr("bytes free")));
}

}  // namespace
