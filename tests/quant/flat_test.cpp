// Formats without rows.
#include "quant/flat.h"

#include "support/flat_tensor.h"

namespace {

TEST(I2S, RowsAreTheFormulaOfTheSpec) {
  const quant::FlatFormat& i2_s = *quant::find_flat_format(36U);
  constexpr std::size_t kCols = 192, kRows = 10;  // rows begin in the middle of blocks
  const test::FlatTensor t = test::random_i2_s(kCols * kRows, 0.37F, 3);
  ASSERT_EQ(t.bytes.size(), kCols * kRows / 4 + 32);
  for (const std::size_t first : {0, 1, 5}) {
    const std::size_t begin = first * kCols / 128;
    const std::size_t n = kRows - first;
    std::vector<std::byte> rows(n * i2_s.rows->row_bytes(kCols));
    i2_s.to_rows(std::span(t.bytes).subspan(begin * 32), first * kCols - begin * 128,
                 std::span(t.bytes).last(32), kCols, rows);
    const auto got = test::decode(*i2_s.rows, rows, n, kCols);
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i], t.values[first * kCols + i]) << "row " << first << ", element " << i;
    }
  }
}

TEST(FlatFormats, AreFoundByIdAndName) {
  for (const quant::FlatFormat* f : quant::all_flat_formats()) {
    EXPECT_EQ(quant::find_flat_format(f->id), f);
    EXPECT_EQ(quant::find_flat_format(f->name), f);
    EXPECT_EQ(quant::find_codec(f->id), nullptr);
    EXPECT_EQ(quant::find_codec(f->name), nullptr);
  }
  EXPECT_EQ(quant::find_flat_format("I2_S"), quant::find_flat_format(36U));
}

}  // namespace
