#include "runtime/decoder.h"

#include "model/hf_model.h"
#include "runtime/golden.h"
#include "support/matrices.h"

namespace {

class DecoderTest : public testing::Test {
 protected:
  runtime::Model model_ = runtime::Model::open(test::tiny_model());
  runtime::Team team_{2};
  base::SilentProgress progress_;
  base::StopFlag stop_;
  runtime::Runtime rt_{.team = team_,
                       .kernels = *kernels::find_table("reference"),
                       .progress = progress_,
                       .stop = stop_};
  std::vector<std::int32_t> ids_ = test::first_chunk_ids();
  std::vector<float> golden_ = test::first_chunk_logits();

  runtime::Decoder decoder() {
    return {model_, {.cache = kernels::CacheType::f32, .batch_tokens = 20}, rt_};
  }
  /// Difference of the logits behind token t to the golden ones, relative to their range.
  double difference(std::span<const float> logits, std::size_t t) const {
    return test::relative_difference(logits, std::span(golden_).subspan(t * 4096, 4096));
  }
};

TEST_F(DecoderTest, StepsGiveTheLogitsOfTheWholeText) {
  auto d = decoder();
  const std::span<const std::int32_t> ids = ids_;
  EXPECT_LT(difference(d.append(0, ids.first(45)), 44), 1e-4);
  for (std::size_t t = 45; t < 50; ++t) {
    EXPECT_LT(difference(d.append(0, ids.subspan(t, 1)), t), 1e-4);
  }
  EXPECT_LT(difference(d.append(0, ids.subspan(50, 14)), 63), 1e-4);
}

TEST_F(DecoderTest, SequencesAndForksDoNotDisturbEachOther) {
  auto d = decoder();
  const std::span<const std::int32_t> ids = ids_;
  d.append(1, ids.first(40));
  d.append(2, ids.subspan(100, 33));
  d.cache().fork(1, 3, 37);
  d.append(3, ids.subspan(200, 5));
  EXPECT_LT(difference(d.append(1, ids.subspan(40, 8)), 47), 1e-4);
  d.cache().truncate(3, 37);
  EXPECT_LT(difference(d.append(3, ids.subspan(37, 3)), 39), 1e-4);
}

/// Logits behind one token after a cache that attention cuts into three parts.
std::vector<float> step_on_long_cache(const runtime::Model& model, std::size_t threads,
                                      std::span<const std::int32_t> ids, std::size_t last_step,
                                      const kernels::KernelTable& table = kernels::best_table()) {
  runtime::Team team(threads);
  base::SilentProgress progress;
  const base::StopFlag stop;
  runtime::Runtime rt{.team = team, .kernels = table, .progress = progress, .stop = stop};
  runtime::Decoder decoder(model, {}, rt);
  decoder.append(0, ids.first(ids.size() - last_step));
  const std::span<const float> logits = decoder.append(0, ids.last(last_step));
  return {logits.begin(), logits.end()};
}

TEST_F(DecoderTest, LongCachesGiveEqualBitsOnAnyTeam) {
  std::vector<std::int32_t> ids;
  while (ids.size() < 2100) ids.insert(ids.end(), ids_.begin(), ids_.end());
  ids.resize(2100);
  const std::vector<float> one = step_on_long_cache(model_, 1, ids, 1);
  EXPECT_EQ(one, step_on_long_cache(model_, 3, ids, 1));
  // 40 tokens at once are not cut.
  EXPECT_LT(test::relative_difference(one, step_on_long_cache(model_, 2, ids, 40)), 0.02);
}

/// One layer whose heads share one KV head; attn_output drops all but the first kept.
void write_one_kv_head(const std::filesystem::path& path, std::size_t n_head, std::size_t kept) {
  constexpr std::size_t kEmbd = 64, kHead = 8, kMost = 18;
  test::Draft draft = test::HfModel("llama").draft();
  std::erase_if(draft.tensors, [](const auto& t) {
    return t.first.starts_with("blk.") && !t.first.starts_with("blk.0.");
  });
  for (const auto& [key, value] : {std::pair<const char*, std::size_t>{"block_count", 1},
                                   {"context_length", 2048},
                                   {"attention.head_count", n_head},
                                   {"attention.head_count_kv", 1},
                                   {"attention.key_length", kHead},
                                   {"attention.value_length", kHead},
                                   {"rope.dimension_count", kHead}}) {
    draft.metadata.set(std::string("llama.") + key, static_cast<std::uint32_t>(value));
  }
  const auto set = [&](const char* name, std::size_t cols, std::span<const float> values) {
    const auto bytes = std::as_bytes(values);
    draft.tensors[name] = {.codec = quant::find_codec("f32"),
                           .shape = {{cols, values.size() / cols, 1, 1}},
                           .bytes = {bytes.begin(), bytes.end()}};
  };
  const auto q = test::gaussian(kMost * kHead * kEmbd, 0.3F, 1);
  set("blk.0.attn_q.weight", kEmbd, std::span(q).first(n_head * kHead * kEmbd));
  set("blk.0.attn_k.weight", kEmbd, test::gaussian(kHead * kEmbd, 0.3F, 2));
  set("blk.0.attn_v.weight", kEmbd, test::gaussian(kHead * kEmbd, 0.3F, 3));
  const auto all = test::gaussian(kEmbd * kMost * kHead, 0.3F, 4);
  std::vector<float> output(kEmbd * n_head * kHead);
  for (std::size_t r = 0; r < kEmbd; ++r) {
    std::copy_n(all.data() + r * kMost * kHead, kept * kHead, output.data() + r * n_head * kHead);
  }
  set("blk.0.attn_output.weight", n_head * kHead, output);
  draft.write(path);
}

TEST(Decoder, HeadsOfOneKvHeadBeyondABlockAreCutLikeTheOthers) {
  const test::TempDir dir;
  std::vector<std::int32_t> ids(1040);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(3 + i * 7 % 390);
  const auto logits = [&](std::size_t n_head, std::size_t kept, std::size_t threads,
                          std::size_t last_step) {
    write_one_kv_head(dir / "m.gguf", n_head, kept);
    return step_on_long_cache(runtime::Model::open(dir / "m.gguf"), threads, ids, last_step,
                              *kernels::find_table("reference"));
  };
  // Heads that do not count change no bit of the others, though the cache is cut.
  EXPECT_EQ(logits(16, 16, 1, 1), logits(18, 16, 1, 1));
  const std::vector<float> all = logits(18, 18, 1, 1);
  EXPECT_EQ(all, logits(18, 18, 3, 1));
  EXPECT_LT(test::relative_difference(all, logits(18, 18, 2, 20)), 1e-3);
}

TEST_F(DecoderTest, RefusesNothingAndStopsWhenAsked) {
  auto d = decoder();
  EXPECT_THROW(d.append(0, {}), base::Error);
  stop_.request();
  try {
    d.append(0, ids_);
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::interrupted);
  }
}

}  // namespace
