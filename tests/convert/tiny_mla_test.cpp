// The trained model's folder against the GGUF files that its authors made of it.
#include "base/half.h"
#include "convert/convert_support.h"

namespace {

std::vector<std::byte> bytes_of(const gguf::FileSet& files, const gguf::TensorInfo& info) {
  const auto bytes = files.view(info).bytes;
  return {bytes.begin(), bytes.end()};
}

/// Norms and the router are bf16 in the folder, f32 in the file.
void round_to_bf16(std::vector<std::byte>& bytes) {
  for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    float v = 0;
    std::memcpy(&v, bytes.data() + i, 4);
    v = base::bf16_to_f32(base::f32_to_bf16(v));
    std::memcpy(bytes.data() + i, &v, 4);
  }
}

void expect_same_tensors(const gguf::FileSet& got, const gguf::FileSet& want) {
  EXPECT_EQ(got.tensors().size(), want.tensors().size());
  for (const gguf::TensorInfo& w : want.tensors()) {
    const gguf::TensorInfo* g = got.find(w.name);
    ASSERT_NE(g, nullptr) << w.name;
    EXPECT_EQ(g->codec, w.codec) << w.name;
    EXPECT_EQ(g->shape, w.shape) << w.name;
    std::vector<std::byte> bytes = bytes_of(want, w);
    const bool bias = w.name.find("exp_probs_b") != std::string::npos;
    if (w.codec->name == "f32" && !bias) round_to_bf16(bytes);
    EXPECT_TRUE(bytes_of(got, *g) == bytes) << w.name;
  }
}

/// Every key of the original file but what only a person can say.
void expect_same_keys(const gguf::FileSet& got, const gguf::FileSet& want) {
  for (const auto& [key, value] : want.metadata().pairs()) {
    if (key == "general.name" || key == "general.license" || key == "general.description") continue;
    const gguf::Value* g = got.metadata().find(key);
    ASSERT_NE(g, nullptr) << key;
    EXPECT_TRUE(*g == value) << key << ": " << gguf::to_text(*g) << ", not "
                             << gguf::to_text(value);
  }
}

void expect_same(model::MlaForm form, const char* original) {
  const test::TempDir dir;
  test::convert_folder(test::shared_path("models/tiny-mla-hf"), dir / "m.gguf",
                       {.type = "BF16", .options = {.plan = {.mla = form}}});
  const auto got = gguf::FileSet::open(dir / "m.gguf");
  const auto want = gguf::FileSet::open(test::shared_path(original));
  expect_same_tensors(got, want);
  expect_same_keys(got, want);
}

TEST(TinyMla, WholeKvB) {
  QUERN_NEEDS_SHARED("models/tiny-mla-hf");
  expect_same(model::MlaForm::kv_b, "models/tiny-mla-bf16.gguf");
}
TEST(TinyMla, Split) {
  QUERN_NEEDS_SHARED("models/tiny-mla-hf");
  expect_same(model::MlaForm::split, "models/tiny-mla-split-bf16.gguf");
}

TEST(TinyMla, BothHoldsTheSameBytesInTwoDimensions) {
  QUERN_NEEDS_SHARED("models/tiny-mla-hf");
  const test::TempDir dir;
  test::convert_folder(test::shared_path("models/tiny-mla-hf"), dir / "m.gguf",
                       {.type = "BF16", .options = {.plan = {.mla = model::MlaForm::both}}});
  const auto got = gguf::FileSet::open(dir / "m.gguf");
  const auto whole = gguf::FileSet::open(test::shared_path("models/tiny-mla-bf16.gguf"));
  const auto split = gguf::FileSet::open(test::shared_path("models/tiny-mla-split-bf16.gguf"));
  for (int l = 0; l < 6; ++l) {
    const std::string block = "blk." + std::to_string(l) + ".";
    for (const char* name : {"attn_k_b.weight", "attn_v_b.weight"}) {
      const gguf::TensorInfo* g = got.find(block + name);
      ASSERT_NE(g, nullptr) << name;
      EXPECT_EQ(g->shape.n_dims(), 2U);
      EXPECT_TRUE(bytes_of(got, *g) == bytes_of(split, *split.find(block + name))) << name;
    }
    const std::string kv_b = block + "attn_kv_b.weight";
    EXPECT_TRUE(bytes_of(got, *got.find(kv_b)) == bytes_of(whole, *whole.find(kv_b)));
  }
  expect_same_keys(got, whole);
}

}  // namespace
