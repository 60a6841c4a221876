// Models with sliding windows over long texts: what their caches give up changes nothing.
#include "convert/convert_support.h"
#include "runtime/decoder.h"
#include "runtime/model.h"

namespace {

/// Logits of every step of a long text in batches of 1 to 40 tokens; `keep`: no page of a window is
/// given up. `bytes`: what the cache held at the end.
std::vector<float> windowed_logits(const runtime::Model& model, bool keep, std::size_t& bytes) {
  runtime::Team team(2);
  base::SilentProgress progress;
  const base::StopFlag stop;
  runtime::Runtime rt{
      .team = team, .kernels = kernels::best_table(), .progress = progress, .stop = stop};
  runtime::Decoder decoder(model, {.batch_tokens = 40}, rt);
  if (keep) decoder.cache().pin(0, 0);
  std::vector<float> out;
  std::vector<std::int32_t> ids(600);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<std::int32_t>(i * i * 7 % model.spec().n_vocab);
  }
  const std::span<const std::int32_t> text = ids;
  for (std::size_t at = 0, n = 60; at < text.size(); at += n, n = n * 5 % 43 + 1) {
    n = std::min(n, text.size() - at);
    const std::span<const float> logits = decoder.append(0, text.subspan(at, n));
    out.insert(out.end(), logits.begin(), logits.end());
  }
  bytes = decoder.cache().bytes();
  return out;
}

TEST(Windows, GivenUpPagesOfWindowsChangeNoBit) {
  for (const char* name : {"gemma3", "cohere2", "gpt-oss"}) {
    const test::TempDir dir;
    const auto folder = test::model_folder(name);
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs " << folder;
    test::convert_folder(folder, dir / "model.gguf");
    const auto model = runtime::Model::open(dir / "model.gguf");
    std::size_t kept_bytes = 0, bytes = 0;
    const std::vector<float> kept = windowed_logits(model, true, kept_bytes);
    EXPECT_TRUE(kept == windowed_logits(model, false, bytes)) << name;
    EXPECT_LT(bytes, kept_bytes) << name;
  }
}

}  // namespace
