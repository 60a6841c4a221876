#include "runtime/sample.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "gguf/file.h"
#include "runtime/sample_dry.h"
#include "support/support.h"

namespace runtime {
namespace {

/// Everything off but what a test sets; temperature 1.
SampleOptions plain() {
  SampleOptions o;
  o.temperature = 1;
  o.top_k = 0;
  o.top_p = 1;
  o.min_p = 0;
  return o;
}

/// ids that survive the chain, in list order, by one filter at a time.
std::vector<std::int32_t> kept(const std::string& filter, const SampleOptions& options,
                               const std::vector<float>& p) {
  std::vector<Candidate> list;
  for (std::size_t i = 0; i < p.size(); ++i) {
    list.push_back({.id = static_cast<std::int32_t>(i), .logit = std::log(p[i])});
  }
  std::mt19937 generator(1);
  SampleState state{.options = options,
                    .list = list,
                    .keep = std::max<std::size_t>(1, options.min_keep),
                    .generator = generator};
  find_sample_filter(filter)->apply(state);
  std::vector<std::int32_t> ids;
  for (const Candidate& c : list) ids.push_back(c.id);
  return ids;
}

using Ids = std::vector<std::int32_t>;
const std::vector<float> kP{0.05F, 0.5F, 0.15F, 0.3F};

TEST(Sample, TopKKeepsTheLargestInOrder) {
  SampleOptions o = plain();
  o.top_k = 2;
  EXPECT_EQ(kept("top_k", o, kP), (Ids{1, 3}));
  o.min_keep = 3;
  EXPECT_EQ(kept("top_k", o, kP), (Ids{1, 3, 2}));
  o.top_k = 0;
  EXPECT_EQ(kept("top_k", o, kP), (Ids{1, 3, 2, 0}));
  EXPECT_EQ(kept("top_k", o, {1, 1, 1}), (Ids{0, 1, 2})) << "ties: lower id first";
}

TEST(Sample, TopPKeepsTheShortestPrefixThatReachesIt) {
  SampleOptions o = plain();
  o.top_p = 0.75F;
  EXPECT_EQ(kept("top_p", o, kP), (Ids{1, 3}));
  o.top_p = 0.85F;
  EXPECT_EQ(kept("top_p", o, kP), (Ids{1, 3, 2}));
  o.top_p = 1;
  EXPECT_EQ(kept("top_p", o, kP), (Ids{0, 1, 2, 3}));
}

TEST(Sample, MinPIsRelativeToTheLargest) {
  SampleOptions o = plain();
  o.min_p = 0.2F;
  EXPECT_EQ(kept("min_p", o, kP), (Ids{1, 2, 3}));
  o.min_p = 0.9F;
  EXPECT_EQ(kept("min_p", o, kP), (Ids{1}));
  o.min_keep = 2;
  EXPECT_EQ(kept("min_p", o, kP), (Ids{1, 3}));
}

TEST(Sample, TypicalKeepsWhatIsNearTheEntropy) {
  SampleOptions o = plain();
  o.typical_p = 0.2F;
  // Entropy 1.142: the surprise of p = 0.3 is 1.204, the nearest.
  EXPECT_EQ(kept("typical_p", o, kP), (Ids{3}));
}

TEST(Sample, TailFreeCutsWhereTheCurveEnds) {
  SampleOptions o = plain();
  o.tfs_z = 0.5F;
  // p sorted .5 .3 .15 .05: first differences .2 .15 .1, second .05 .05, halves each.
  EXPECT_EQ(kept("tfs_z", o, {0.5F, 0.3F, 0.15F, 0.05F}).size(), 1U);
  o.tfs_z = 1;
  EXPECT_EQ(kept("tfs_z", o, kP).size(), 4U);
}

TEST(Sample, XtcDropsAllLikelyTokensButTheLast) {
  SampleOptions o = plain();
  o.xtc_probability = 1;
  o.xtc_threshold = 0.2F;
  EXPECT_EQ(kept("xtc", o, kP), (Ids{3, 2, 0}));
  o.xtc_threshold = 0.4F;
  EXPECT_EQ(kept("xtc", o, kP).size(), 4U) << "only one is likely";
  o.xtc_probability = 0;
  o.xtc_threshold = 0.2F;
  EXPECT_EQ(kept("xtc", o, kP).size(), 4U);
}

TEST(Sample, SigmaCountsFromTheLargestLogit) {
  SampleOptions o = plain();
  o.top_n_sigma = 1;
  const std::vector<float> p{std::exp(-1.0F), std::exp(-1.5F), std::exp(-9.0F), std::exp(-9.0F)};
  EXPECT_EQ(kept("top_n_sigma", o, p), (Ids{0, 1})) << "also when all logits are negative";
}

TEST(Sample, TemperatureZeroTakesTheFirstMaximumAfterPenalties) {
  SampleOptions o = plain();
  o.temperature = 0;
  o.repeat_penalty = 2;
  Sampler sampler(o);
  const std::vector<float> logits{1, 3, 3, -1};
  EXPECT_EQ(sampler.sample(logits), 1);
  sampler.accept(1);
  EXPECT_EQ(sampler.sample(logits), 2);
  sampler.accept(2);
  EXPECT_EQ(sampler.sample({{1.6F, 3, 3, -1}}), 0);
}

TEST(Sample, PenaltiesForgetWhatLeftTheWindow) {
  SampleOptions o = plain();
  o.temperature = 0;
  o.presence_penalty = 5;
  o.repeat_last_n = 2;
  Sampler sampler(o);
  for (const std::int32_t id : {1, 0, 0}) sampler.accept(id);
  EXPECT_EQ(sampler.sample({{2, 3, 1}}), 1);
  o.frequency_penalty = 1;
  o.presence_penalty = 0;
  Sampler counting(o);
  for (const std::int32_t id : {0, 0}) counting.accept(id);
  EXPECT_EQ(counting.sample({{4.5F, 2.6F, 1}}), 1) << "two times 1 is taken off";
}

TEST(Sample, BannedTokensAreNeverChosen) {
  SampleOptions o = plain();
  o.logit_bias = {{1, -INFINITY}};
  Sampler sampler(o);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(sampler.sample({{0, 50}}), 0);
}

TEST(Sample, DrawsFollowTheProbabilitiesAndTheSeed) {
  SampleOptions o = plain();
  o.seed = 7;
  Sampler a(o), b(o);
  const std::vector<float> logits{std::log(0.7F), std::log(0.3F)};
  std::map<std::int32_t, int> counts;
  for (int i = 0; i < 20000; ++i) {
    const std::int32_t id = a.sample(logits);
    EXPECT_EQ(id, b.sample(logits));
    ++counts[id];
  }
  EXPECT_NEAR(counts[0], 14000, 300);
  o.temperature = 0.5F;  // squares the odds: 49 to 9
  Sampler cold(o);
  int first = 0;
  for (int i = 0; i < 20000; ++i) first += cold.sample(logits) == 0 ? 1 : 0;
  EXPECT_NEAR(first, 20000 * 49 / 58, 300);
}

TEST(Sample, BiasIsAddedBeforeEverythingElse) {
  SampleOptions o = plain();
  o.temperature = 0;
  o.logit_bias = {{2, 3.0F}, {99, 1.0F}};
  EXPECT_EQ(Sampler(o).sample({{1, 2, 0}}), 2);
}

TEST(Sample, DynamicTemperatureFollowsTheEntropy) {
  SampleOptions o = plain();
  o.dynatemp_range = 0.5F;
  const auto heated = [&](std::vector<float> logits) {
    std::vector<Candidate> list;
    for (const float l : logits) list.push_back({.logit = l});
    std::mt19937 generator(1);
    SampleState state{.options = o, .list = list, .generator = generator};
    find_sample_filter("temperature")->apply(state);
    return list;
  };
  // Even odds: the full entropy, so the highest temperature 1.5.
  EXPECT_FLOAT_EQ(heated({3, 3})[0].logit, 2);
  // p = 0.9, 0.1: entropy 0.32508 nats of ln 2, temperature 0.5 + 0.469.
  EXPECT_NEAR(heated({std::log(9.0F), 0})[0].logit, std::log(9.0F) / (0.5F + 0.46900F), 1e-4);
  EXPECT_FLOAT_EQ(heated({3})[0].logit, 3);
}

/// The formula of docs/spec/server.md 6.3 read as it stands, for histories without breakers.
std::map<std::int32_t, float> dry_by_formula(const DryOptions& o, std::vector<std::int32_t> t) {
  std::reverse(t.begin(), t.end());
  const auto length = static_cast<std::int32_t>(t.size());
  std::map<std::int32_t, std::int32_t> longest;
  for (std::int32_t k = 1; k < length; ++k) {
    std::int32_t n = 0;
    while (n + k < length && t[static_cast<std::size_t>(n)] == t[static_cast<std::size_t>(n + k)]) {
      ++n;
    }
    if (n < o.allowed_length) continue;
    std::int32_t& most = longest[t[static_cast<std::size_t>(k - 1)]];
    most = std::max(most, n);
  }
  std::map<std::int32_t, float> loss;
  for (const auto& [id, n] : longest) {
    loss[id] = o.multiplier * std::pow(o.base, static_cast<float>(n - o.allowed_length));
  }
  return loss;
}

TEST(Dry, PenalisesWhatWouldGoOnWithARepetition) {
  const DryOptions o{.multiplier = 0.8F};
  std::mt19937 generator(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::int32_t> history(generator() % 40);
    for (std::int32_t& id : history) id = static_cast<std::int32_t>(generator() % 3);
    std::vector<Candidate> list(3);
    penalise_repetition(o, DryBreakers(), history, list);
    const auto loss =
        history.size() > 2 ? dry_by_formula(o, history) : std::map<std::int32_t, float>{};
    for (std::int32_t id = 0; id < 3; ++id) {
      const auto it = loss.find(id);
      EXPECT_FLOAT_EQ(list[static_cast<std::size_t>(id)].logit, it == loss.end() ? 0 : -it->second)
          << "round " << round << " id " << id;
    }
  }
}

TEST(Dry, StopsAtBreakers) {
  DryBreakers breakers;
  breakers.add(9, {});   // a newline
  breakers.add(7, {8});  // the first half of a breaker, its rest
  EXPECT_EQ(breakers.limit(Ids{1, 9, 2, 3}), 2U) << "two tokens lie behind the 9";
  EXPECT_EQ(breakers.limit(Ids{1, 7, 8, 3}), 1U) << "the tail belongs to the breaker";
  EXPECT_EQ(breakers.limit(Ids{1, 7, 2, 3}), 4U) << "not followed by its tail";
  const DryOptions o{.multiplier = 1};
  const Ids history{1, 2, 3, 4, 9, 1, 2, 3};
  std::vector<Candidate> list(10);
  penalise_repetition(o, breakers, history, list);
  EXPECT_FLOAT_EQ(list[4].logit, -1.75F) << "1 2 3 would be followed by 4 again";
  list.assign(10, {});
  penalise_repetition(o, breakers, Ids{2, 3, 9, 1, 2, 3}, list);
  EXPECT_FLOAT_EQ(list[9].logit, 0) << "breakers themselves are never penalised";
  EXPECT_TRUE(breakers.breaks_alone(9));
  EXPECT_FALSE(breakers.breaks_alone(7));
}

TEST(Dry, FindsBreakersInTheVocabulary) {
  const auto file = gguf::FileSet::open(test::source_path("data/tiny-mla-bf16.gguf"));
  const auto tokenizer = text::make_tokenizer(file.metadata());
  const std::vector<std::string> strings{"\n", " of"};
  const DryBreakers breakers(*tokenizer, strings);
  std::size_t with_newline = 0;
  for (std::size_t i = 0; i < tokenizer->size(); ++i) {
    const auto id = static_cast<std::int32_t>(i);
    const std::string piece = tokenizer->piece(id, true);
    const bool whole =
        piece.find('\n') != std::string::npos || piece.find(" of") != std::string::npos;
    EXPECT_EQ(breakers.breaks_alone(id), whole) << piece;
    with_newline += whole ? 1U : 0U;
  }
  EXPECT_GT(with_newline, 1U);
}

TEST(Mirostat, SecondVersionKeepsWhatSurprisesLittle) {
  SampleOptions o = plain();
  o.mirostat = {.version = 2, .tau = 0.75F, .eta = 0};  // mu stays 1.5 bits: p >= 0.354
  Sampler sampler(o);
  std::map<std::int32_t, int> counts;
  for (int i = 0; i < 4000; ++i) {
    ++counts[sampler.sample({{std::log(0.1F), std::log(0.4F), std::log(0.14F), std::log(0.36F)}})];
  }
  EXPECT_EQ(counts.size(), 2U);
  EXPECT_NEAR(counts[1], 4000 * 0.4 / 0.76, 150);
}

TEST(Mirostat, BothVersionsHoldTheSurpriseTheyAimAt) {
  // Zipf's law over 1000 tokens: entropy 7.5 bits.
  std::vector<float> logits(1000);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    logits[i] = -std::log(static_cast<float>(i + 1));
  }
  double total = 0;
  for (const float l : logits) total += std::exp(l);
  for (const int version : {1, 2}) {
    SampleOptions o = plain();
    o.mirostat = {.version = version, .tau = 4.0F, .eta = 0.1F};
    Sampler sampler(o);
    double surprise = 0;
    constexpr int kDraws = 4000;
    for (int i = 0; i < kDraws; ++i) {
      const auto id = static_cast<std::size_t>(sampler.sample(logits));
      surprise -= std::log2(std::exp(logits[id]) / total);
    }
    // The surprise counts after the cut, which leaves it below that of the whole list.
    EXPECT_GT(surprise / kDraws, 3.5) << version;
    EXPECT_LT(surprise / kDraws, 5.5) << version;
  }
}

TEST(AdaptiveP, DrawsTokensNearTheProbabilityItAimsAt) {
  const std::vector<float> p{0.6F, 0.25F, 0.1F, 0.05F};
  std::vector<float> logits;
  for (const float x : p) logits.push_back(std::log(x));
  const auto mean_p = [&](float target) {
    SampleOptions o = plain();
    o.adaptive.target = target;
    Sampler sampler(o);
    double sum = 0;
    for (int i = 0; i < 4000; ++i) sum += p[static_cast<std::size_t>(sampler.sample(logits))];
    return sum / 4000;
  };
  EXPECT_NEAR(mean_p(0.25F), 0.25, 0.04);
  EXPECT_NEAR(mean_p(0.45F), 0.45, 0.06);
}

TEST(Sample, OrderIsReadAndUnknownNamesAreRefused) {
  SampleOptions o = plain();
  o.order = "min-p;temp;nucleus";
  EXPECT_NO_THROW(Sampler{o});
  o.order = "top_k;guess";
  try {
    Sampler{o};
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_NE(std::string(e.what()).find("guess"), std::string::npos);
  }
  EXPECT_EQ(find_sample_filter(""), nullptr);
  EXPECT_EQ(find_sample_filter("typ"), find_sample_filter("typical_p"));
}

}  // namespace
}  // namespace runtime
