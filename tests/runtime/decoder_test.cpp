#include "runtime/decoder.h"

#include "runtime/golden.h"

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
                                      std::span<const std::int32_t> ids, std::size_t last_step) {
  runtime::Team team(threads);
  base::SilentProgress progress;
  const base::StopFlag stop;
  runtime::Runtime rt{
      .team = team, .kernels = kernels::best_table(), .progress = progress, .stop = stop};
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
