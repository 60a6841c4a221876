#include "tensor/zeros.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

std::vector<std::byte> ones_but(std::size_t size, std::size_t offset, std::size_t n_zero) {
  std::vector<std::byte> out(size, std::byte{1});
  std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(offset), n_zero, std::byte{0});
  return out;
}

TEST(Zeros, EveryRunThatIsLongEnoughIsFoundWhole) {
  for (const std::size_t offset : {0U, 1U, 2047U, 2048U, 2049U, 4095U, 5000U}) {
    for (const std::size_t size : {4096U, 4097U, 10000U}) {
      const auto bytes = ones_but(offset + size + 3, offset, size);
      for (const std::size_t end : {bytes.size(), offset + size}) {  // followed by others or not
        const auto runs = tensor::zero_runs(std::span(bytes).first(end));
        ASSERT_EQ(runs.size(), 1U) << offset << " " << size;
        EXPECT_EQ(runs[0].offset, offset);
        EXPECT_EQ(runs[0].size, size);
      }
      EXPECT_TRUE(tensor::zero_runs(ones_but(20000, offset, 4095)).empty());
    }
  }
}

TEST(Zeros, RunsApartAreSeveral) {
  auto bytes = ones_but(30000, 100, 5000);
  std::fill_n(bytes.begin() + 5101, 4096, std::byte{0});
  std::fill_n(bytes.begin() + 20000, 10000, std::byte{0});
  const auto runs = tensor::zero_runs(bytes);
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[1].offset, 5101U);
  EXPECT_EQ(runs[2].size, 10000U);
}

TEST(Zeros, RowsThatAreZeroThroughoutAreCounted) {
  EXPECT_EQ(tensor::count_zero_rows(ones_but(100, 15, 25), 10), 2U);
  EXPECT_EQ(tensor::count_zero_rows(ones_but(100, 0, 0), 10), 0U);
  EXPECT_EQ(tensor::count_zero_rows({}, 10), 0U);
}

}  // namespace
