#include "cook/pruned_source.h"

#include <gmock/gmock.h>

#include "cook/plan.h"
#include "cook/run.h"
#include "cook/run_plan.h"
#include "cook/small_model.h"

namespace {

using testing::ElementsAre;

/// Four layers, the first one dense, with one width a layer.
std::filesystem::path four_layers(const test::TempDir& dir) {
  test::SmallModel m;
  m.metadata.set("llama.block_count", std::uint32_t{4});
  m.metadata.set("llama.leading_dense_block_count", std::uint32_t{2});
  const std::vector<std::uint32_t> widths = {10, 11, 12, 13};
  m.metadata.set("llama.feed_forward_length", gguf::Array::of_u32(widths));
  m.metadata.set("llama.rope.sections", gguf::Array::of_u32(std::vector<std::uint32_t>{1, 2, 3}));
  m.add("token_embd.weight", {256, 64}, "bf16");
  for (int l = 0; l < 4; ++l) {
    m.add("blk." + std::to_string(l) + ".attn_q.weight", {256, 256}, "bf16");
  }
  return m.write(dir / "in.gguf");
}

TEST(PruneLayers, NumbersTheOthersAnew) {
  const test::TempDir dir;
  const auto source = cook::prune_layers(cook::open_gguf_source(four_layers(dir)), {1, 2});
  std::vector<std::string> names;
  for (const auto& t : source->tensors()) names.push_back(t.name);
  EXPECT_THAT(names,
              ElementsAre("token_embd.weight", "blk.0.attn_q.weight", "blk.1.attn_q.weight"));
  EXPECT_EQ(source->tensors()[2].id.layer, 1);
  EXPECT_EQ(source->origin(2).name, "blk.3.attn_q.weight");
}

TEST(PruneLayers, MetadataFollows) {
  const test::TempDir dir;
  const auto source = cook::prune_layers(cook::open_gguf_source(four_layers(dir)), {1, 2});
  const gguf::Metadata& m = source->metadata();
  EXPECT_EQ(m.find("llama.block_count")->index(), std::size_t{4}) << "still u32";
  EXPECT_EQ(m.integer("llama.block_count"), 2);
  EXPECT_EQ(m.integer("llama.leading_dense_block_count"), 1);
  const gguf::Array& widths = *m.array("llama.feed_forward_length");
  ASSERT_EQ(widths.size(), 2U);
  EXPECT_EQ(widths.integer(0), 10);
  EXPECT_EQ(widths.integer(1), 13);
  EXPECT_EQ(m.array("llama.rope.sections")->size(), 3U) << "not one a layer";
}

TEST(PruneLayers, ImportanceIsLookedUpUnderTheOldNames) {
  const test::TempDir dir;
  calibrate::Importance importance;
  calibrate::Entry& e = importance.entries["blk.3.attn_q.weight"];
  e.n_cols = 256;
  e.sums.assign(256, 1.0);
  e.counts = {1};
  const auto source = cook::prune_layers(cook::open_gguf_source(four_layers(dir)), {1, 2});
  cook::Request r;
  r.recipe.recipe = recipe::recipe_by_symbol(recipe::Policy::ik, "Q4_K_S");
  r.recipe.have_importance = true;
  r.importance = &importance;
  r.output = dir / "out.gguf";
  const cook::Plan plan = cook::make_plan(*source, r);
  EXPECT_EQ(plan.jobs[1].importance.kind, cook::ImportanceChoice::Kind::none);
  EXPECT_EQ(plan.jobs[2].importance.origin, "blk.3.attn_q.weight");
}

/// The numbers are those of llama.cpp's program. Its mix takes the second of layers 4 and 5 for one
/// of the last, whether that is left out or not.
TEST(PruneLayers, TheMixOfLlamaCppGoesByTheWholeModel) {
  const auto model = test::source_path("data/tiny-mla-bf16.gguf");
  const auto importance =
      calibrate::load_importance(test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf"));
  const auto plan = [&](recipe::Policy policy, const std::set<int>& layers, bool with_importance) {
    const auto source = cook::prune_layers(
        cook::open_gguf_model(model, {.overrides = {}, .allow_broken = false}), layers);
    cook::Request r;
    r.recipe.policy = policy;
    r.recipe.recipe = recipe::recipe_by_symbol(policy, "Q4_K_M");
    r.recipe.have_importance = with_importance;
    r.importance = with_importance ? &importance : nullptr;
    r.output = "out.gguf";
    return cook::make_plan(*source, r);
  };
  const auto type = [](const cook::Plan& p, std::string_view name) {
    return std::ranges::find(p.jobs, name, &cook::Job::name)->to->symbol;
  };
  const cook::Plan one = plan(recipe::Policy::mainline, {5}, false);
  for (const char* name : {"blk.4.ffn_down_exps.weight", "blk.4.ffn_down_shexp.weight"}) {
    EXPECT_EQ(type(one, name), "Q4_K") << name;
  }
  EXPECT_EQ(type(one, "blk.2.ffn_down_exps.weight"), "Q6_K");
  EXPECT_EQ(one.file_bytes, 10459872U);
  // ik_llama.cpp cannot prune: its mix takes what stays for the model.
  EXPECT_EQ(type(plan(recipe::Policy::ik, {5}, false), "blk.4.ffn_down_exps.weight"), "Q6_K");
}

TEST(PruneLayers, BytesAreThoseOfTheLayersThatStay) {
  const test::TempDir dir;
  const auto input = four_layers(dir);
  const auto source = cook::prune_layers(cook::open_gguf_source(input), {0});
  cook::Request r;
  r.recipe.run = recipe::Run::copy;
  r.output = dir / "out.gguf";
  runtime::Team team(2);
  base::SilentProgress progress;
  const base::StopFlag stop;
  test::run_plan(*source, cook::make_plan(*source, r), team, progress, stop);
  const auto in = gguf::FileSet::open(input), out = gguf::FileSet::open(dir / "out.gguf");
  ASSERT_EQ(out.tensors().size(), 4U);
  const auto a = out.view(*out.find("blk.0.attn_q.weight")).bytes;
  const auto b = in.view(*in.find("blk.1.attn_q.weight")).bytes;
  EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
}

TEST(PruneLayers, WhatCannotBeIsRefused) {
  const test::TempDir dir;
  const auto input = four_layers(dir);
  const auto fault_of = [&](const std::set<int>& layers) {
    try {
      cook::prune_layers(cook::open_gguf_source(input), layers);
    } catch (const base::Error& e) {
      return e.fault();
    }
    return base::Fault::interrupted;
  };
  EXPECT_EQ(fault_of({4}), base::Fault::bad_usage);
  EXPECT_EQ(fault_of({0, 1, 2, 3}), base::Fault::bad_usage);
  for (const char* text : {"", "a", "1,", "1,,2", "-1", "1-2"}) {
    EXPECT_THROW(cook::parse_layers("--prune-layers", text), base::Error) << text;
  }
  EXPECT_THAT(cook::parse_layers("--prune-layers", "3,1"), ElementsAre(1, 3));
}

}  // namespace
