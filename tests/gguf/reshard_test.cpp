#include "gguf/reshard.h"

#include <sys/wait.h>
#include <unistd.h>

#include "gguf/split.h"
#include "gguf/writer.h"
#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

const quant::Codec* f32() { return quant::find_codec("f32"); }

/// A file of f32 tensors "t0", "t1", ... of these lengths; element k of tensor i is 100 i + k.
std::filesystem::path make_model(const test::TempDir& dir, const std::vector<std::size_t>& lengths,
                                 std::uint32_t alignment = 32) {
  gguf::Metadata m;
  m.set("general.architecture", std::string("test"));
  m.set("general.alignment", alignment);
  std::vector<gguf::TensorPlan> plan;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    plan.push_back({"t" + std::to_string(i), f32(), {{lengths[i], 1, 1, 1}}});
  }
  gguf::Writer writer(dir / "model.gguf", m, plan);
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    std::vector<float> values(lengths[i]);
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<float>(100 * i + k);
    writer.write(i, 0, std::as_bytes(std::span(values)));
  }
  writer.finish();
  return dir / "model.gguf";
}

std::vector<std::size_t> counts(const std::vector<gguf::ShardPlan>& plan) {
  std::vector<std::size_t> out;
  for (const auto& shard : plan) out.push_back(shard.tensors.size());
  return out;
}

bool same_tensors(const gguf::FileSet& a, const gguf::FileSet& b) {
  if (a.tensors().size() != b.tensors().size()) return false;
  for (std::size_t i = 0; i < a.tensors().size(); ++i) {
    const auto x = a.view(a.tensors()[i]).bytes, y = b.view(b.tensors()[i]).bytes;
    if (a.tensors()[i].name != b.tensors()[i].name) return false;
    if (!std::equal(x.begin(), x.end(), y.begin(), y.end())) return false;
  }
  return true;
}

TEST(Reshard, ByNumberOfTensors) {
  const test::TempDir dir;
  const gguf::FileSet files = gguf::FileSet::open(make_model(dir, {1, 2, 3, 4, 5}));
  EXPECT_EQ(counts(plan_split(files, {.max_tensors = 2})), (std::vector<std::size_t>{2, 2, 1}));
  EXPECT_EQ(counts(plan_split(files, {.max_tensors = 2, .first_without_tensors = true})),
            (std::vector<std::size_t>{0, 2, 2, 1}));
  EXPECT_EQ(counts(plan_split(files, {})), (std::vector<std::size_t>{5}));
}

/// Blocks of 4096 bytes can be shared if data lies at the same place of a block in both files.
TEST(Reshard, SharedBlocksBeginAlike) {
  const test::TempDir dir;
  base::SilentProgress progress;
  const gguf::FileSet files = gguf::FileSet::open(make_model(dir, {3000, 5000, 9, 4000, 7000, 1}));
  const auto plan = plan_split(files, {.max_tensors = 2, .share_blocks = true});
  write_split(files, plan, (dir / "s").string(), progress, {});
  const gguf::FileSet split = gguf::FileSet::open(dir / "s-00001-of-00003.gguf");
  EXPECT_TRUE(same_tensors(files, split));
  EXPECT_TRUE(split.findings().empty());
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(split.tensors()[i].offset % 4096, files.tensors()[i].offset % 4096) << i;
  }
  for (std::size_t no = 0; no < 3; ++no) {
    EXPECT_EQ(split.shards()[no].bytes().size(), plan[no].file_bytes);
  }
  write_merged(split, dir / "merged.gguf", true, progress, {});
  const gguf::FileSet merged = gguf::FileSet::open(dir / "merged.gguf");
  EXPECT_TRUE(same_tensors(files, merged));
  EXPECT_EQ(merged.tensors()[0].offset % 4096, split.tensors()[0].offset % 4096);
  // The room is not handed on.
  write_split(merged, plan_split(merged, {}), (dir / "t").string(), progress, {});
  EXPECT_FALSE(gguf::FileSet::open(dir / "t-00001-of-00001.gguf").metadata().has("quern.room"));
}

TEST(Reshard, BySizeOfPaddedTensors) {
  const test::TempDir dir;
  // Padded sizes 32, 32, 64, 320, 32.
  const gguf::FileSet files = gguf::FileSet::open(make_model(dir, {1, 8, 9, 80, 1}));
  EXPECT_EQ(counts(plan_split(files, {.max_bytes = 128})), (std::vector<std::size_t>{3, 1, 1}));
  EXPECT_EQ(counts(plan_split(files, {.max_bytes = 127})), (std::vector<std::size_t>{2, 1, 1, 1}));
  EXPECT_EQ(counts(plan_split(files, {.max_bytes = 1})), (std::vector<std::size_t>{1, 1, 1, 1, 1}));
}

TEST(Reshard, SplitAndMergeGiveTheSameTensorsBack) {
  const test::TempDir dir;
  base::SilentProgress progress;
  const base::StopFlag stop;
  const gguf::FileSet files = gguf::FileSet::open(make_model(dir, {1, 2, 3, 4, 5}));
  const auto plan = plan_split(files, {.max_tensors = 2});
  write_split(files, plan, (dir / "s").string(), progress, stop);
  const gguf::FileSet split = gguf::FileSet::open(dir / "s-00001-of-00003.gguf");
  EXPECT_TRUE(same_tensors(files, split));
  EXPECT_EQ(split.metadata().string("general.architecture"), "test");
  EXPECT_EQ(split.shards()[1].metadata().pairs().size(), 3u);
  EXPECT_EQ(gguf::type_of(*split.metadata().find("split.no")), gguf::ValueType::u16);
  EXPECT_EQ(gguf::type_of(*split.metadata().find("split.tensors.count")), gguf::ValueType::i32);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    EXPECT_EQ(plan[i].file_bytes, std::filesystem::file_size(split.shards()[i].path()));
  }
  write_merged(split, dir / "merged.gguf", false, progress, stop);
  const gguf::FileSet merged = gguf::FileSet::open(dir / "merged.gguf");
  EXPECT_TRUE(same_tensors(files, merged));
  EXPECT_EQ(merged.metadata().integer("split.count"), 0);
  EXPECT_EQ(merged.metadata().integer("split.tensors.count"), 5);
}

TEST(Reshard, AWrongAlignmentKeyIsNotCopied) {
  const test::TempDir dir;
  test::Bytes b;
  b.header(2, 1).pair_u32("general.alignment", 64).info("a", {1}, 0, 0).info("b", {1}, 0, 64);
  b.pad(64).f32(1).pad(64).f32(2);
  test::write_bytes(dir / "m.gguf", b.data());
  const gguf::FileSet files = gguf::FileSet::open(dir / "m.gguf");
  base::SilentProgress progress;
  write_split(files, plan_split(files, {.max_tensors = 1}), (dir / "s").string(), progress, {});
  const gguf::FileSet split = gguf::FileSet::open(dir / "s-00001-of-00002.gguf");
  EXPECT_FALSE(split.metadata().has("general.alignment"));
  EXPECT_TRUE(same_tensors(files, split));
}

TEST(Reshard, InterruptedLeavesNoFile) {
  const test::TempDir dir;
  const gguf::FileSet files = gguf::FileSet::open(make_model(dir, {1, 2, 3}));
  class StopAtSecond final : public base::Progress {
   public:
    explicit StopAtSecond(base::StopFlag& stop) : stop_(stop) {}
    void update(std::string_view, std::uint64_t done, std::uint64_t, std::string_view,
                std::string_view) override {
      if (done > 0) stop_.request();
    }
    void log(std::string_view) override {}

   private:
    base::StopFlag& stop_;
  };
  base::StopFlag stop;
  StopAtSecond progress(stop);
  EXPECT_EQ(test::error_text([&] {
              write_split(files, plan_split(files, {.max_tensors = 1}), (dir / "s").string(),
                          progress, stop);
            }),
            "interrupted");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

TEST(Reshard, KilledBeforeOrBetweenTheNamesThereIsNoFirstFile) {
  constexpr int kKilled = 9;
  for (const int step : {0, 3}) {  // before the list; before the last of three names
    const test::TempDir dir;
    const gguf::FileSet files = gguf::FileSet::open(make_model(dir, {1, 2, 3}));
    const gguf::SplitRule rule{.max_tensors = 1};
    const auto write = [&](base::BeforeStep before_step) {
      base::SilentProgress progress;
      write_split(files, plan_split(files, rule), (dir / "s").string(), progress, {},
                  {.job = split_job(files, rule), .before_step = std::move(before_step)});
    };
    const pid_t child = ::fork();
    if (child == 0) {
      int now = 0;
      write([&] {
        if (now++ == step) ::_exit(kKilled);
      });
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(WEXITSTATUS(status), kKilled);
    const std::filesystem::path first = dir / "s-00001-of-00003.gguf";
    EXPECT_FALSE(std::filesystem::exists(first));
    const auto set = base::unfinished_set(first);
    ASSERT_EQ(set.has_value(), step > 0);
    if (set) {
      EXPECT_EQ(set->content.job, split_job(files, rule));
      base::finish_names(*set);
      base::remove_list(*set);
    } else {
      write({});
    }
    EXPECT_TRUE(same_tensors(files, gguf::FileSet::open(first))) << step;
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 4) << step;
  }
}

TEST(Reshard, ShardsOfTheInputThatStayAreTakenAsFiles) {
  const test::TempDir dir;
  const gguf::FileSet files = gguf::FileSet::open(make_model(dir, {1, 2, 3}));
  const auto split = [&](const gguf::FileSet& from, const char* prefix, bool share) {
    base::SilentProgress progress;
    const gguf::SplitRule rule{.max_tensors = 1, .share_blocks = share};
    write_split(from, plan_split(from, rule), (dir / prefix).string(), progress, {});
    return gguf::FileSet::open(dir / (prefix + std::string("-00001-of-00003.gguf")));
  };
  const gguf::FileSet one = split(files, "a", false);
  for (const bool share : {false, true}) {
    const char* prefix = share ? "c" : "b";
    const gguf::FileSet two = split(one, prefix, share);
    for (std::size_t no = 0; no < 3; ++no) {
      const auto &path = two.shards()[no].path(), &from = one.shards()[no].path();
      EXPECT_EQ(test::read_bytes(path), test::read_bytes(from));
      // With `share` a file system without shared blocks gives a second name.
      EXPECT_TRUE(share || !std::filesystem::equivalent(path, from));
    }
  }
}

TEST(Reshard, JobsAreEqualOnlyForEqualShards) {
  const test::TempDir dir;
  const auto path = make_model(dir, {1, 2});
  const std::string job = split_job(gguf::FileSet::open(path), {.max_tensors = 1});
  EXPECT_EQ(split_job(gguf::FileSet::open(path), {.max_tensors = 1}), job);
  EXPECT_NE(split_job(gguf::FileSet::open(path), {.max_tensors = 2}), job);
  std::filesystem::last_write_time(
      path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_NE(split_job(gguf::FileSet::open(path), {.max_tensors = 1}), job);
}

TEST(Reshard, RefusesWhatCannotBeDone) {
  const test::TempDir dir;
  base::SilentProgress progress;
  const gguf::FileSet whole = gguf::FileSet::open(make_model(dir, {1, 2}));
  EXPECT_EQ(test::error_text([&] { write_merged(whole, dir / "out.gguf", false, progress, {}); }),
            "file is not the first of a split set (file: " + (dir / "model.gguf").string() +
                ", key: split.count, found: no such key, or not above 1, expected: at least 2)");
  write_split(whole, plan_split(whole, {.max_tensors = 1}), (dir / "s").string(), progress, {});
  const gguf::FileSet split = gguf::FileSet::open(dir / "s-00001-of-00002.gguf");
  EXPECT_EQ(test::error_text([&] { write_merged(split, dir / "model.gguf", false, progress, {}); }),
            "output exists already (file: " + (dir / "model.gguf").string() + ")");
  test::Bytes b;
  test::write_bytes(dir / "empty.gguf", b.header(0, 0).data());
  const gguf::FileSet empty = gguf::FileSet::open(dir / "empty.gguf");
  EXPECT_EQ(test::error_text([&] { plan_split(empty, {}); }),
            "a file without tensors cannot be split");
}

}  // namespace
