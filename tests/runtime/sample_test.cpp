#include "runtime/sample.h"

#include <cmath>
#include <map>

#include "base/error.h"
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
  o.banned = {1};
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
