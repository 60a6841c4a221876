// Products, unpackers and decoders of every table that this machine supports, against codecs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "kernels/decode.h"
#include "kernels/every_table.h"
#include "kernels/inputs.h"
#include "tensor/buffer.h"

namespace {

using kernels::KernelTable;
using kernels::Packing;
using kernels_test::kGap;
using kernels_test::random_floats;

class Products : public kernels_test::EveryTable {};
INSTANTIATE_TEST_SUITE_P(All, Products, kernels_test::every_table(), kernels_test::table_name);

/// A matrix in some format and what it decodes to.
struct Matrix {
  const quant::Codec* codec;
  std::size_t rows, cols;
  std::vector<std::byte> bytes;
  std::vector<float> decoded;  // [rows, cols]

  const float* row(std::size_t r) const { return decoded.data() + r * cols; }
};

/// Random weights with a zero row, a row of one value, a row of negative spikes and tiny ones.
std::vector<float> weights_with_corners(std::size_t rows, std::size_t cols) {
  std::vector<float> w = random_floats(rows * cols, 7, 0.05F);
  for (std::size_t c = 0; c < cols; ++c) {
    w[c] = 0;
    if (rows > 1) w[cols + c] = 0.25F;
    if (rows > 2) w[2 * cols + c] = c % 32 == 5 ? -3.0F : 0.0F;
    if (rows > 3) w[3 * cols + c] *= 1e-5F;
  }
  return w;
}

Matrix make_matrix(const quant::Codec& codec, std::size_t rows, std::size_t cols) {
  Matrix m{.codec = &codec, .rows = rows, .cols = cols, .bytes = {}, .decoded = {}};
  m.bytes.resize(rows * codec.row_bytes(cols));
  m.decoded.resize(rows * cols);
  const std::vector<float> w = weights_with_corners(rows, cols);
  const std::vector<float> importance(cols, 1.0F);
  codec.encode(
      {.x = w, .rows = rows, .cols = cols, .importance = importance, .effort = quant::Effort::fast},
      m.bytes);
  for (std::size_t r = 0; r < rows; r += codec.group_rows) {
    kernels::decode_group(codec, m.bytes.data() + r * codec.row_bytes(cols), cols,
                          m.decoded.data() + r * cols);
  }
  return m;
}

/// Column counts to try: below, at and beside the chunks of 256.
std::vector<std::size_t> column_counts(const quant::Codec& codec) {
  if (codec.block_elems == 1 && codec.group_rows == 1) return {1, 33, 300, 1100};
  if (codec.block_elems <= 128) {
    return {codec.block_elems, 3 * codec.block_elems, 256, 1024 + 3 * codec.block_elems};
  }
  return {256, 768, 1280};
}

struct Product {
  std::vector<float> out;
  Packing packing;
};

/// The product in calls of `step` rows, each row of the result followed by a gap.
Product multiply(const KernelTable& table, const Matrix& m, const std::vector<float>& x,
                 std::size_t n, std::size_t step) {
  const Packing packing = table.packing(*m.codec, n);
  const std::size_t x_bytes = table.packed_row_bytes(packing, m.cols);
  tensor::Buffer packed(n * x_bytes);
  table.pack(packing, x.data(), m.cols, n, m.cols, packed.data());
  tensor::Buffer scratch(table.matmul_scratch(*m.codec, m.cols, n));
  std::ranges::fill(scratch.bytes(), std::byte{0xff});  // NaN everywhere
  Product p{.out = std::vector<float>(n * (m.rows + kGap), 77), .packing = packing};
  for (std::size_t r = 0; r < m.rows; r += step) {
    table.matmul({.codec = m.codec,
                  .weights = m.bytes.data(),
                  .cols = m.cols,
                  .row_begin = r,
                  .row_end = std::min(r + step, m.rows),
                  .packing = packing,
                  .x = packed.data(),
                  .x_stride = x_bytes,
                  .n_rows = n,
                  .out = p.out.data() + r,
                  .out_stride = m.rows + kGap,
                  .scratch = scratch.data()});
  }
  return p;
}

/// What rounding of x (and of w, to bf16) may cost: half a step of the packing for every product,
/// and a little for the order of sums.
double tolerance(const quant::Codec& codec, Packing packing, const float* w, const float* x,
                 std::size_t cols) {
  double products = 0;
  double rounding = 0;
  double peak_w = 0;
  double sum_x = 0;
  for (std::size_t c = 0; c < cols; ++c) {
    peak_w = std::max(peak_w, std::fabs(double{w[c]}));
    sum_x += std::fabs(double{x[c]});
  }
  for (std::size_t b = 0; b < cols; b += 32) {  // up to 32 activations share a scale
    double peak = 0;
    for (std::size_t c = b; c < std::min(b + 32, cols); ++c) {
      peak = std::max(peak, std::fabs(double{x[c]}));
    }
    for (std::size_t c = b; c < std::min(b + 32, cols); ++c) {
      products += std::fabs(double{w[c]} * double{x[c]});
      rounding += std::fabs(double{w[c]}) * peak / 254;
    }
  }
  const double order = 1e-5 * products + 1e-30;
  // Codes are shifted by 128 before byte products, so f32 sums of that size cancel at the end.
  if (packing == Packing::q8) return 1.01 * rounding + order + 1e-5 * peak_w * sum_x;
  if (packing == Packing::f32) return order;
  const bool one_part = codec.bpw() < 6;  // weights rounded to 8 bits
  return (one_part ? 1.0 / 255 : 4e-5) * products + order;
}

void expect_close(const Matrix& m, const std::vector<float>& x, std::size_t n, const Product& p) {
  for (std::size_t t = 0; t < n; ++t) {
    for (std::size_t r = 0; r < m.rows; ++r) {
      double sum = 0;
      for (std::size_t c = 0; c < m.cols; ++c) {
        sum += double{m.row(r)[c]} * double{x[t * m.cols + c]};
      }
      const double got = double{p.out[t * (m.rows + kGap) + r]};
      ASSERT_NEAR(got, sum, tolerance(*m.codec, p.packing, m.row(r), &x[t * m.cols], m.cols))
          << m.codec->name << " row " << r << " token " << t << " of " << n << ", cols " << m.cols;
    }
    for (std::size_t i = 0; i < kGap; ++i) {
      ASSERT_EQ(p.out[t * (m.rows + kGap) + m.rows + i], 77) << "writes past its rows";
    }
  }
}

bool can_test(const quant::Codec& codec) { return codec.encode != nullptr; }

TEST_P(Products, MatmulOfEveryFormatAndManyRowCounts) {
  for (const quant::Codec* codec : quant::all_codecs()) {
    if (!can_test(*codec)) continue;
    const std::size_t rows = codec->group_rows > 1 ? 3 * codec->group_rows : 37;
    for (const std::size_t cols : column_counts(*codec)) {
      const Matrix m = make_matrix(*codec, rows, cols);
      for (const std::size_t n : {1, 2, 7, 8, 17, 40}) {
        const std::vector<float> x = random_floats(n * cols, 11);
        const Product p = multiply(table(), m, x, n, rows);
        expect_close(m, x, n, p);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(Products, RowsMaySplitOverCallsWithoutChangingBits) {
  for (const quant::Codec* codec : quant::all_codecs()) {
    if (!can_test(*codec)) continue;
    const Matrix m = make_matrix(*codec, 16 * codec->group_rows, 512);
    for (const std::size_t n : {1, 4, 33}) {
      const std::vector<float> x = random_floats(n * m.cols, 13);
      const Product whole = multiply(table(), m, x, n, m.rows);
      for (const std::size_t groups : {1, 3, 8}) {
        const Product split = multiply(table(), m, x, n, groups * codec->group_rows);
        ASSERT_EQ(std::memcmp(whole.out.data(), split.out.data(), whole.out.size() * 4), 0)
            << codec->name << " n " << n << " in " << groups;
      }
    }
  }
}

TEST_P(Products, LongMatricesCrossEveryBlock) {
  const quant::Codec& codec = *quant::find_codec("q8_0");
  const Matrix m = make_matrix(codec, 300, 2080);
  constexpr std::size_t kTokens = 530;
  const std::vector<float> x = random_floats(kTokens * m.cols, 17);
  expect_close(m, x, kTokens, multiply(table(), m, x, kTokens, m.rows));
}

TEST_P(Products, ZeroRowsOfXGiveZero) {
  const Matrix m = make_matrix(*quant::find_codec("q8_0"), 32, 256);
  for (const std::size_t n : {1, 20}) {
    const Product p = multiply(table(), m, std::vector<float>(n * 256), n, 32);
    for (std::size_t i = 0; i < 32; ++i) ASSERT_EQ(p.out[i], 0);
  }
}

TEST_P(Products, PreferredRowsAreWholeGroups) {
  for (const quant::Codec* codec : quant::all_codecs()) {
    for (const std::size_t n : {1, 8, 512}) {
      const std::size_t rows = table().matmul_rows(*codec, 4096, n);
      EXPECT_GT(rows, 0u);
      EXPECT_EQ(rows % codec->group_rows, 0u) << codec->name;
    }
  }
}

TEST_P(Products, UnpackersAgreeWithCodecs) {
  for (const quant::Codec* codec : quant::all_codecs()) {
    const kernels::Unpack unpack = table().unpacker(*codec);
    if (unpack == nullptr || !can_test(*codec)) continue;
    for (const std::size_t cols : column_counts(*codec)) {
      const Matrix m = make_matrix(*codec, 8 * codec->group_rows, cols);
      const std::size_t bytes = codec->row_bytes(cols);
      std::vector<kernels::U8Panel> panels((cols + 255) / 256);
      for (std::size_t r = 0; r < m.rows; ++r) {
        const std::size_t lane = r % codec->group_rows;
        unpack(m.bytes.data() + (r - lane) * bytes, cols, lane, 0, cols, panels.data());
        for (std::size_t c = 0; c < panels.size() * 256; ++c) {
          const kernels::U8Panel& p = panels[c / 256];
          const std::size_t b = c % 256 / 16;
          const double product = double{p.scale[b]} * p.code[c % 256];
          const double expected = c < cols ? double{m.row(r)[c]} : 0;
          ASSERT_NEAR(product + double{p.offset[b]}, expected,
                      2e-7 * (std::fabs(product) + std::fabs(double{p.offset[b]})))
              << codec->name << " row " << r << " column " << c << " of " << cols;
        }
      }
    }
  }
}

/// Random bytes as a row group, such that all weights are finite and below `limit`.
std::vector<std::byte> random_group(const quant::Codec& codec, std::size_t cols, float limit,
                                    std::mt19937& bits, std::vector<float>& decoded) {
  std::vector<std::byte> group(codec.group_rows * codec.row_bytes(cols));
  decoded.resize(codec.group_rows * cols);
  const auto usable = [&](float w) { return std::fabs(w) < limit; };
  for (int tries = 0; tries < 10000; ++tries) {
    for (std::byte& b : group) b = static_cast<std::byte>(bits());
    kernels::decode_group(codec, group.data(), cols, decoded.data());
    if (std::all_of(decoded.begin(), decoded.end(), usable)) return group;
  }
  return {};
}

TEST_P(Products, UnpackersReadEveryBitPattern) {
  std::mt19937 bits(5);
  for (const quant::Codec* codec : quant::all_codecs()) {
    const kernels::Unpack unpack = table().unpacker(*codec);
    if (unpack == nullptr) continue;
    const std::size_t cols = codec->block_elems;
    std::vector<float> decoded;
    for (int round = 0; round < 20; ++round) {
      const std::vector<std::byte> group = random_group(*codec, cols, 1e30F, bits, decoded);
      ASSERT_FALSE(group.empty()) << codec->name;
      kernels::U8Panel panel;
      for (std::size_t lane = 0; lane < codec->group_rows; ++lane) {
        unpack(group.data(), cols, lane, 0, cols, &panel);
        for (std::size_t c = 0; c < 256; ++c) {
          const double product = double{panel.scale[c / 16]} * panel.code[c];
          const double offset = double{panel.offset[c / 16]};
          const double expected = c < cols ? double{decoded[lane * cols + c]} : 0;
          ASSERT_NEAR(product + offset, expected, 2e-7 * (std::fabs(product) + std::fabs(offset)))
              << codec->name << " row " << lane << " column " << c;
        }
      }
    }
  }
}

TEST_P(Products, DecodersHaveTheBitsOfCodecs) {
  std::mt19937 bits(9);
  for (const quant::Codec* codec : quant::all_codecs()) {
    for (const std::size_t cols : {codec->block_elems, 11 * codec->block_elems}) {
      std::vector<float> expected;
      const std::vector<std::byte> group = random_group(*codec, cols, HUGE_VALF, bits, expected);
      ASSERT_FALSE(group.empty()) << codec->name;
      std::vector<float> got(expected.size());
      kernels::decode_group(table(), *codec, group.data(), cols, got.data());
      ASSERT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
          << codec->name << ", cols " << cols;
    }
  }
}

TEST(TablesOfOneWidth, ByteProductsHaveEqualBitsWithAndWithoutVnni) {
  constexpr std::pair<const char*, const char*> kPairs[] = {{"avx2", "avxvnni"},
                                                            {"avx512", "avx512vnni"}};
  for (const auto& [plain_name, vnni_name] : kPairs) {
    const KernelTable* plain = kernels::find_table(plain_name);
    const KernelTable* vnni = kernels::find_table(vnni_name);
    if (plain == nullptr || !plain->supported() || !vnni->supported()) continue;
    for (const char* type : {"q4_K", "q8_0", "iq4_nl"}) {
      const Matrix m = make_matrix(*quant::find_codec(type), 37, 1280);
      const std::vector<float> x = random_floats(3 * m.cols, 19, 100);
      const Product a = multiply(*plain, m, x, 3, m.rows);
      const Product b = multiply(*vnni, m, x, 3, m.rows);
      ASSERT_EQ(a.packing, Packing::q8);
      EXPECT_EQ(std::memcmp(a.out.data(), b.out.data(), a.out.size() * sizeof(float)), 0) << type;
    }
  }
}

TEST(Unpackers, MissForFloatsAndFewFormatsOnly) {
  const KernelTable* table = kernels::find_table("avx2");
  if (table == nullptr) GTEST_SKIP() << "not built";
  constexpr std::string_view kDecoded[] = {"q8_k_r16"};  // next to never in files
  for (const quant::Codec* codec : quant::all_codecs()) {
    const bool floats = codec->is_float() || (codec->plain != nullptr && codec->plain->is_float());
    if (std::find(std::begin(kDecoded), std::end(kDecoded), codec->name) != std::end(kDecoded)) {
      continue;
    }
    EXPECT_EQ(table->unpacker(*codec) == nullptr, floats) << codec->name;
  }
}

}  // namespace
