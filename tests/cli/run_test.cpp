#include <nlohmann/json.hpp>

#include "support/support.h"

namespace {

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

test::RunResult run(std::vector<std::string> more) {
  std::vector<std::string> all{"run", "-m", kModel};
  all.insert(all.end(), more.begin(), more.end());
  return test::run_quern(all);
}

TEST(RunCommand, GreedyGivesTheGoldenContinuation) {
  const auto golden = nlohmann::json::parse(
      test::read_text(test::source_path("tests/golden/tiny-mla/golden.json")));
  const std::string prompt = golden["greedy_prompt"], want = golden["greedy_text"];
  for (const std::string mla : {"absorbed", "expanded"}) {
    const auto r = run({"-p", prompt, "-n", "48", "--temp", "0", "-mla", mla});
    ASSERT_EQ(r.exit_code, 0) << r.err;
    EXPECT_EQ(r.out.substr(0, want.size()), want);
    EXPECT_NE(r.err.find("eval time = "), std::string::npos) << r.err;
    EXPECT_NE(r.err.find("tokens per second)"), std::string::npos) << r.err;
  }
}

TEST(RunCommand, TheSameSeedGivesTheSameText) {
  const auto sample = [](const std::string& seed) {
    return run({"-p", "The", "-n", "24", "--seed", seed, "-t", "2"}).out;
  };
  const std::string a = sample("3");
  EXPECT_EQ(a, sample("3"));
  EXPECT_NE(a, sample("4"));
}

TEST(RunCommand, SamplersAreNamedAsThePublicProgramsName) {
  const auto all = run({"-p", "x", "-n", "1", "--samplers",
                        "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature"});
  EXPECT_EQ(all.exit_code, 0) << all.err;
  const auto wrong = run({"-p", "x", "--samplers", "top_k;topp"});
  EXPECT_EQ(wrong.exit_code, 2);
  for (const char* told : {"found: topp\n", "penalties, dry,", "did you mean top_p?"}) {
    EXPECT_NE(wrong.err.find(told), std::string::npos) << wrong.err;
  }
}

TEST(RunCommand, ContextAndUsageAreChecked) {
  EXPECT_EQ(run({"-p", "one two three four five", "-c", "3"}).exit_code, 1);
  const auto nothing = run({});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_NE(nothing.err.find("run --help`"), std::string::npos) << nothing.err;
  EXPECT_EQ(run({"-p", "x", "--top-p", "1.5"}).exit_code, 2);
  EXPECT_EQ(run({"-p", "x", "--samplers", "best"}).exit_code, 2);
  const auto full = run({"-p", "one two", "-c", "16", "--no-display-prompt", "--ignore-eos"});
  EXPECT_EQ(full.exit_code, 0) << full.err;
  EXPECT_NE(full.err.find("/    13 runs"), std::string::npos) << full.err;
}

}  // namespace
