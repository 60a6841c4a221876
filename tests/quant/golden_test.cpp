// Every codec against the golden matrices: decoding bit for bit, encoding by its error.
#include <bit>

#include "support/matrices.h"
#include "support/support.h"

namespace {

using quant::Codec;
using quant::Effort;

class Golden : public testing::TestWithParam<const Codec*> {
 protected:
  const Codec& codec() const { return *GetParam(); }
};

/// Decoded files that do not follow the format; the README beside them says why.
constexpr std::string_view kWrongDecodedFiles[] = {"iq6_k"};

bool decoded_file_is_wrong(const Codec& codec) {
  return std::ranges::find(kWrongDecodedFiles, codec.name) != std::end(kWrongDecodedFiles);
}

std::string at(std::size_t i, std::size_t cols) {
  return "row " + std::to_string(i / cols) + " column " + std::to_string(i % cols);
}

TEST_P(Golden, DecodesBitForBit) {
  if (decoded_file_is_wrong(codec())) GTEST_SKIP() << "the reference's decoded file is wrong";
  for (const test::GoldenSet& set : test::golden_sets()) {
    const auto row = set.rows.find(codec().name);
    const auto folder = test::source_path("tests/golden/types") / set.name;
    const auto decoded = folder / (std::string(codec().name) + ".importance.f32");
    if (row == set.rows.end() || !std::filesystem::exists(decoded)) continue;
    SCOPED_TRACE(decoded.string());
    const auto bytes = test::read_bytes(folder / (std::string(codec().name) + ".importance.bin"));
    const auto [rows, cols] = std::pair(row->second.rows, row->second.cols);
    ASSERT_EQ(bytes.size(), rows * codec().row_bytes(cols));
    const std::vector<float> expected = test::read_floats(decoded);
    const std::vector<float> got = test::decode(codec(), bytes, rows, cols);
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(got[i]), std::bit_cast<std::uint32_t>(expected[i]))
          << at(i, cols) << ": " << got[i] << ", not " << expected[i];
    }
  }
}

TEST(GoldenSets, HoldNoFormatWithoutACodec) {
  for (const test::GoldenSet& set : test::golden_sets()) {
    EXPECT_FALSE(set.rows.empty()) << set.name;
    for (const auto& [name, row] : set.rows) {
      EXPECT_NE(quant::find_codec(name), nullptr) << name << " of " << set.name;
    }
  }
}

// The index has six digits; nothing else is allowed on top of the reference's error.
constexpr double kIndexRounding = 1 + 5e-6;

double error_of(const Codec& codec, const test::GoldenSet& set, const test::GoldenRow& row,
                Effort effort, bool with_importance) {
  const std::span<const float> importance =
      with_importance ? std::span<const float>(set.importance) : std::span<const float>();
  const auto bytes = test::encode(codec, {.x = set.input,
                                          .rows = row.rows,
                                          .cols = row.cols,
                                          .importance = importance,
                                          .effort = effort});
  const auto decoded = test::decode(codec, bytes, row.rows, row.cols);
  return test::relative_error(set.input, decoded, importance);
}

TEST_P(Golden, EncodesNoWorseThanTheReference) {
  if (codec().encode == nullptr) GTEST_SKIP() << "read-only format";
  for (const test::GoldenSet& set : test::golden_sets()) {
    const auto found = set.rows.find(codec().name);
    if (found == set.rows.end()) continue;
    const test::GoldenRow& row = found->second;
    for (const Effort effort : {Effort::fast, Effort::best}) {
      SCOPED_TRACE(set.name + (effort == Effort::fast ? ", fast" : ", best"));
      EXPECT_LE(error_of(codec(), set, row, effort, true), row.wrmse_importance * kIndexRounding)
          << "with importance";
      if (row.rmse_plain < 0) continue;
      EXPECT_LE(error_of(codec(), set, row, effort, false), row.rmse_plain * kIndexRounding)
          << "without importance";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, Golden,
                         testing::ValuesIn(quant::all_codecs().begin(), quant::all_codecs().end()),
                         [](const auto& tested) { return test::codec_label(tested.param); });

}  // namespace
