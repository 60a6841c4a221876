// Every table that this machine supports, against plain formulas.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/half.h"
#include "kernels/decode.h"
#include "kernels/inputs.h"
#include "kernels/table.h"
#include "tensor/buffer.h"

namespace {

using kernels::AttentionArgs;
using kernels::CacheType;
using kernels::KernelTable;
using kernels::MatmulArgs;
using kernels::Packing;
using kernels_test::random_floats;

class Tables : public testing::TestWithParam<const KernelTable*> {
 protected:
  void SetUp() override {
    if (!GetParam()->supported()) GTEST_SKIP() << "needs " << GetParam()->needs;
  }
  const KernelTable& table() const { return *GetParam(); }
};

std::string table_name(const testing::TestParamInfo<const KernelTable*>& info) {
  return std::string(info.param->name);
}
INSTANTIATE_TEST_SUITE_P(All, Tables,
                         testing::ValuesIn(kernels::all_tables().begin(),
                                           kernels::all_tables().end()),
                         table_name);

// ---- matrices

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

constexpr std::size_t kGap = 3;  // floats between output rows that must stay as they are

/// The product in calls of `step` rows, each row of the result followed by a gap.
Product multiply(const KernelTable& table, const Matrix& m, const std::vector<float>& x,
                 std::size_t n, std::size_t step) {
  const Packing packing = table.packing(*m.codec, n);
  const std::size_t x_bytes = table.packed_row_bytes(packing, m.cols);
  tensor::Buffer packed(n * x_bytes);
  table.pack(packing, x.data(), m.cols, n, m.cols, packed.data());
  tensor::Buffer scratch(table.matmul_scratch(*m.codec, m.cols, n));
  std::memset(scratch.data(), 0xff, scratch.size());  // NaN everywhere
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

TEST_P(Tables, MatmulOfEveryFormatAndManyRowCounts) {
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

TEST_P(Tables, RowsMaySplitOverCallsWithoutChangingBits) {
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

TEST_P(Tables, LongMatricesCrossEveryBlock) {
  const quant::Codec& codec = *quant::find_codec("q8_0");
  const Matrix m = make_matrix(codec, 300, 2080);
  constexpr std::size_t kTokens = 530;
  const std::vector<float> x = random_floats(kTokens * m.cols, 17);
  expect_close(m, x, kTokens, multiply(table(), m, x, kTokens, m.rows));
}

TEST_P(Tables, ZeroRowsOfXGiveZero) {
  const Matrix m = make_matrix(*quant::find_codec("q8_0"), 32, 256);
  for (const std::size_t n : {1, 20}) {
    const Product p = multiply(table(), m, std::vector<float>(n * 256), n, 32);
    for (std::size_t i = 0; i < 32; ++i) ASSERT_EQ(p.out[i], 0);
  }
}

TEST_P(Tables, PreferredRowsAreWholeGroups) {
  for (const quant::Codec* codec : quant::all_codecs()) {
    for (const std::size_t n : {1, 8, 512}) {
      const std::size_t rows = table().matmul_rows(*codec, 4096, n);
      EXPECT_GT(rows, 0u);
      EXPECT_EQ(rows % codec->group_rows, 0u) << codec->name;
    }
  }
}

TEST_P(Tables, UnpackersAgreeWithCodecs) {
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

/// Random bytes as a row group, such that all weights are finite.
std::vector<std::byte> random_group(const quant::Codec& codec, std::size_t cols, std::mt19937& bits,
                                    std::vector<float>& decoded) {
  std::vector<std::byte> group(codec.group_rows * codec.row_bytes(cols));
  decoded.resize(codec.group_rows * cols);
  const auto usable = [](float w) { return std::fabs(w) < 1e30F; };
  for (int tries = 0; tries < 10000; ++tries) {
    for (std::byte& b : group) b = static_cast<std::byte>(bits());
    kernels::decode_group(codec, group.data(), cols, decoded.data());
    if (std::all_of(decoded.begin(), decoded.end(), usable)) return group;
  }
  return {};
}

TEST_P(Tables, UnpackersReadEveryBitPattern) {
  std::mt19937 bits(5);
  for (const quant::Codec* codec : quant::all_codecs()) {
    const kernels::Unpack unpack = table().unpacker(*codec);
    if (unpack == nullptr) continue;
    const std::size_t cols = codec->block_elems;
    std::vector<float> decoded;
    for (int round = 0; round < 20; ++round) {
      const std::vector<std::byte> group = random_group(*codec, cols, bits, decoded);
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

TEST_P(Tables, DecodersHaveTheBitsOfCodecs) {
  std::mt19937 bits(9);
  for (const quant::Codec* codec : quant::all_codecs()) {
    // Hundreds of random floats are not all finite.
    if (codec->plain != nullptr && codec->plain->is_float()) continue;
    for (const std::size_t cols : {codec->block_elems, 11 * codec->block_elems}) {
      std::vector<float> expected;
      const std::vector<std::byte> group = random_group(*codec, cols, bits, expected);
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

TEST(Unpackers, EveryQuantizedFormatHasOne) {
  const KernelTable* table = kernels::find_table("avx2");
  if (table == nullptr) GTEST_SKIP() << "not built";
  for (const quant::Codec* codec : quant::all_codecs()) {
    const bool floats = codec->is_float() || (codec->plain != nullptr && codec->plain->is_float());
    EXPECT_EQ(table->unpacker(*codec) == nullptr, floats) << codec->name;
  }
}

// ---- attention

struct Attention {
  std::size_t n_q, key_dim, value_dim, keys;
  CacheType type = CacheType::f16;
  float soft_cap = 0;
  bool with_sink = false;
  std::size_t window = 1u << 30;
};

std::vector<std::byte> to_cache(CacheType type, const std::vector<float>& x) {
  std::vector<std::byte> bytes(x.size() * kernels::cache_bytes(type));
  kernels::find_table("reference")->to_cache(type, x.data(), x.size(), bytes.data());
  return bytes;
}

/// Causal queries at the end of the keys; keys in runs of 1, 2, 3, ... rows.
std::vector<float> attend(const KernelTable& table, const Attention& a) {
  const std::size_t bytes = kernels::cache_bytes(a.type);
  const std::vector<std::byte> k = to_cache(a.type, random_floats(a.keys * a.key_dim, 21));
  const std::vector<std::byte> v = to_cache(a.type, random_floats(a.keys * a.value_dim, 22));
  const std::vector<float> q = random_floats(a.n_q * a.key_dim, 23);
  std::vector<kernels::KvRun> runs;
  for (std::size_t at = 0, n = 0; at < a.keys; at += n) {
    n = std::min(a.keys - at, runs.size() * 7 % 50);
    runs.push_back({k.data() + at * a.key_dim * bytes, v.data() + at * a.value_dim * bytes, n});
  }
  std::vector<std::uint32_t> first(a.n_q), last(a.n_q);
  for (std::size_t i = 0; i < a.n_q; ++i) {
    const std::size_t seen = a.keys + i + 1 > a.n_q ? a.keys + i + 1 - a.n_q : 0;
    last[i] = static_cast<std::uint32_t>(seen);
    first[i] = static_cast<std::uint32_t>(seen > a.window ? seen - a.window : 0);
  }
  const float sink = 1.5F;
  std::vector<float> out(a.n_q * (a.value_dim + kGap), 77);
  AttentionArgs args{.q = q.data(),
                     .q_stride = a.key_dim,
                     .n_q = a.n_q,
                     .key_dim = a.key_dim,
                     .value_dim = a.value_dim,
                     .type = a.type,
                     .runs = runs.data(),
                     .n_runs = runs.size(),
                     .k_stride = a.key_dim * bytes,
                     .v_stride = a.value_dim * bytes,
                     .first = first.data(),
                     .last = last.data(),
                     .scale = 1 / std::sqrt(static_cast<float>(a.key_dim)),
                     .soft_cap = a.soft_cap,
                     .sink = a.with_sink ? &sink : nullptr,
                     .out = out.data(),
                     .out_stride = a.value_dim + kGap,
                     .scratch = nullptr};
  tensor::Buffer scratch(table.attention_scratch(args));
  std::memset(scratch.data(), 0xff, scratch.size());
  args.scratch = scratch.data();
  table.attention(args);
  return out;
}

/// The same over parts of the keys, merged.
std::vector<float> attend_in_parts(const KernelTable& table, std::size_t part) {
  constexpr std::size_t kDim = 48, kAll = 300;
  const std::vector<std::byte> k = to_cache(CacheType::f16, random_floats(kAll * kDim, 21));
  const std::vector<float> q = random_floats(kDim, 23);
  const kernels::KvRun run{k.data(), k.data(), kAll};  // values are the first columns of keys
  const float sink = 0.5F;
  float top = -std::numeric_limits<float>::infinity();
  std::vector<kernels::Partial> partial;
  std::vector<std::vector<float>> outs;
  for (std::uint32_t first = 0; first < kAll; first += static_cast<std::uint32_t>(part)) {
    const auto last = static_cast<std::uint32_t>(std::min(first + part, kAll));
    kernels::Partial state{};
    std::vector<float> out(32, 77);
    AttentionArgs args{.q = q.data(),
                       .q_stride = kDim,
                       .n_q = 1,
                       .key_dim = kDim,
                       .value_dim = 32,
                       .type = CacheType::f16,
                       .runs = &run,
                       .n_runs = 1,
                       .k_stride = kDim * 2,
                       .v_stride = kDim * 2,
                       .first = &first,
                       .last = &last,
                       .scale = 0.3F,
                       .soft_cap = 0,
                       .sink = first == 0 ? &sink : nullptr,
                       .out = out.data(),
                       .out_stride = 32,
                       .partial = &state};
    tensor::Buffer scratch(table.attention_scratch(args));
    args.scratch = scratch.data();
    table.attention(args);
    top = std::max(top, state.peak);
    partial.push_back(state);
    outs.push_back(out);
  }
  std::vector<float> merged(32);
  float total = 0;
  for (const kernels::Partial& p : partial) total += std::exp(p.peak - top) * p.total;
  for (std::size_t i = 0; i < outs.size(); ++i) {
    for (std::size_t d = 0; d < 32; ++d) {
      merged[d] += std::exp(partial[i].peak - top) * outs[i][d] / total;
    }
  }
  return merged;
}

TEST_P(Tables, PartsOfAttentionMergeToTheWhole) {
  const std::vector<float> expected =
      attend_in_parts(*kernels::find_table("reference"), std::size_t{300});
  for (const std::size_t part : {64, 100, 300}) {
    const std::vector<float> got = attend_in_parts(table(), part);
    for (std::size_t d = 0; d < got.size(); ++d) ASSERT_NEAR(got[d], expected[d], 2e-5) << part;
  }
}

TEST_P(Tables, AttentionAgreesWithTheReference) {
  const Attention cases[] = {
      {.n_q = 1, .key_dim = 64, .value_dim = 64, .keys = 1},
      {.n_q = 1, .key_dim = 128, .value_dim = 128, .keys = 300},
      {.n_q = 5, .key_dim = 72, .value_dim = 40, .keys = 65},
      {.n_q = 70, .key_dim = 64, .value_dim = 64, .keys = 70, .type = CacheType::f32},
      {.n_q = 70, .key_dim = 36, .value_dim = 20, .keys = 200, .type = CacheType::bf16},
      {.n_q = 9, .key_dim = 64, .value_dim = 48, .keys = 150, .soft_cap = 2},
      {.n_q = 9, .key_dim = 64, .value_dim = 48, .keys = 150, .with_sink = true},
      {.n_q = 33, .key_dim = 64, .value_dim = 64, .keys = 250, .window = 70},
      {.n_q = 40, .key_dim = 64, .value_dim = 64, .keys = 25},  // the first queries see nothing
  };
  for (const Attention& a : cases) {
    const std::vector<float> expected = attend(*kernels::find_table("reference"), a);
    const std::vector<float> got = attend(table(), a);
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], expected[i], 2e-5 * (1 + std::fabs(expected[i])))
          << "case " << (&a - cases) << " at " << i;
    }
  }
}

// ---- rows

TEST_P(Tables, NormsAgreeWithTheReference) {
  const KernelTable& reference = *kernels::find_table("reference");
  for (const std::size_t n : {1, 15, 64, 301}) {
    const std::vector<float> x = random_floats(n, 31), w = random_floats(n, 32);
    const std::vector<float> b = random_floats(n, 33);
    std::vector<float> expected(n), got(n);
    const auto check = [&] {
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_NEAR(got[i], expected[i], 2e-6 * (1 + std::fabs(expected[i]))) << i << " of " << n;
      }
    };
    reference.rms_norm(x.data(), w.data(), 1e-5F, n, expected.data());
    table().rms_norm(x.data(), w.data(), 1e-5F, n, got.data());
    check();
    reference.layer_norm(x.data(), w.data(), b.data(), 1e-5F, n, expected.data());
    table().layer_norm(x.data(), w.data(), b.data(), 1e-5F, n, got.data());
    check();
    reference.rms_norm(x.data(), nullptr, 1e-5F, n, expected.data());
    got = x;
    table().rms_norm(got.data(), nullptr, 1e-5F, n, got.data());
    check();
  }
}

TEST_P(Tables, ActivationsAgreeWithTheFormulas) {
  std::vector<float> gate;
  for (float z = -110; z < 110; z += 0.37F) gate.push_back(z);
  for (float z = -2; z < 2; z += 0.0037F) gate.push_back(z);
  const std::vector<float> up(gate.size(), 1.5F);
  std::vector<float> silu = gate, gelu = gate;
  table().silu_mul(silu.data(), up.data(), gate.size());
  table().gelu_mul(gelu.data(), up.data(), gate.size());
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const double z = double{gate[i]};
    const double s = z / (1 + std::exp(-z));
    const double u = 0.79788456080286535588 * z * (1 + 0.044715 * z * z);
    ASSERT_NEAR(silu[i], 1.5 * s, 1e-6 * std::fabs(s) + 4e-37) << z;
    ASSERT_NEAR(gelu[i], 1.5 * 0.5 * z * (1 + std::tanh(u)), 2e-6 * std::fabs(z) + 4e-37) << z;
  }
}

TEST_P(Tables, SumExpIsAccurate) {
  for (const std::size_t n : {1, 17, 1000, 4099}) {
    const std::vector<float> x = random_floats(n, 41, 2);
    double expected = 0;
    for (const float v : x) expected += std::exp(double{v - 3.0F});
    EXPECT_NEAR(table().sum_exp(x.data(), 3, n), expected, 3e-7 * expected);
  }
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x{-infinity, 0, -1000};
  EXPECT_EQ(table().sum_exp(x.data(), 0, 3), 1);
  const std::vector<float> nan{0, std::nanf("")};
  EXPECT_TRUE(std::isnan(table().sum_exp(nan.data(), 0, 2)));
}

TEST_P(Tables, SquaresAreExactInF64) {
  for (const std::size_t n : {1, 16, 45}) {
    const std::vector<float> x = random_floats(n, 51, 1e10F);
    std::vector<double> sums(n, 1);
    table().add_squares(sums.data(), x.data(), n);
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(sums[i], 1 + double{x[i]} * double{x[i]}) << i << " of " << n;
    }
  }
}

TEST_P(Tables, AddScaledAgrees) {
  const std::vector<float> x = random_floats(45, 61);
  std::vector<float> y = random_floats(45, 62);
  const std::vector<float> before = y;
  table().add_scaled(y.data(), 0.75F, x.data(), 45);
  for (std::size_t i = 0; i < 45; ++i) ASSERT_FLOAT_EQ(y[i], before[i] + 0.75F * x[i]);
}

TEST_P(Tables, CacheConversionIsBitExact) {
  const KernelTable& reference = *kernels::find_table("reference");
  std::vector<float> x = random_floats(1003, 71, 100);
  x[5] = 1e-6F;
  x[6] = -1e-8F;
  x[7] = 1e6F;
  x[8] = std::numeric_limits<float>::infinity();
  x[9] = 65519.0F;
  for (const CacheType type : {CacheType::f32, CacheType::f16, CacheType::bf16}) {
    std::vector<std::byte> expected(x.size() * 4), got(x.size() * 4);
    reference.to_cache(type, x.data(), x.size(), expected.data());
    table().to_cache(type, x.data(), x.size(), got.data());
    EXPECT_EQ(got, expected);
    std::vector<float> a(x.size()), b(x.size());
    reference.from_cache(type, expected.data(), x.size(), a.data());
    table().from_cache(type, expected.data(), x.size(), b.data());
    EXPECT_EQ(a, b);
  }
}

}  // namespace
