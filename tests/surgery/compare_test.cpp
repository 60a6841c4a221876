// Two models side by side.
#include "surgery/compare.h"

#include <cmath>
#include <limits>

#include "support/spoiled_model.h"

namespace {

using surgery::Comparison;
using test::Spoiled;

const std::filesystem::path kModel = test::source_path("data/tiny-mla-bf16.gguf");

void with_values(const gguf::FileSet& a, const gguf::FileSet& b, Comparison& c,
                 std::size_t threads = 2,
                 const kernels::KernelTable& kernels = kernels::best_table()) {
  runtime::Team team(threads);
  base::SilentProgress progress;
  const base::StopFlag stop;
  surgery::compare_values(a, b, c, {team, kernels, progress, stop});
}

const surgery::TensorPair& pair(const Comparison& c, std::string_view name) {
  return *std::ranges::find(c.tensors, name, &surgery::TensorPair::name);
}

TEST(Compare, AModelIsLikeItself) {
  const gguf::FileSet a = gguf::FileSet::open(kModel);
  Comparison c = surgery::compare_models(a, a);
  EXPECT_TRUE(c.same());
  EXPECT_EQ(c.n_keys, 38u);
  with_values(a, a, c);
  EXPECT_TRUE(c.same());
  for (const auto& t : c.tensors) {
    EXPECT_TRUE(t.same_bytes);
    EXPECT_DOUBLE_EQ(t.error->cosine(), 1.0) << t.name;
  }
}

TEST(ValueErrorTest, OneNanDoesNotHideTheOthers) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  surgery::ValueError error;
  error.add(std::vector<float>{kNan, 3, 4, 0}, std::vector<float>{kNan, 3, 4, 1});
  EXPECT_EQ(error.n_different(), 1u);
  EXPECT_DOUBLE_EQ(error.relative_rmse(), 0.2);
  EXPECT_DOUBLE_EQ(error.max_error(), 1);
  error.add_equal(std::vector<float>{kNan, 1});
  EXPECT_GT(error.cosine(), 0.9);
  error.add(std::vector<float>{kNan}, std::vector<float>{1});
  EXPECT_TRUE(std::isinf(error.relative_rmse()));
  EXPECT_TRUE(std::isinf(error.max_error()));
  EXPECT_GT(error.cosine(), 0.9);
}

/// A table that decodes every row to zeros, to see whose table is used.
TEST(Compare, DecodesWithTheTableThatItIsGiven) {
  kernels::KernelTable table = *kernels::find_table("reference");
  table.decoder = [](const quant::Codec&) noexcept -> kernels::Decode {
    return [](const std::byte*, std::size_t cols, float* out) noexcept {
      std::fill_n(out, cols, 0.0F);
    };
  };
  const test::TempDir dir;
  Spoiled m;
  m.bytes("output.weight")[1000] ^= std::byte{1};
  const gguf::FileSet a = gguf::FileSet::open(kModel);
  const gguf::FileSet b = gguf::FileSet::open(m.write(dir / "b.gguf"));
  Comparison c = surgery::compare_models(a, b);
  with_values(a, b, c, 2, table);
  EXPECT_FALSE(pair(c, "output.weight").same_bytes);
  EXPECT_TRUE(pair(c, "output.weight").error->equal());
  Comparison seen = surgery::compare_models(a, b);
  with_values(a, b, seen);
  EXPECT_FALSE(pair(seen, "output.weight").error->equal());
}

TEST(Compare, KeysAddedRemovedChanged) {
  const test::TempDir dir;
  Spoiled m;
  m.metadata.set("general.name", std::string("other"));
  m.metadata.set("deepseek2.context_length", std::int32_t{512});  // another type
  m.metadata.erase("general.license");
  m.metadata.set("new", true);
  m.metadata.set("split.count", std::uint16_t{0});
  m.metadata.set("quern.room", std::string("   "));
  const gguf::FileSet a = gguf::FileSet::open(kModel);
  const gguf::FileSet b = gguf::FileSet::open(m.write(dir / "b"));
  const Comparison c = surgery::compare_models(a, b);
  ASSERT_EQ(c.keys.size(), 4u);
  EXPECT_EQ(c.keys[0].key, "general.name");
  EXPECT_EQ(c.keys[1].key, "general.license");
  EXPECT_EQ(c.keys[1].b, nullptr);
  EXPECT_EQ(c.keys[2].key, "deepseek2.context_length");
  EXPECT_EQ(c.keys[3].key, "new");
  EXPECT_EQ(c.keys[3].a, nullptr);
  EXPECT_FALSE(c.same());
}

TEST(Compare, TensorsMissingMovedReshapedRetyped) {
  const test::TempDir dir;
  Spoiled m;
  m.drop("blk.1.attn_norm.weight");
  m.plan("blk.2.attn_norm.weight").name = "new";
  std::swap(m.plan("blk.2.attn_q_b.weight").shape.ne[0],
            m.plan("blk.2.attn_q_b.weight").shape.ne[1]);
  m.plan("blk.3.attn_q_a.weight").codec = quant::find_codec("f16");
  const std::size_t i = m.index("blk.4.attn_q_a.weight"), j = m.index("blk.4.attn_q_b.weight");
  std::swap(m.plans[i], m.plans[j]);
  std::swap(m.data[i], m.data[j]);
  const gguf::FileSet a = gguf::FileSet::open(kModel);
  const gguf::FileSet b = gguf::FileSet::open(m.write(dir / "b"));
  Comparison c = surgery::compare_models(a, b);
  EXPECT_EQ(c.tensors.size(), 101u);
  EXPECT_FALSE(c.same_order);
  EXPECT_EQ(pair(c, "blk.1.attn_norm.weight").b, nullptr);
  EXPECT_EQ(pair(c, "new").a, nullptr);
  EXPECT_FALSE(pair(c, "blk.2.attn_q_b.weight").same_shape());
  EXPECT_FALSE(pair(c, "blk.3.attn_q_a.weight").same_type());
  EXPECT_FALSE(pair(c, "blk.4.attn_q_a.weight").differs());
  with_values(a, b, c);
  EXPECT_FALSE(pair(c, "blk.2.attn_q_b.weight").error);
  EXPECT_TRUE(pair(c, "blk.4.attn_q_a.weight").same_bytes);
}

/// One value changed by hand: the sums are known.
TEST(Compare, ErrorsAreThoseOfTheValues) {
  const test::TempDir dir;
  Spoiled m;
  auto& bytes = m.bytes("blk.3.attn_output.weight");
  const gguf::FileSet a = gguf::FileSet::open(kModel);
  const tensor::TensorView view = a.view(*a.find("blk.3.attn_output.weight"));
  std::vector<float> x(view.shape.elements());
  tensor::decode_rows(view, 0, view.shape.rows(), x);
  bytes[2 * 700] = std::byte{0};
  bytes[2 * 700 + 1] = std::byte{0x40};  // 2.0
  const gguf::FileSet b = gguf::FileSet::open(m.write(dir / "b"));
  Comparison c = surgery::compare_models(a, b);
  EXPECT_TRUE(c.same());
  with_values(a, b, c);
  EXPECT_FALSE(c.same());
  const surgery::ValueError& e = *pair(c, "blk.3.attn_output.weight").error;
  double square = 0;
  for (const float v : x) square += static_cast<double>(v) * static_cast<double>(v);
  const double d = 2.0 - static_cast<double>(x[700]);
  EXPECT_EQ(e.n_different(), 1u);
  EXPECT_DOUBLE_EQ(e.max_error(), d);
  EXPECT_NEAR(e.relative_rmse(), d / std::sqrt(square), 1e-12);
}

/// One tensor encoded as `type`.
void encode(Spoiled& m, const std::string& name, const char* type) {
  const tensor::TensorView view = m.files.view(*m.files.find(name));
  std::vector<float> x(view.shape.elements());
  tensor::decode_rows(view, 0, view.shape.rows(), x);
  m.plan(name).codec = quant::find_codec(type);
  m.bytes(name).resize(tensor::tensor_bytes(*m.plan(name).codec, view.shape));
  m.plan(name).codec->encode(
      {.x = x, .rows = view.shape.rows(), .cols = view.shape.cols(), .importance = {}},
      m.bytes(name));
}

/// Interleaved rows, row scales, and a format (iq3_kt) whose products have a gain of their own.
TEST(Compare, TypesAreComparedAsProductsSeeThem) {
  const test::TempDir dir;
  const gguf::FileSet a = gguf::FileSet::open(kModel);
  const std::vector<std::tuple<std::string, const char*, double, double>> cases = {
      {"blk.1.attn_q_a.weight", "q8_0", 0.002, 0.008},
      {"blk.2.attn_q_a.weight", "q4_k_r4", 0.04, 0.1},
      {"blk.3.attn_q_a.weight", "iq3_kt", 0.08, 0.2},
      {"blk.4.attn_q_a.weight", "iq4_ks", 0.04, 0.1},
      {"blk.5.attn_q_a.weight", "f16", 0.0, 1e-4}};
  Spoiled m;
  for (const auto& [name, type, low, high] : cases) encode(m, name, type);
  const gguf::FileSet b = gguf::FileSet::open(m.write(dir / "b"));
  Comparison c = surgery::compare_models(a, b);
  with_values(a, b, c, 1);
  Comparison again = surgery::compare_models(a, b);
  with_values(a, b, again, 5);
  for (const auto& [name, type, low, high] : cases) {
    const auto& t = pair(c, name);
    EXPECT_FALSE(t.same_bytes);
    EXPECT_GE(t.error->relative_rmse(), low) << type;
    EXPECT_LE(t.error->relative_rmse(), high) << type;
    EXPECT_GT(t.error->cosine(), 0.97) << type;
    EXPECT_EQ(pair(again, name).error->relative_rmse(), t.error->relative_rmse()) << type;
  }
}

}  // namespace
