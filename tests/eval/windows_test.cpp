// Perplexity does not depend on how the driver cuts a window; the trained model's golden values.
#include <fstream>
#include <nlohmann/json.hpp>

#include "eval/perplexity.h"
#include "support/support.h"

namespace {

struct Bench {
  runtime::Team team{2};
  base::SilentProgress progress;
  base::StopFlag stop;
  runtime::Runtime runtime{
      .team = team, .kernels = kernels::best_table(), .progress = progress, .stop = stop};
  runtime::Model model = runtime::Model::open(test::source_path("data/tiny-mla-bf16.gguf"));
  std::string text = eval::load_corpus(test::source_path("data/evaluation.txt"), true, nullptr);
};

TEST(Windows, PerplexityIsTheSameForEveryBatchSize) {
  Bench bench;
  const auto windows = eval::cut_windows(bench.model.tokenizer(), bench.text, 17, 0, 10);
  const auto whole = eval::measure_perplexity(bench.model, windows, {}, {}, {}, bench.runtime);
  EXPECT_EQ(whole.n, 10U * 8);
  for (const std::size_t batch : {1, 2, 7, 8, 9, 15, 16, 17, 18}) {
    runtime::EvaluateOptions options;
    options.batch_tokens = batch;
    std::size_t calls = 0;
    const auto sums = eval::measure_perplexity(
        bench.model, windows, options, {},
        [&](std::size_t window, const eval::PerplexitySums&) { EXPECT_EQ(window, calls++); },
        bench.runtime);
    EXPECT_EQ(calls, 10U);
    EXPECT_EQ(sums.n, whole.n);
    EXPECT_NEAR(sums.perplexity() / whole.perplexity(), 1, 0.01) << batch;
  }
}

TEST(Windows, PerplexityOfTheTrainedModelIsGolden) {
  Bench bench;
  std::ifstream in(test::source_path("tests/golden/tiny-mla/golden.json"));
  const auto golden = nlohmann::json::parse(in);
  const auto windows = eval::cut_windows(bench.model.tokenizer(), bench.text, 512, 0, 0);
  std::vector<double> running;
  const auto sums = eval::measure_perplexity(
      bench.model, windows, {}, {},
      [&](std::size_t, const eval::PerplexitySums& s) { running.push_back(s.perplexity()); },
      bench.runtime);
  const auto& expected = golden.at("running_ppl");
  ASSERT_EQ(running.size(), expected.size());
  for (std::size_t i = 0; i < running.size(); ++i) {
    EXPECT_NEAR(running[i] / expected[i].get<double>(), 1, 0.001) << i;
  }
  EXPECT_NEAR(sums.perplexity() / golden.at("ppl").get<double>(), 1, 0.001);
  EXPECT_NEAR(sums.error() / golden.at("ppl_error").get<double>(), 1, 0.01);
}

}  // namespace
