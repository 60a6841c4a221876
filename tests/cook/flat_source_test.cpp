// Sources with tensors in a format without rows.
#include <limits>

#include "cook/source.h"
#include "gguf/writer.h"
#include "support/flat_tensor.h"

namespace {

constexpr std::size_t kCols = 192, kRows = 12;

std::filesystem::path flat_file(const test::TempDir& dir, const test::FlatTensor& t,
                                std::size_t cols = kCols) {
  const quant::FlatFormat* i2_s = quant::find_flat_format("i2_s");
  gguf::Metadata metadata;
  metadata.set("general.architecture", std::string("test"));
  gguf::Writer writer(dir / "flat.gguf", metadata,
                      {{"blk.0.attn_q.weight", i2_s->rows, {{cols, kRows, 1, 1}}, i2_s}});
  writer.write(0, 0, t.bytes);
  writer.finish();
  return dir / "flat.gguf";
}

TEST(FlatSource, GivesRowsFromAnyOffset) {
  const test::TempDir dir;
  const test::FlatTensor t = test::random_i2_s(kCols * kRows, 0.5F, 7);
  const auto source = cook::open_gguf_source(flat_file(dir, t));
  const quant::Codec& rows = *quant::find_flat_format("i2_s")->rows;
  ASSERT_EQ(source->tensors()[0].type->name, rows.name);
  std::vector<std::byte> all(kRows * rows.row_bytes(kCols));
  source->read(0, 0, all);
  EXPECT_EQ(test::decode(rows, all, kRows, kCols), t.values);
  for (const std::size_t offset : {1, 51, 52, 53, 300}) {
    for (const std::size_t size : {1, 52, 111}) {
      std::vector<std::byte> piece(size);
      source->read(0, offset, piece);
      EXPECT_TRUE(
          std::equal(piece.begin(), piece.end(), all.begin() + static_cast<std::ptrdiff_t>(offset)))
          << size << " bytes at " << offset;
    }
  }
}

TEST(FlatSource, IsSplitAndMergedAsItStands) {
  const test::TempDir dir;
  const test::FlatTensor t = test::random_i2_s(kCols * kRows, 0.5F, 7);
  const std::filesystem::path path = flat_file(dir, t);
  const std::filesystem::path merged = dir / "again.gguf";
  const auto run = test::run_quern({"split", "--no-tensor-first-split", "--split-max-tensors", "1",
                                    path.string(), (dir / "part").string()});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto back =
      test::run_quern({"merge", (dir / "part-00001-of-00002.gguf").string(), merged.string()});
  ASSERT_EQ(back.exit_code, 0) << back.err;
  const auto files = gguf::FileSet::open(merged);
  EXPECT_EQ(files.tensors()[0].type_name(), "i2_s");
  const auto bytes = files.bytes(files.tensors()[0]);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), t.bytes.begin(), t.bytes.end()));
}

/// There a zero byte is four weights as any other.
TEST(FlatSource, ZerosInTheFileAreNoHoles) {
  const test::TempDir dir;
  constexpr std::size_t kLong = 17'408;
  test::FlatTensor t = test::random_i2_s(kLong * kRows, 0.5F, 7);
  std::fill_n(t.bytes.begin(), 5 * kLong / 4 + 1000, std::byte{0});
  const auto run = test::run_quern(
      {"quantize", flat_file(dir, t, kLong).string(), (dir / "out.gguf").string(), "COPY"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err.find("zeros"), std::string::npos) << run.err;
}

TEST(FlatSource, AScaleThatIsNotFiniteIsFound) {
  const test::TempDir dir;
  const test::FlatTensor t =
      test::random_i2_s(kCols * kRows, std::numeric_limits<float>::quiet_NaN(), 7);
  const auto run = test::run_quern({"info", "--check", flat_file(dir, t).string()});
  EXPECT_NE(run.exit_code, 0);
  EXPECT_NE((run.out + run.err).find("scale is not finite"), std::string::npos)
      << run.out << run.err;
}

TEST(FlatSource, DecodesFromTheCommandLine) {
  const test::TempDir dir;
  const test::FlatTensor t = test::random_i2_s(kCols * kRows, 0.5F, 7);
  test::write_bytes(dir / "t.bin", t.bytes);
  const auto run = test::run_quern({"decode", "--type", "I2_S", "--cols", std::to_string(kCols),
                                    (dir / "t.bin").string(), (dir / "t.f32").string()});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(test::read_floats(dir / "t.f32"), t.values);
  EXPECT_EQ(test::run_quern({"decode", "--type", "i2_s", "--cols", "100", (dir / "t.bin").string(),
                             (dir / "u.f32").string()})
                .exit_code,
            1);
}

TEST(FlatSource, ATensorThatFillsNoBlocksIsRefused) {
  const quant::FlatFormat& i2_s = *quant::find_flat_format("i2_s");
  EXPECT_THROW(tensor::tensor_bytes(i2_s, {{64, 3, 1, 1}}), base::Error);
  EXPECT_THROW(tensor::tensor_bytes(i2_s, {{96, 4, 1, 1}}), base::Error);
  EXPECT_EQ(tensor::tensor_bytes(i2_s, {{64, 4, 1, 1}}), 64U + 32U);
}

}  // namespace
