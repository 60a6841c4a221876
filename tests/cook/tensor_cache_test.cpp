#include "cook/tensor_cache.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <set>

#include "cook/run.h"
#include "cook/run_plan.h"
#include "cook/small_model.h"

namespace {

struct Outcome {
  std::size_t from_cache = 0;
  std::vector<std::byte> bytes;
};

Outcome cook_with(const std::filesystem::path& input, const test::TempDir& dir,
                  const std::string& rules, const cook::TensorCache* cache) {
  cook::Request request;
  request.recipe.recipe = recipe::recipe_by_symbol(recipe::Policy::ik, "Q4_K_S");
  if (!rules.empty()) request.recipe.custom_rules = recipe::parse_custom_rules("--custom-q", rules);
  request.output = dir / "out.gguf";
  const auto source = cook::open_gguf_source(input);
  const cook::Plan plan = cook::make_plan(*source, request);
  runtime::Team team(2);
  base::SilentProgress progress;
  const base::StopFlag stop;
  const auto result = test::run_plan(*source, plan, team, progress, stop, cache);
  return {result.from_cache, test::read_bytes(request.output)};
}

TEST(TensorCache, SecondRunTakesEveryEncodedTensor) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  const cook::TensorCache cache(dir / "cache", "v1");
  const Outcome first = cook_with(input, dir, "", &cache);
  EXPECT_EQ(first.from_cache, 0U);
  EXPECT_EQ(first.bytes, cook_with(input, dir, "", nullptr).bytes);
  const Outcome second = cook_with(input, dir, "", &cache);
  EXPECT_EQ(second.from_cache, 8U);
  EXPECT_EQ(second.bytes, first.bytes);
}

TEST(TensorCache, OnlyChangedTensorsAreEncodedAgain) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  const cook::TensorCache cache(dir / "cache", "v1");
  cook_with(input, dir, "", &cache);
  const Outcome changed = cook_with(input, dir, "ffn_down=q6_K", &cache);
  EXPECT_EQ(changed.from_cache, 6U);
  EXPECT_EQ(changed.bytes, cook_with(input, dir, "ffn_down=q6_K", nullptr).bytes);
}

TEST(TensorCache, ChangedSourceOrVersionIsNotFound) {
  const test::TempDir dir;
  test::SmallModel m = test::small_model();
  cook::TensorCache cache(dir / "cache", "v1");
  cook_with(m.write(dir / "in.gguf"), dir, "", &cache);
  m.data[0][100] ^= std::byte{1};
  const auto input = m.write(dir / "in.gguf");
  EXPECT_EQ(cook_with(input, dir, "", &cache).from_cache, 7U);
  const cook::TensorCache newer(dir / "cache", "v2");
  EXPECT_EQ(cook_with(input, dir, "", &newer).from_cache, 0U);
}

std::vector<std::filesystem::path> entries(const test::TempDir& dir) {
  std::vector<std::filesystem::path> out;
  for (const auto& file : std::filesystem::directory_iterator(dir / "cache")) {
    out.push_back(file.path());
  }
  return out;
}

TEST(TensorCache, DamagedEntriesAreRemovedAndMadeAgain) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  const cook::TensorCache cache(dir / "cache", "v1");
  const Outcome first = cook_with(input, dir, "", &cache);
  const auto all = entries(dir);
  auto bytes = test::read_bytes(all[0]);
  bytes[1000] ^= std::byte{1};
  test::write_bytes(all[0], bytes);
  std::filesystem::resize_file(all[1], 500);
  test::write_bytes(all[2], {});
  const Outcome second = cook_with(input, dir, "", &cache);
  EXPECT_EQ(second.from_cache, 5U);
  EXPECT_EQ(second.bytes, first.bytes);
  EXPECT_EQ(cook_with(input, dir, "", &cache).from_cache, 8U);
}

TEST(TensorCache, EqualTensorsShareAnEntry) {
  const test::TempDir dir;
  test::SmallModel m;
  m.add("blk.0.attn_q.weight", {256, 64}, "bf16").add("blk.1.attn_q.weight", {256, 64}, "bf16");
  m.data[1] = m.data[0];
  const auto input = m.write(dir / "in.gguf");
  const cook::TensorCache cache(dir / "cache", "v1");
  cook_with(input, dir, "", &cache);
  EXPECT_EQ(cache.info().n_entries, 1U);
  EXPECT_EQ(cook_with(input, dir, "", &cache).from_cache, 2U);
}

TEST(TensorCache, OtherFilesInItsFolderAreLeftAlone) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  const cook::TensorCache cache(dir / "cache", "v1");
  cook_with(input, dir, "", &cache);
  test::write_bytes(dir / "cache" / "of_others.tensor", std::vector<std::byte>(20));
  EXPECT_EQ(cook::TensorCache::foreign_file(dir / "cache"), "of_others.tensor");
  EXPECT_EQ(cache.info().n_entries, 8U);
  cache.prune(0);
  cache.remove_all();
  EXPECT_THAT(entries(dir), testing::ElementsAre(dir / "cache" / "of_others.tensor"));
  std::filesystem::remove(dir / "cache" / "of_others.tensor");
  EXPECT_EQ(cook::TensorCache::foreign_file(dir / "cache"), std::nullopt);
  cache.remove_all();
  EXPECT_FALSE(std::filesystem::exists(dir / "cache"));
}

TEST(TensorCache, PruneRemovesWhatWasUsedLongestAgo) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  const cook::TensorCache cache(dir / "cache", "v1");
  cook_with(input, dir, "", &cache);
  const auto all = entries(dir);
  std::filesystem::last_write_time(
      all[3], std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  const cook::TensorCache::Info before = cache.info();
  EXPECT_EQ(before.n_entries, 8U);
  EXPECT_GT(cache.prune(before.bytes - 1).bytes, 0U);
  EXPECT_FALSE(std::filesystem::exists(all[3]));
  EXPECT_EQ(cache.info().n_entries, 7U);
  // The oldest one is in use.
  std::filesystem::last_write_time(
      all[5], std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  const std::set<std::string> used = {all[5].stem().string()};
  EXPECT_EQ(cache.prune(cache.info().bytes - 1, used).n_used, 0U);
  EXPECT_TRUE(std::filesystem::exists(all[5]));
  EXPECT_EQ(cache.prune(0, used).n_used, 1U);
  EXPECT_EQ(cache.info().bytes, 0U);
}

/// Asks to stop after some bytes of a stage.
class StopAfter final : public base::Progress {
 public:
  StopAfter(base::StopFlag& stop, std::uint64_t bytes, std::string_view stage = "quantize")
      : stop_(stop), bytes_(bytes), stage_(stage) {}
  void update(std::string_view what, std::uint64_t done, std::uint64_t, std::string_view,
              std::string_view) override {
    stages_.emplace(what);
    if (what == stage_ && done >= bytes_) stop_.request();
  }
  const std::set<std::string>& stages() const noexcept { return stages_; }
  void log(std::string_view) override {}

 private:
  base::StopFlag& stop_;
  std::uint64_t bytes_;
  std::string stage_;
  std::set<std::string> stages_;
};

TEST(TensorCache, InterruptedRunGoesOnWithWhatItHas) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  const cook::TensorCache cache(dir / "cache", "v1");
  const auto source = cook::open_gguf_source(input);
  cook::Request request;
  request.recipe.recipe = recipe::recipe_by_symbol(recipe::Policy::ik, "Q4_K_S");
  request.output = dir / "out.gguf";
  const cook::Plan plan = cook::make_plan(*source, request);
  base::StopFlag stop;
  StopAfter progress(stop, plan.source_bytes / 2);
  runtime::Team team(2);
  EXPECT_THROW(test::run_plan(*source, plan, team, progress, stop, &cache), base::Error);
  for (const auto& path : entries(dir)) EXPECT_EQ(path.extension(), ".tensor") << path;
  const Outcome rest = cook_with(input, dir, "", &cache);
  EXPECT_GT(rest.from_cache, 0U);
  EXPECT_LT(rest.from_cache, 8U);
  EXPECT_EQ(rest.bytes, cook_with(input, dir, "", nullptr).bytes);
}

/// Counts what each stage reports.
class Stages final : public base::Progress {
 public:
  struct Stage {
    std::uint64_t done = 0, total = 0;
    bool grows = true;
  };
  void update(std::string_view what, std::uint64_t done, std::uint64_t total, std::string_view unit,
              std::string_view) override {
    Stage& stage = stages[std::string(what)];
    stage.grows = stage.grows && done >= stage.done && unit == "bytes";
    stage.done = done;
    stage.total = total;
  }
  void log(std::string_view) override {}

  std::map<std::string, Stage> stages;
};

/// Two tensors, one of more than a part.
test::SmallModel large_model() {
  test::SmallModel m;
  m.add("blk.0.ffn_up.weight", {4096, 600}, "bf16").add("blk.0.attn_q.weight", {256, 64}, "bf16");
  return m;
}

cook::Plan q8_0_plan(const cook::TensorSource& source, const std::filesystem::path& output) {
  cook::Request request;
  request.recipe.recipe = recipe::recipe_by_symbol(recipe::Policy::ik, "Q8_0");
  request.output = output;
  return cook::make_plan(source, request);
}

TEST(TensorCache, LookingUpAndCheckingAreStagesOfTheirOwn) {
  const test::TempDir dir;
  const auto source = cook::open_gguf_source(large_model().write(dir / "in.gguf"));
  const cook::Plan plan = q8_0_plan(*source, dir / "out.gguf");
  ASSERT_EQ(cook::TensorCache::n_parts(plan.jobs[0].source_bytes), 2U);
  const cook::TensorCache cache(dir / "cache", "v1");
  runtime::Team team(2);
  const base::StopFlag stop;
  Stages first, second;
  test::run_plan(*source, plan, team, first, stop, &cache);
  EXPECT_EQ(test::run_plan(*source, plan, team, second, stop, &cache).from_cache, 2U);
  for (const Stages* run : {&first, &second}) {
    for (const auto& [name, stage] : run->stages) {
      EXPECT_TRUE(stage.grows) << name;
      EXPECT_EQ(stage.done, stage.total) << name;
    }
    EXPECT_EQ(run->stages.at("look up").total, plan.source_bytes);
  }
  EXPECT_EQ(first.stages.count("check"), 0U);
  EXPECT_EQ(second.stages.at("check").total, plan.bytes);
}

TEST(TensorCache, CanBeInterruptedWhileItLooksUp) {
  const test::TempDir dir;
  const auto source = cook::open_gguf_source(large_model().write(dir / "in.gguf"));
  const cook::Plan plan = q8_0_plan(*source, dir / "out.gguf");
  const cook::TensorCache cache(dir / "cache", "v1");
  base::StopFlag stop;
  runtime::Team team(1);
  StopAfter progress(stop, 1, "look up");
  EXPECT_THROW(test::run_plan(*source, plan, team, progress, stop, &cache), base::Error);
  EXPECT_THAT(progress.stages(), testing::ElementsAre("look up"));
}

TEST(TensorCache, EveryPartOfSourceAndEntryCounts) {
  const test::TempDir dir;
  test::SmallModel m = large_model();
  const cook::TensorCache cache(dir / "cache", "v1");
  const auto found = [&] {
    const auto source = cook::open_gguf_source(m.write(dir / "in.gguf"));
    runtime::Team team(2);
    base::SilentProgress progress;
    const base::StopFlag stop;
    return test::run_plan(*source, q8_0_plan(*source, dir / "out.gguf"), team, progress, stop,
                          &cache)
        .from_cache;
  };
  EXPECT_EQ(found(), 0U);
  EXPECT_EQ(found(), 2U);
  for (const std::size_t at : {std::size_t{0}, cook::TensorCache::kPartBytes}) {
    m.data[0][at] ^= std::byte{1};
    EXPECT_EQ(found(), 1U) << at;
  }
  for (const auto& path : entries(dir)) {
    auto bytes = test::read_bytes(path);
    bytes.back() ^= std::byte{1};
    test::write_bytes(path, bytes);
  }
  EXPECT_EQ(found(), 0U);
}

TEST(TensorCache, LeftOversOfDeadProcessesGoOnceARun) {
  const test::TempDir dir;
  const cook::TensorCache cache(dir / "cache", "v1");
  const std::string key(32, 'a');
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const auto dead = dir / "cache" / (key + ".tensor.unfinished-" + std::to_string(child));
  const auto other = dir / "cache" / ("letter.unfinished-" + std::to_string(child));
  test::write_bytes(dead, std::vector<std::byte>(10));
  test::write_bytes(other, std::vector<std::byte>(10));
  cache.create(key, 100)->commit();
  EXPECT_TRUE(std::filesystem::exists(dead)) << "an entry does not look through the folder";
  cache.tidy();
  EXPECT_FALSE(std::filesystem::exists(dead));
  EXPECT_TRUE(std::filesystem::exists(other));
  EXPECT_TRUE(cache.open(key, 100));
}

}  // namespace
