// Models with tensors in a format without rows.
#include "model/hf_model.h"
#include "runtime/golden.h"
#include "support/flat_tensor.h"

namespace {

enum class Stored { flat, rows, f32 };

/// A small llama whose wide enough matrices are ternary, stored in one of three ways.
std::vector<float> logits(Stored stored) {
  const test::TempDir dir;
  const quant::FlatFormat& i2_s = *quant::find_flat_format("i2_s");
  test::Draft draft = test::HfModel("llama").draft();
  unsigned seed = 0, changed = 0;
  for (auto& [name, t] : draft.tensors) {
    const std::size_t n = t.shape.elements();
    const bool fits = t.shape.cols() % i2_s.rows->block_elems == 0 && n % i2_s.block_elems == 0;
    if (!name.starts_with("blk.") || t.shape.rows() == 1 || !fits) continue;
    const test::FlatTensor ternary = test::random_i2_s(n, 0.05F, ++seed);
    ++changed;
    if (stored == Stored::flat) {
      t.flat = &i2_s;
      t.bytes = ternary.bytes;
    } else if (stored == Stored::rows) {
      t.codec = i2_s.rows;
      t.bytes = test::encode(
          *t.codec,
          {.x = ternary.values, .rows = t.shape.rows(), .cols = t.shape.cols(), .importance = {}});
    } else {
      t.codec = quant::find_codec("f32");
      const auto bytes = std::as_bytes(std::span(ternary.values));
      t.bytes.assign(bytes.begin(), bytes.end());
    }
  }
  EXPECT_GT(changed, 3U);
  draft.write(dir / "model.gguf");
  const auto model = runtime::Model::open(dir / "model.gguf");
  const std::vector<runtime::Chunk> chunk{
      {.tokens = test::read_ids(test::source_path("tests/golden/models/llama/ids.i32")),
       .first_output = 0}};
  test::Setup setup;
  setup.options.cache = kernels::CacheType::f32;
  return test::logits_of(model, chunk, setup);
}

TEST(FlatTensors, GiveTheLogitsOfTheirRows) {
  EXPECT_EQ(logits(Stored::flat), logits(Stored::rows));
}

TEST(FlatTensors, GiveTheLogitsOfTheirValues) {
  EXPECT_LT(test::relative_difference(logits(Stored::flat), logits(Stored::f32)), 1e-4);
}

}  // namespace
