// A run that is interrupted at any saved state and resumed ends with the same sums, in both loops.
#include "calibrate/collect.h"

#include <cmath>
#include <numeric>
#include <set>

#include "model/hf_model.h"
#include "runtime/golden.h"
#include "support/support.h"

namespace {

struct Bench {
  runtime::Team team{2};
  base::SilentProgress progress;
  base::StopFlag stop;
  runtime::Runtime runtime{
      .team = team, .kernels = kernels::best_table(), .progress = progress, .stop = stop};
  runtime::Model model = runtime::Model::open(test::source_path("data/tiny-mla-bf16.gguf"));
  eval::Windows windows = eval::cut_windows(
      model.tokenizer(),
      eval::load_corpus(test::source_path("data/calibration.txt"), true, nullptr), 128, 0, 6);
};

calibrate::CollectOptions options_for(runtime::Loop loop, const std::filesystem::path& checkpoint) {
  calibrate::CollectOptions options;
  options.evaluate.loop = loop;
  options.evaluate.batch_tokens = 128;  // one window
  options.save_every = 2;
  options.checkpoint = checkpoint;
  return options;
}

void expect_equal(const calibrate::Collected& a, const calibrate::Collected& b) {
  EXPECT_EQ(a.perplexity.sum, b.perplexity.sum);
  ASSERT_EQ(a.importance.entries.size(), b.importance.entries.size());
  for (const auto& [name, entry] : a.importance.entries) {
    EXPECT_EQ(entry.sums, b.importance.entries.at(name).sums) << name;
    EXPECT_EQ(entry.counts, b.importance.entries.at(name).counts) << name;
  }
}

/// Stops the run after the n-th update of progress, if it gets that far.
class StopAfter final : public base::Progress {
 public:
  StopAfter(base::StopFlag& stop, int n) : stop_(stop), left_(n) {}
  void update(std::string_view, std::uint64_t, std::uint64_t, std::string_view,
              std::string_view) override {
    if (--left_ == 0) stop_.request();
  }
  void log(std::string_view) override {}

 private:
  base::StopFlag& stop_;
  int left_;
};

void interrupted_runs_end_equal(runtime::Loop loop) {
  Bench bench;
  const auto whole =
      calibrate::collect(bench.model, bench.windows, options_for(loop, {}), {}, bench.runtime);
  for (const int n : {1, 3, 5}) {
    const test::TempDir dir;
    const auto options = options_for(loop, dir / "state");
    base::StopFlag stop;
    StopAfter progress(stop, n);
    runtime::Runtime interrupted{
        .team = bench.team, .kernels = bench.runtime.kernels, .progress = progress, .stop = stop};
    EXPECT_THROW(calibrate::collect(bench.model, bench.windows, options, {}, interrupted),
                 base::Error);
    const auto resumed = calibrate::collect(bench.model, bench.windows, options, {}, bench.runtime);
    expect_equal(whole, resumed);
  }
}

TEST(Collect, InterruptedTokenLoopEndsWithTheSameSums) {
  interrupted_runs_end_equal(runtime::Loop::token);
}
TEST(Collect, InterruptedLayerLoopEndsWithTheSameSums) {
  interrupted_runs_end_equal(runtime::Loop::layer);
}

std::set<std::string> files_in(const std::filesystem::path& folder) {
  std::set<std::string> out;
  for (const auto& f : std::filesystem::directory_iterator(folder)) {
    out.insert(f.path().filename().string());
  }
  return out;
}

TEST(Collect, HiddenStatesOfKilledRunsGo) {
  Bench bench;
  bench.windows.n_windows = 2;
  const std::string text = "left";
  for (const runtime::Loop loop : {runtime::Loop::token, runtime::Loop::layer}) {
    for (const bool resume : {true, false}) {
      const test::TempDir dir;
      for (const char* name : {"state.hidden-1", "state.hidden-12", "state.hidden-x", "state2"}) {
        test::write_bytes(dir / name, std::as_bytes(std::span(text)));
      }
      auto options = options_for(loop, dir / "state");
      options.resume = resume;
      calibrate::collect(bench.model, bench.windows, options, {}, bench.runtime);
      std::set<std::string> left = files_in(dir.path());
      left.erase("state");
      EXPECT_EQ(left, (std::set<std::string>{"state.hidden-x", "state2"}));
    }
  }
}

TEST(Collect, AnewForgetsTheStateOfAnotherLoop) {
  Bench bench;
  const test::TempDir dir;
  base::StopFlag stop;
  StopAfter progress(stop, 5);
  runtime::Runtime interrupted{
      .team = bench.team, .kernels = bench.runtime.kernels, .progress = progress, .stop = stop};
  EXPECT_THROW(
      calibrate::collect(bench.model, bench.windows,
                         options_for(runtime::Loop::layer, dir / "state"), {}, interrupted),
      base::Error);
  ASSERT_EQ(files_in(dir.path()).size(), 2U);  // the checkpoint and what enters the next layer
  auto options = options_for(runtime::Loop::token, dir / "state");
  options.resume = false;
  options.save_every = 1000;
  calibrate::collect(bench.model, bench.windows, options, {}, bench.runtime);
  EXPECT_EQ(files_in(dir.path()), std::set<std::string>{});
}

TEST(Collect, WithoutItsHiddenStatesACheckpointIsNotUsed) {
  Bench bench;
  const test::TempDir dir;
  const auto options = options_for(runtime::Loop::layer, dir / "state");
  base::StopFlag stop;
  StopAfter progress(stop, 5);
  runtime::Runtime interrupted{
      .team = bench.team, .kernels = bench.runtime.kernels, .progress = progress, .stop = stop};
  EXPECT_THROW(calibrate::collect(bench.model, bench.windows, options, {}, interrupted),
               base::Error);
  for (const std::string& name : files_in(dir.path())) {
    if (name.starts_with("state.hidden-")) std::filesystem::remove(dir / name);
  }
  expect_equal(calibrate::collect(bench.model, bench.windows, options_for(runtime::Loop::layer, {}),
                                  {}, bench.runtime),
               calibrate::collect(bench.model, bench.windows, options, {}, bench.runtime));
}

TEST(Collect, TheStateOfAnotherRunIsKept) {
  Bench bench;
  const test::TempDir dir;
  auto options = options_for(runtime::Loop::token, dir / "state");
  base::StopFlag stop;
  StopAfter progress(stop, 4);
  runtime::Runtime interrupted{
      .team = bench.team, .kernels = bench.runtime.kernels, .progress = progress, .stop = stop};
  EXPECT_THROW(calibrate::collect(bench.model, bench.windows, options, {}, interrupted),
               base::Error);
  const auto state = test::read_bytes(dir / "state");
  options.keep_others = true;
  options.with_output = true;
  auto windows = bench.windows;
  windows.n_windows = 2;
  try {
    calibrate::collect(bench.model, windows, options, {}, bench.runtime);
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.message(), "a saved state of another run is there");
    EXPECT_NE(std::string(e.what()).find("differs: number of chunks, --process-output"),
              std::string::npos)
        << e.what();
  }
  EXPECT_EQ(test::read_bytes(dir / "state"), state);
  options.resume = false;
  EXPECT_NO_THROW(calibrate::collect(bench.model, windows, options, {}, bench.runtime));
}

TEST(Collect, BothLoopsGiveTheSameSums) {
  Bench bench;
  expect_equal(calibrate::collect(bench.model, bench.windows, options_for(runtime::Loop::token, {}),
                                  {}, bench.runtime),
               calibrate::collect(bench.model, bench.windows, options_for(runtime::Loop::layer, {}),
                                  {}, bench.runtime));
}

TEST(Collect, SavesComeBetweenWholeBatches) {
  Bench bench;
  auto options = options_for(runtime::Loop::token, {});
  options.evaluate.batch_tokens = 512;  // four windows
  options.save_every = 1000;
  const auto whole = calibrate::collect(bench.model, bench.windows, options, {}, bench.runtime);
  std::vector<std::uint32_t> saved;
  calibrate::CollectEvents events;
  events.after_save = [&](const calibrate::Importance& i) { saved.push_back(i.chunk_count); };
  options.save_every = 3;
  expect_equal(whole,
               calibrate::collect(bench.model, bench.windows, options, events, bench.runtime));
  EXPECT_EQ(saved, std::vector<std::uint32_t>{4});
}

TEST(Collect, TheOutputMatrixSeesEveryPosition) {
  Bench bench;
  for (const bool perplexity : {true, false}) {
    auto options = options_for(runtime::Loop::token, {});
    options.with_output = true;
    options.perplexity = perplexity;
    const auto r = calibrate::collect(bench.model, bench.windows, options, {}, bench.runtime);
    const calibrate::Entry& output = r.importance.entries.at("output.weight");
    EXPECT_EQ(output.counts.at(0), r.importance.entries.at("blk.0.attn_q_a.weight").counts.at(0));
    EXPECT_EQ(output.counts.at(0), 6 * 128);
  }
}

/// What a collector sees of the small Mixtral over its golden tokens.
std::map<std::string, calibrate::Entry, std::less<>> of_mixtral(const test::HfOptions& hf) {
  const test::TempDir dir;
  test::HfModel("mixtral", hf).draft().write(dir / "m.gguf");
  const auto model = runtime::Model::open(dir / "m.gguf");
  const std::vector<runtime::Chunk> chunk{
      {.tokens = test::read_ids(test::source_path("tests/golden/models/mixtral/ids.i32")),
       .first_output = 0}};
  calibrate::Collector collector(model.spec(), true);
  runtime::Observer* const observers[] = {&collector};
  test::logits_of(model, chunk, {}, observers);
  return collector.entries();
}

TEST(Collect, AFileWithOneTensorAnExpertGivesTheSameStacks) {
  const auto stacked = of_mixtral({});
  const auto single = of_mixtral({.stack_experts = false});
  EXPECT_GT(stacked.at("blk.0.ffn_up_exps.weight").n_vectors, 1U);
  ASSERT_EQ(stacked.size(), single.size());
  for (const auto& [name, entry] : stacked) {
    EXPECT_EQ(entry.sums, single.at(name).sums) << name;
    EXPECT_EQ(entry.counts, single.at(name).counts) << name;
  }
}

double total(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

TEST(Collect, ImportanceOfTheTrainedModelIsGolden) {
  Bench bench;
  const auto windows = eval::cut_windows(
      bench.model.tokenizer(),
      eval::load_corpus(test::source_path("data/calibration.txt"), true, nullptr), 512, 0, 32);
  auto options = options_for(runtime::Loop::layer, {});
  options.perplexity = false;
  const auto ours = calibrate::collect(bench.model, windows, options, {}, bench.runtime).importance;
  const auto golden =
      calibrate::load_importance(test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf"));
  for (const auto& [name, expected] : golden.entries) {
    ASSERT_TRUE(ours.entries.count(name)) << name;
    const calibrate::Entry& entry = ours.entries.at(name);
    ASSERT_EQ(entry.counts.size(), expected.counts.size()) << name;
    const bool experts = name.find("_exps") != std::string::npos;
    for (std::size_t v = 0; v < entry.counts.size(); ++v) {
      const auto count = static_cast<double>(expected.counts[v]);
      EXPECT_NEAR(static_cast<double>(entry.counts[v]), count, experts ? 0.005 * count : 0) << name;
    }
    const std::vector<float> mean = entry.means();
    const std::vector<float> golden_mean = expected.means();
    double difference = 0;
    double sum = 0;
    for (std::size_t i = 0; i < mean.size(); ++i) {
      difference += std::fabs(static_cast<double>(mean[i] - golden_mean[i]));
      sum += static_cast<double>(golden_mean[i]);
    }
    EXPECT_LT(difference, 0.01 * sum) << name;
  }
  EXPECT_GT(total(golden.entries.at("blk.0.attn_k_b.weight").sums), 0);
}

}  // namespace
