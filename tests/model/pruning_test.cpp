#include "model/pruning.h"

#include <gmock/gmock.h>

#include "model/samples.h"

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Outcome {
  std::vector<model::LayerPlan> plans;  ///< as described by the pruned metadata
  base::Findings findings;
  gguf::Metadata metadata;
};

gguf::FileSet planned(const test::Draft& draft, gguf::Metadata metadata,
                      const model::LayerMap* map = nullptr) {
  std::vector<gguf::TensorInfo> infos;
  for (const auto& [name, t] : draft.tensors) {
    const int layer = model::parse_tensor_name(name).layer;
    if (map != nullptr && layer >= 0 && !map->keeps(layer)) continue;
    const int number = map == nullptr || layer < 0 ? layer : map->renumbered(layer);
    infos.push_back(
        {.name = model::with_layer(name, number), .codec = t.codec, .shape = t.shape, .shard = 0});
  }
  return gguf::FileSet::planned(std::move(metadata), std::move(infos));
}

Outcome prune(const test::Draft& draft, const std::set<int>& layers) {
  const model::LayerMap map(6, layers);
  model::Pruned pruned = model::without_layers(planned(draft, draft.metadata), map);
  Outcome out{.plans = {}, .findings = pruned.findings, .metadata = pruned.metadata};
  out.plans = model::describe(planned(draft, std::move(pruned.metadata), &map)).layers;
  return out;
}

std::string refusal(const test::Draft& draft, const std::set<int>& layers) {
  try {
    prune(draft, layers);
  } catch (const base::Error& e) {
    return e.what();
  }
  return "not refused";
}

TEST(Pruning, LayersThatStayAreComputedAsBeforeOrRefused) {
  for (const test::Sample& sample : test::samples()) {
    const test::Draft draft = test::whole(sample);
    const std::vector<model::LayerPlan> old = test::described(draft).layers;
    for (const std::set<int>& pruned : {std::set<int>{0}, {1}, {2, 3}, {4}, {0, 1}, {0, 2, 4}}) {
      std::vector<model::LayerPlan> wanted;
      for (std::size_t l = 0; l < old.size(); ++l) {
        if (pruned.count(static_cast<int>(l)) == 0) wanted.push_back(old[l]);
      }
      if (sample.architecture == "smollm3" && pruned != std::set<int>{4}) {
        EXPECT_THAT(refusal(draft, pruned), HasSubstr("under its new number"));
        continue;
      }
      EXPECT_EQ(prune(draft, pruned).plans, wanted) << sample.architecture;
    }
  }
}

TEST(Pruning, WhatNoKeySaysIsAFindingWhereItIsAllowed) {
  const test::Draft draft = test::whole("smollm3");
  const model::Pruned pruned =
      model::without_layers(planned(draft, draft.metadata), model::LayerMap(6, {0}), true);
  ASSERT_EQ(pruned.findings.size(), 1U);
  EXPECT_EQ(pruned.findings[0].where, "layer 3");
  EXPECT_THAT(pruned.findings[0].text, HasSubstr("computed otherwise as layer 2"));
  EXPECT_EQ(pruned.metadata.integer("smollm3.block_count"), 5);
}

TEST(Pruning, SlidingLayersAreTold) {
  const Outcome out = prune(test::whole("cohere2"), {1});
  const gguf::Array& slides = *out.metadata.array("cohere2.attention.sliding_window_pattern");
  ASSERT_EQ(slides.size(), 5U);
  EXPECT_EQ(slides.type, gguf::ValueType::boolean);
  EXPECT_EQ(slides.integer(2), 0) << "was layer 3";
  EXPECT_EQ(slides.integer(3), 1);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_THAT(out.findings[0].where, HasSubstr("sliding_window_pattern"));
}

TEST(Pruning, NothingIsToldWhereThePeriodStillHolds) {
  const Outcome out = prune(test::whole("gpt-oss"), {2, 3});
  EXPECT_FALSE(out.metadata.has("gpt-oss.attention.sliding_window_pattern"));
  EXPECT_TRUE(out.findings.empty());
}

TEST(Pruning, AListOfSlidingLayersIsThinned) {
  test::Draft draft = test::whole("gemma3");
  draft.metadata.set("gemma3.attention.sliding_window_pattern",
                     gguf::Array::of_flags({false, true, false, true, true, false}));
  const Outcome out = prune(draft, {0, 3});
  EXPECT_EQ(*out.metadata.array("gemma3.attention.sliding_window_pattern"),
            gguf::Array::of_flags({true, false, true, false}));
  EXPECT_TRUE(out.findings.empty());
}

TEST(Pruning, RulesOfLayerCountsAreTold) {
  // Phi-3-mini-4k as old files have it: 33 layers have no window, 32 would have one of 2047.
  test::Draft draft = test::header({"phi3", {{"attention.layer_norm_rms_epsilon", test::kEps}}});
  draft.metadata.set("phi3.block_count", 33U);
  draft.metadata.set("phi3.context_length", 4096U);
  test::add_zeros(draft, "token_embd.weight", {{{32, 40, 1, 1}}});
  const gguf::FileSet whole = planned(draft, draft.metadata);
  const model::Pruned pruned = model::without_layers(whole, model::LayerMap(33, {7}));
  EXPECT_EQ(pruned.metadata.integer("phi3.attention.sliding_window"), 0);
  EXPECT_FALSE(pruned.metadata.has("phi3.attention.scale"));
  EXPECT_FALSE(pruned.metadata.has("phi3.attention.sliding_window_pattern"));
}

TEST(Pruning, ALayerOfTheForwardPassMustStay) {
  test::Draft draft = test::whole("glm4moe");  // five layers and one that predicts
  EXPECT_THAT(refusal(draft, {0, 1, 2, 3, 4}), HasSubstr("no layer of the forward pass"));
}

}  // namespace
