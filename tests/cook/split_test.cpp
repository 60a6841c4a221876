// New shards on the way out: docs/spec/tools.md 7, docs/spec/gguf.md 2.
#include <gmock/gmock.h>

#include "cook/run.h"
#include "cook/run_plan.h"
#include "cook/small_model.h"
#include "support/bytes_builder.h"

namespace {

cook::Request request_for(const std::filesystem::path& output, const gguf::SplitRule& rule) {
  cook::Request r;
  r.recipe.recipe = recipe::recipe_by_symbol(recipe::Policy::ik, "Q8_0");
  r.output = output;
  r.split = rule;
  return r;
}

cook::Plan cook_file(const std::filesystem::path& input, const cook::Request& request) {
  const auto source = cook::open_gguf_source(input);
  cook::Plan plan = cook::make_plan(*source, request);
  runtime::Team team(2);
  base::SilentProgress progress;
  const base::StopFlag stop;
  test::run_plan(*source, plan, team, progress, stop);
  return plan;
}

/// Every tensor of the split file has the bytes that the whole file has.
void expect_same_tensors(const gguf::FileSet& split, const gguf::FileSet& whole) {
  ASSERT_EQ(split.tensors().size(), whole.tensors().size());
  for (std::size_t i = 0; i < whole.tensors().size(); ++i) {
    const gguf::TensorInfo& a = split.tensors()[i];
    const gguf::TensorInfo& b = whole.tensors()[i];
    EXPECT_EQ(a.name, b.name);
    const auto x = split.view(a).bytes, y = whole.view(b).bytes;
    EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin(), y.end())) << a.name;
  }
}

TEST(CookSplit, ByNumberOfTensors) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  cook::Request request = request_for(dir / "whole.gguf", {});
  request.split.reset();
  cook_file(input, request);
  const cook::Plan plan = cook_file(input, request_for(dir / "out.gguf", {.max_tensors = 4}));
  ASSERT_EQ(plan.outputs.size(), 3U);  // ten tensors
  const auto split = gguf::FileSet::open(dir / "out-00001-of-00003.gguf");
  EXPECT_EQ(split.shards()[2].tensors().size(), 2U);
  EXPECT_EQ(split.metadata().integer("split.tensors.count"), 10);
  EXPECT_EQ(split.metadata().string("general.architecture"), "llama");
  EXPECT_EQ(split.shards()[1].metadata().pairs().size(), 3U);
  expect_same_tensors(split, gguf::FileSet::open(dir / "whole.gguf"));
  std::size_t bytes = 0;
  for (const auto& shard : split.shards()) bytes += std::filesystem::file_size(shard.path());
  EXPECT_EQ(plan.file_bytes, bytes);
}

TEST(CookSplit, BySizeOfTheNewTypes) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  // token_embd 17408, norm 1024, q 69632, down 139264, up_exps 34816 bytes as q8_0; norms f32.
  const cook::Plan plan = cook_file(input, request_for(dir / "out", {.max_bytes = 100000}));
  std::vector<std::size_t> tensors;
  for (const cook::OutputPlan& output : plan.outputs) {
    std::size_t sum = 0;
    for (const std::size_t job : output.jobs) sum += plan.jobs[job].bytes;
    EXPECT_TRUE(sum <= 100000 || output.jobs.size() == 1) << sum;
    tensors.push_back(output.jobs.size());
  }
  EXPECT_THAT(tensors, testing::ElementsAre(3, 1, 2, 1, 1, 2));
  EXPECT_EQ(gguf::FileSet::open(dir / "out-00001-of-00006.gguf").tensors().size(), 10U);
}

TEST(CookSplit, OneShardIsAPlainFile) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  cook_file(input, request_for(dir / "out.gguf", {.max_bytes = 1'000'000'000}));
  const auto out = gguf::FileSet::open(dir / "out.gguf");
  EXPECT_FALSE(out.metadata().has("split.count"));
}

TEST(CookSplit, SeventeenShardsGoThereAndBack) {
  const test::TempDir dir;
  test::SmallModel m;
  for (int i = 0; i < 17; ++i) m.add("blk." + std::to_string(i) + ".attn_q.weight", {256, 8});
  const auto input = m.write(dir / "in.gguf");
  cook::Request request = request_for(dir / "out.gguf", {.max_tensors = 1});
  request.recipe.run = recipe::Run::copy;
  cook_file(input, request);
  request.split.reset();
  request.output = dir / "joined.gguf";
  cook_file(dir / "out-00001-of-00017.gguf", request);
  expect_same_tensors(gguf::FileSet::open(dir / "joined.gguf"), gguf::FileSet::open(input));
}

/// Alignment 64, a name of 63 bytes, four dimensions: what writers of files get wrong.
std::filesystem::path write_odd_file(const std::filesystem::path& path, const std::string& name) {
  const std::vector<std::uint64_t> ne = {32, 2, 3, 2};
  test::Bytes b;
  b.header(2, 2).pair_u32("general.alignment", 64).pair_str("general.architecture", "odd");
  b.info("one.weight", {1}, 0, 0).info(name, ne, 0, 64).pad(64);
  b.f32(7).pad(64);
  for (int i = 0; i < 32 * 2 * 3 * 2; ++i) b.f32(static_cast<float>(i % 127 - 63));
  test::write_bytes(path, b.pad(64).data());
  return path;
}

TEST(CookSplit, OddNamesShapesAndAlignmentsGoThereAndBack) {
  const test::TempDir dir;
  const std::string name = std::string(56, 'n') + ".weight";
  ASSERT_EQ(name.size(), 63U);
  const auto input = write_odd_file(dir / "in.gguf", name);
  cook_file(input, request_for(dir / "out.gguf", {.max_tensors = 1}));
  cook::Request join = request_for(dir / "joined.gguf", {});
  join.split.reset();
  join.recipe.run = recipe::Run::copy;
  cook_file(dir / "out-00001-of-00002.gguf", join);
  const auto joined = gguf::FileSet::open(dir / "joined.gguf");
  EXPECT_FALSE(joined.metadata().has("general.alignment")) << "32 is what is written";
  const gguf::TensorInfo* t = joined.find(name);
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(t->codec->name, "q8_0");
  EXPECT_EQ(t->shape, (tensor::Shape{{32, 2, 3, 2}}));
  std::vector<float> values(t->shape.elements());
  tensor::decode_rows(joined.view(*t), 0, t->shape.rows(), values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_NEAR(values[i], static_cast<float>(i % 127) - 63, 0.3F) << i;
  }
}

}  // namespace
