#include "gguf/copy_range.h"

#include <array>

#include "gguf/writer.h"
#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

std::vector<std::byte> numbers(std::size_t n) {
  std::vector<std::byte> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::byte>(i * 7 + i / 251);
  return out;
}

class CopyRange : public testing::Test {
 protected:
  CopyRange() { test::write_bytes(from_, source_); }

  /// 30000 bytes of 1 after a copy into them.
  std::vector<std::byte> copied(std::size_t from, std::size_t to, std::size_t size) const {
    test::write_bytes(to_, std::vector<std::byte>(30000, std::byte{1}));
    gguf::copy_range({from_, from}, {to_, to}, size, stop_);
    return test::read_bytes(to_);
  }
  std::vector<std::byte> expected(std::size_t from, std::size_t to, std::size_t size) const {
    std::vector<std::byte> out(std::max<std::size_t>(30000, to + size), std::byte{1});
    std::copy_n(source_.begin() + static_cast<std::ptrdiff_t>(from), size,
                out.begin() + static_cast<std::ptrdiff_t>(to));
    return out;
  }

  const test::TempDir dir_;
  const fs::path from_ = dir_ / "from", to_ = dir_ / "to";
  const std::vector<std::byte> source_ = numbers(25000);
  base::StopFlag stop_;
};

TEST_F(CopyRange, AnyPlaces) {
  // Equally far into a block of 4096 bytes, or not; empty; up to the end; behind the target's end.
  const std::vector<std::array<std::size_t, 3>> cases = {
      {0, 0, 25000},       {100, 100, 20000}, {100, 4196, 20000},
      {4096, 8192, 10000}, {5000, 904, 3192}, {33, 64, 12345},
      {7, 9, 0},           {24999, 29999, 1}, {0, 29950, 100}};
  for (const auto& [from, to, size] : cases) {
    EXPECT_EQ(copied(from, to, size), expected(from, to, size)) << from << " " << to << " " << size;
  }
}

TEST_F(CopyRange, FromAFileThatTheSystemCannotCopyFrom) {
  // The files of /proc have no size and no blocks: read and written by hand.
  const fs::path proc = "/proc/self/cmdline";
  if (!fs::exists(proc)) GTEST_SKIP() << "needs /proc";
  const std::string text = test::read_text(proc);
  ASSERT_GE(text.size(), 4u);
  test::write_bytes(to_, std::vector<std::byte>(10, std::byte{1}));
  gguf::copy_range({proc, 1}, {to_, 2}, 3, stop_);
  const auto bytes = test::read_bytes(to_);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(bytes[2 + i], static_cast<std::byte>(text[1 + i]));
  EXPECT_EQ(bytes[5], std::byte{1});
}

TEST_F(CopyRange, AShorterSourceIsAnErrorWithPlace) {
  EXPECT_THAT(test::error_text([&] { copied(20000, 0, 6000); }),
              testing::AllOf(HasSubstr("cannot read: the file has become shorter"),
                             HasSubstr("offset: 25000")));
  EXPECT_THAT(test::error_text([&] {
                gguf::copy_range({dir_ / "none", 0}, {to_, 0}, 1, stop_);
              }),
              HasSubstr("cannot open: No such file"));
}

TEST_F(CopyRange, WhatTheDiskCannotReadIsToldWithItsPlace) {
  // The first page of a process is never mapped: reading it fails as a bad sector does.
  const fs::path bad = "/proc/self/mem", to = dir_ / "to";
  test::write_bytes(to, std::vector<std::byte>(16));
  EXPECT_THAT(
      test::error_text([&] {
        gguf::copy_range({bad, 8}, {to, 0}, 16, {});
      }),
      testing::AllOf(testing::HasSubstr("Input/output error"), testing::HasSubstr("/proc/self/mem"),
                     testing::HasSubstr("offset: 8")));
}

TEST_F(CopyRange, StopsWhenAsked) {
  stop_.request();
  EXPECT_THAT(test::error_text([&] { copied(0, 0, 100); }), HasSubstr("interrupted"));
}

TEST_F(CopyRange, AWriterTellsTheTensor) {
  gguf::Writer writer(dir_ / "m.gguf", {}, {{"t", quant::find_codec("f32"), {{100, 1, 1, 1}}}});
  EXPECT_THAT(test::error_text([&] { writer.copy(0, from_, 24800, stop_); }),
              HasSubstr("tensor: t"));
}

}  // namespace
