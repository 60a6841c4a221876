// The layer loop holds two layers, whatever the size of the model.
#include "model/hf_model.h"
#include "runtime/golden.h"

namespace {

constexpr std::uint64_t kEmbd = 512, kWidth = 1408;
constexpr std::uint32_t kLayers = 14;
constexpr std::size_t kLayerBytes = (4 * kEmbd * kEmbd + 3 * kEmbd * kWidth) * sizeof(float);

/// A llama of zeros: 12 MiB a layer.
test::Draft large_model() {
  test::Draft d;
  const auto u32 = [&](const std::string& key, std::uint32_t v) {
    d.metadata.set("llama." + key, v);
  };
  d.metadata.set("general.architecture", std::string("llama"));
  u32("block_count", kLayers);
  u32("context_length", 512);
  u32("embedding_length", kEmbd);
  u32("feed_forward_length", kWidth);
  u32("attention.head_count", 8);
  d.metadata.set("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  const auto add = [&](const std::string& name, std::uint64_t cols, std::uint64_t rows) {
    d.tensors[name] = {quant::find_codec("f32"),
                       {{{cols, rows, 1, 1}}},
                       std::vector<std::byte>(cols * rows * sizeof(float))};
  };
  add("token_embd.weight", kEmbd, 64);
  add("output_norm.weight", kEmbd, 1);
  for (std::uint32_t l = 0; l < kLayers; ++l) {
    const std::string block = "blk." + std::to_string(l) + ".";
    for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output"}) {
      add(block + name + ".weight", kEmbd, kEmbd);
    }
    for (const char* name : {"attn_norm", "ffn_norm"}) add(block + name + ".weight", kEmbd, 1);
    for (const char* name : {"ffn_gate", "ffn_up"}) add(block + name + ".weight", kEmbd, kWidth);
    add(block + "ffn_down.weight", kWidth, kEmbd);
  }
  return d;
}

/// Peak in bytes of `quern logits` with this loop, as the program tells.
double peak(const std::filesystem::path& model, const std::filesystem::path& ids,
            const std::string& loop) {
  const auto r = test::run_quern({"logits", "-m", model.string(), "--ids", ids.string(), "-o",
                                  (model.parent_path() / "out").string(), "--loop", loop});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  const std::string before = "peak memory ";
  return std::stod(r.err.substr(r.err.find(before) + before.size())) * 1024 * 1024;
}

TEST(Memory, TheLayerLoopHoldsTwoLayers) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers keep memory of their own";
#endif
  const test::TempDir dir;
  large_model().write(dir / "model.gguf");
  const std::vector<std::int32_t> ids(64, 1);
  test::write_bytes(dir / "ids", std::as_bytes(std::span(ids)));
  const double hidden = 64 * kEmbd * sizeof(float);
  const double bound = 2.0 * kLayerBytes + hidden + 64.0 * 1024 * 1024;
  EXPECT_LT(peak(dir / "model.gguf", dir / "ids", "layer"), bound);
  EXPECT_GT(peak(dir / "model.gguf", dir / "ids", "token"), kLayers * double{kLayerBytes});
}

}  // namespace
