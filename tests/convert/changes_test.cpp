// Every change of values and places against a plain loop.
#include <cmath>

#include "base/half.h"
#include "convert/convert_support.h"
#include "convert/row_reader.h"

namespace {

using convert::OutTensor;
using convert::Storage;
using model::HfChange;

constexpr std::size_t kRows = 12, kCols = 8;

float value(std::size_t row, std::size_t col) {
  return static_cast<float>(row) + static_cast<float>(col) / 16;
}

/// A folder with one f32 matrix (kRows, kCols) "a", the same as bf16 "b", a stack "s" (2, 4, 6) and
/// a vector "v".
class Changes : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<float> a, s, v;
    std::vector<std::uint16_t> b;
    for (std::size_t r = 0; r < kRows; ++r) {
      v.push_back(value(r, 0));
      for (std::size_t c = 0; c < kCols; ++c) {
        a.push_back(value(r, c));
        b.push_back(base::f32_to_bf16(value(r, c)));
      }
    }
    for (std::size_t i = 0; i < 48; ++i) s.push_back(static_cast<float>(i));
    test::write_bytes(dir_ / "model.safetensors", test::SafetensorsBuilder()
                                                      .add("a", "F32", {kRows, kCols}, a)
                                                      .add("b", "BF16", {kRows, kCols}, b)
                                                      .add("s", "F32", {2, 4, 6}, s)
                                                      .add("v", "F32", {kRows}, v)
                                                      .bytes());
    test::write_text(dir_ / "config.json", "{}");
    folder_.emplace(convert::ModelFolder::open(dir_.path()));
  }

  OutTensor tensor(const std::string& name, HfChange change, tensor::Shape shape) const {
    const std::size_t index = folder_->find(name).value();
    OutTensor out{.name = name, .change = change, .pieces = {index}};
    const auto& s = folder_->tensors()[index].info.shape;
    for (std::size_t d = 0; d < s.size(); ++d) out.source_shape.ne[d] = s[s.size() - 1 - d];
    out.shape = shape;
    out.stored = quant::find_codec(name == "b" ? "bf16" : "f32");
    out.codec = quant::find_codec("f32");
    return out;
  }

  /// All rows at once; reading them one by one must give the same.
  std::vector<float> read(const OutTensor& t) const {
    std::vector<float> all(t.shape.elements()), single(t.shape.elements());
    const auto bytes = std::as_writable_bytes(std::span(all));
    convert::read_rows(*folder_, t, 0, t.shape.rows(), bytes);
    const std::size_t row = t.codec->row_bytes(t.shape.ne[0]);
    for (std::size_t r = 0; r < t.shape.rows(); ++r) {
      convert::read_rows(*folder_, t, r, 1,
                         std::as_writable_bytes(std::span(single)).subspan(r * row, row));
    }
    EXPECT_EQ(all, single);
    return all;
  }

  /// Every output element by a formula of (row, column).
  template <class F>
  void expect(const OutTensor& t, F&& want) const {
    const std::vector<float> got = read(t);
    for (std::size_t r = 0; r < t.shape.rows(); ++r) {
      for (std::size_t c = 0; c < t.shape.ne[0]; ++c) {
        ASSERT_EQ(got[r * t.shape.ne[0] + c], want(r, c)) << "row " << r << " column " << c;
      }
    }
  }

  test::TempDir dir_;
  std::optional<convert::ModelFolder> folder_;
};

TEST_F(Changes, None) {
  expect(tensor("a", HfChange::none, {{{kCols, kRows, 1, 1}}}), value);
  expect(tensor("b", HfChange::none, {{{kCols, kRows, 1, 1}}}), value);
}
TEST_F(Changes, OneIsAddedInF32) {
  for (const char* name : {"a", "b"}) {
    expect(tensor(name, HfChange::plus_one, {{{kCols, kRows, 1, 1}}}),
           [](std::size_t r, std::size_t c) { return value(r, c) + 1; });
  }
}
TEST_F(Changes, HalvesOfHeadsBecomeNeighbours) {
  OutTensor t = tensor("a", HfChange::rope_pairs, {{{kCols, kRows, 1, 1}}});
  t.head_rows = 6;
  expect(t, [](std::size_t r, std::size_t c) {
    const std::size_t head = r / 6, i = r % 6 / 2, s = r % 2;
    return value(head * 6 + i + s * 3, c);
  });
}
TEST_F(Changes, HalvesOfABiasToo) {
  OutTensor t = tensor("v", HfChange::rope_pairs, {{{kRows, 1, 1, 1}}});
  t.head_rows = 6;
  expect(t, [](std::size_t, std::size_t c) { return value(c / 6 * 6 + c % 6 / 2 + c % 2 * 3, 0); });
}
TEST_F(Changes, EveryOtherRow) {
  expect(tensor("a", HfChange::even_rows, {{{kCols, kRows / 2, 1, 1}}}),
         [](std::size_t r, std::size_t c) { return value(2 * r, c); });
  expect(tensor("b", HfChange::odd_rows, {{{kCols, kRows / 2, 1, 1}}}),
         [](std::size_t r, std::size_t c) { return value(2 * r + 1, c); });
}
TEST_F(Changes, EveryOtherColumn) {
  expect(tensor("a", HfChange::even_columns, {{{kCols / 2, kRows, 1, 1}}}),
         [](std::size_t r, std::size_t c) { return value(r, 2 * c); });
  expect(tensor("b", HfChange::odd_columns, {{{kCols / 2, kRows, 1, 1}}}),
         [](std::size_t r, std::size_t c) { return value(r, 2 * c + 1); });
}
TEST_F(Changes, AxesChangePlacesInEveryMatrixOfAStack) {
  const auto at = [](std::size_t m, std::size_t row, std::size_t col) {
    return static_cast<float>(m * 24 + row * 6 + col);
  };
  expect(tensor("s", HfChange::transposed, {{{4, 6, 2, 1}}}),
         [&](std::size_t r, std::size_t c) { return at(r / 6, c, r % 6); });
  expect(tensor("s", HfChange::transposed_even, {{{4, 3, 2, 1}}}),
         [&](std::size_t r, std::size_t c) { return at(r / 3, c, r % 3 * 2); });
  expect(tensor("s", HfChange::transposed_odd, {{{4, 3, 2, 1}}}),
         [&](std::size_t r, std::size_t c) { return at(r / 3, c, r % 3 * 2 + 1); });
  expect(tensor("b", HfChange::transposed, {{{kRows, kCols, 1, 1}}}),
         [](std::size_t r, std::size_t c) { return value(c, r); });
}
TEST_F(Changes, KeysAndValuesOfLatentAttention) {
  // Two heads of 2 K rows and 4 V rows.
  OutTensor keys = tensor("a", HfChange::mla_keys, {{{2, kCols, 2, 1}}});
  keys.key_rows = 2;
  keys.value_rows = 4;
  const auto key = [](std::size_t r, std::size_t c) { return value(r / kCols * 6 + c, r % kCols); };
  expect(keys, key);
  keys.shape.ne = {2, kCols * 2, 1, 1};  // heads below each other: the same bytes
  expect(keys, key);
  OutTensor values = tensor("b", HfChange::mla_values, {{{kCols, 4, 2, 1}}});
  values.key_rows = 2;
  values.value_rows = 4;
  expect(values, [](std::size_t r, std::size_t c) { return value(r / 4 * 6 + 2 + r % 4, c); });
}

TEST(Fp8, EveryCodeHasTheValueOfItsFields) {
  for (int c = 0; c < 256; ++c) {
    const float got = convert::e4m3_value(static_cast<std::uint8_t>(c));
    const int exponent = c >> 3 & 15, mantissa = c & 7;
    if ((c & 0x7F) == 0x7F) {
      EXPECT_TRUE(std::isnan(got));
      continue;
    }
    const double magnitude = exponent == 0 ? mantissa / 8.0 * std::pow(2.0, -6)
                                           : (1 + mantissa / 8.0) * std::pow(2.0, exponent - 7);
    EXPECT_EQ(got, c < 128 ? magnitude : -magnitude) << c;
  }
  EXPECT_EQ(convert::e4m3_value(0x7E), 448.0F);
}

/// A folder with codes (5, 7), blocks of 2 x 3, and their scales.
class Fp8Folder {
 public:
  explicit Fp8Folder(std::uint8_t first_code, float first_scale = 0.5F) {
    std::vector<std::uint8_t> codes;
    for (std::size_t i = 0; i < 35; ++i) codes.push_back(static_cast<std::uint8_t>(i * 3 + 8));
    codes[0] = first_code;
    std::vector<float> scales;
    for (std::size_t i = 0; i < 9; ++i) scales.push_back(static_cast<float>(i + 1) / 4);
    scales[0] = first_scale;
    test::write_bytes(dir_ / "model.safetensors",
                      test::SafetensorsBuilder()
                          .add("w.weight", "F8_E4M3", {5, 7}, codes)
                          .add("w.weight_scale_inv", "F32", {3, 3}, scales)
                          .bytes());
    test::write_text(dir_ / "config.json", "{}");
    folder_.emplace(convert::ModelFolder::open(dir_.path()));
    tensor_ = {.name = "w", .storage = Storage::fp8};
    tensor_.pieces = {folder_->find("w.weight").value()};
    tensor_.scales = {folder_->find("w.weight_scale_inv").value()};
    tensor_.codec = quant::find_codec("f32");
    tensor_.source_shape.ne = tensor_.shape.ne = {7, 5, 1, 1};
    tensor_.block_rows = 2;
    tensor_.block_cols = 3;
  }
  std::vector<float> read() const {
    std::vector<float> out(35);
    convert::read_rows(*folder_, tensor_, 0, 5, std::as_writable_bytes(std::span(out)));
    return out;
  }

 private:
  test::TempDir dir_;
  std::optional<convert::ModelFolder> folder_;
  OutTensor tensor_;
};

TEST(Fp8, CodesTimesTheScaleOfTheirBlockWithSmallerOnesAtTheEdge) {
  const std::vector<float> got = Fp8Folder(8).read();
  for (std::size_t r = 0; r < 5; ++r) {
    for (std::size_t c = 0; c < 7; ++c) {
      const std::size_t i = r * 7 + c, block = r / 2 * 3 + c / 3;
      const float scale = block == 0 ? 0.5F : static_cast<float>(block + 1) / 4;
      EXPECT_EQ(got[i], convert::e4m3_value(static_cast<std::uint8_t>(i * 3 + 8)) * scale) << i;
    }
  }
}
TEST(Fp8, NanCodesAndScalesAreRefusedWithTheirPlace) {
  for (const Fp8Folder& f : {Fp8Folder(0x7F), Fp8Folder(0xFF), Fp8Folder(8, NAN)}) {
    const std::string text = test::refusal(base::Fault::bad_file, [&] { f.read(); });
    EXPECT_NE(text.find("w.weight"), std::string::npos) << text;
    EXPECT_NE(text.find("row: 0"), std::string::npos) << text;
  }
}

TEST(Mxfp4, RepackedBlocksDecodeToThePublishedValues) {
  constexpr float kValues[] = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6};
  const quant::Codec* codec = quant::find_codec("mxfp4");
  ASSERT_NE(codec, nullptr);
  for (const int scale : {1, 120, 127, 131, 200}) {
    std::vector<std::byte> codes(16), block(17);
    for (std::size_t j = 0; j < 16; ++j) codes[j] = static_cast<std::byte>(j * 37 + 11);
    convert::repack_mxfp4(codes, static_cast<std::byte>(scale), block);
    std::vector<float> got(32);
    codec->decode(block, 32, got);
    for (std::size_t e = 0; e < 32; ++e) {
      const unsigned byte = std::to_integer<unsigned>(codes[e / 2]);
      const unsigned code = e % 2 == 0 ? byte & 15U : byte >> 4;
      const float want = std::ldexp(kValues[code & 7], scale - 127) * ((code & 8) != 0 ? -1 : 1);
      EXPECT_EQ(got[e], want) << "scale " << scale << " element " << e;
    }
  }
}

TEST(Mxfp4, ANanScaleIsRefused) {
  const test::TempDir dir;
  test::write_bytes(dir / "model.safetensors",
                    test::SafetensorsBuilder()
                        .add("x_blocks", "U8", {1, 1, 1, 16}, std::vector<std::uint8_t>(16, 1))
                        .add("x_scales", "U8", {1, 1, 1}, std::vector<std::uint8_t>{255})
                        .bytes());
  test::write_text(dir / "config.json", "{}");
  const auto folder = convert::ModelFolder::open(dir.path());
  OutTensor t{.name = "x", .storage = Storage::mxfp4};
  t.pieces = {folder.find("x_blocks").value()};
  t.scales = {folder.find("x_scales").value()};
  t.codec = quant::find_codec("mxfp4");
  t.source_shape.ne = t.shape.ne = {32, 1, 1, 1};
  std::vector<std::byte> out(17);
  const std::string text =
      test::refusal(base::Fault::bad_file, [&] { convert::read_rows(folder, t, 0, 1, out); });
  EXPECT_NE(text.find("x_scales"), std::string::npos) << text;
}

}  // namespace
