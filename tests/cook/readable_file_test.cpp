#include "cook/readable_file.h"

#include <gmock/gmock.h>

#include <array>

#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(ReadableFile, WhatTheDiskCannotReadIsToldWithItsPlace) {
  // The first page of a process is never mapped: reading it fails as a bad sector does.
  const cook::ReadableFile file("/proc/self/mem");
  std::array<std::byte, 16> out{};
  EXPECT_THAT(test::error_text([&] { file.read(8, out); }),
              AllOf(HasSubstr("cannot read: Input/output error"), HasSubstr("file: /proc/self/mem"),
                    HasSubstr("offset: 8")));
}

TEST(ReadableFile, TheEndIsToldWithItsPlace) {
  const test::TempDir dir;
  test::write_bytes(dir / "f", std::vector<std::byte>(20));
  const cook::ReadableFile file(dir / "f");
  std::array<std::byte, 16> out{};
  file.read(4, out);
  EXPECT_THAT(test::error_text([&] { file.read(8, out); }),
              AllOf(HasSubstr("the file has become shorter"), HasSubstr("offset: 20")));
}

}  // namespace
