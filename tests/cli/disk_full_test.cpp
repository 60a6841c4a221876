// A disk that is full, before the work and in the middle of it. Needs to mount a small file system
// in memory: root only.
#include <gmock/gmock.h>
#include <sys/mount.h>

#include <fstream>

#include "gguf/file.h"
#include "support/support.h"

namespace {

using testing::HasSubstr;

std::string model() { return test::source_path("data/tiny-mla-bf16.gguf").string(); }

/// A file system of a few MiB on a folder, for the life of the object.
class SmallDisk {
 public:
  SmallDisk(std::filesystem::path folder, const char* size) : folder_(std::move(folder)) {
    std::filesystem::create_directory(folder_);
    const std::string options = std::string("size=") + size;
    mounted_ = ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const noexcept { return mounted_; }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& f : std::filesystem::directory_iterator(folder_)) {
      names.push_back(f.path().filename().string());
    }
    return names;
  }

 private:
  std::filesystem::path folder_;
  bool mounted_ = false;
};

#define QUERN_NEEDS_MOUNT(disk) \
  if (!(disk).mounted()) GTEST_SKIP() << "needs the right to mount a file system"

TEST(DiskFull, IsToldBeforeTheWorkWithBothNumbers) {
  const test::TempDir dir;
  const SmallDisk disk(dir / "disk", "4m");
  QUERN_NEEDS_MOUNT(disk);
  for (const char* split : {"1G", "1M"}) {  // one file, many files
    const auto r = test::run_quern(
        {"quantize", "--split-max-size", split, model(), (disk / "o.gguf").string(), "q4_K_S"});
    EXPECT_EQ(r.exit_code, 1);
    EXPECT_THAT(r.err, HasSubstr("not enough room on the file system"));
    EXPECT_THAT(r.err, HasSubstr("4194304 bytes free"));
    EXPECT_THAT(r.err, testing::ContainsRegex("expected: 12[0-9]{6} bytes"));
    EXPECT_THAT(r.err, testing::Not(HasSubstr("converting to")));
    EXPECT_THAT(disk.files(), testing::IsEmpty());
  }
  const auto dry =
      test::run_quern({"quantize", "--dry-run", model(), (disk / "o.gguf").string(), "q4_K_S"});
  EXPECT_EQ(dry.exit_code, 0);
  EXPECT_THAT(dry.out, HasSubstr("NOT ENOUGH"));
}

TEST(DiskFull, TheBaseFileOfDivergenceIsToldBeforeTheWork) {
  const test::TempDir dir;
  const SmallDisk disk(dir / "disk", "1m");
  QUERN_NEEDS_MOUNT(disk);
  const auto r = test::run_quern({"perplexity", "-m", model(), "-f",
                                  test::source_path("data/evaluation.txt").string(), "--chunks",
                                  "40", "--kl-divergence-base", (disk / "base").string()});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.err, HasSubstr("not enough room on the file system"));
  EXPECT_THAT(r.err, HasSubstr(" bytes free"));
  EXPECT_THAT(r.out, testing::Not(HasSubstr("[1]")));
  EXPECT_THAT(disk.files(), testing::IsEmpty());
}

/// Bytes that "expected: N bytes" asks for.
std::size_t asked_for(const std::string& err) {
  const std::size_t at = err.find("expected: ");
  return at == std::string::npos ? 0 : std::stoul(err.substr(at + 10));
}

TEST(DiskFull, ImportanceAndItsStateAreAskedForBeforeTheWork) {
  const test::TempDir dir;
  const SmallDisk tiny(dir / "tiny", "100k");
  QUERN_NEEDS_MOUNT(tiny);
  struct Case {
    std::vector<std::string> more;
    bool spill = false;
    std::size_t asked = 0;
  };
  // 3 chunks of 16 tokens; batches hold one chunk only with -ub 16.
  Case cases[] = {{{}},
                  {{"-ofreq", "1"}},
                  {{"--save-frequency", "2", "-ub", "16"}},
                  {{"-ofreq", "1", "-ub", "16"}},
                  {{"--loop", "layer"}},
                  {{"--loop", "layer"}, true}};
  const auto run = [&](const Case& c, const SmallDisk& disk) {
    std::vector<std::string> words{"imatrix",
                                   "-m",
                                   model(),
                                   "-f",
                                   test::source_path("data/evaluation.txt").string(),
                                   "-c",
                                   "16",
                                   "-o",
                                   disk / "i.gguf",
                                   "--chunks",
                                   "3"};
    words.insert(words.end(), c.more.begin(), c.more.end());
    if (c.spill) words.insert(words.end(), {"--spill", disk / "spill"});
    return test::run_quern(words);
  };
  for (Case& c : cases) {
    const auto refused = run(c, tiny);
    SCOPED_TRACE(testing::PrintToString(c.more) + refused.err);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.err, testing::AllOf(HasSubstr("not enough room on the file system"),
                                            HasSubstr(" bytes free")));
    EXPECT_EQ(refused.out, "") << "before the work";
    EXPECT_THAT(tiny.files(), testing::IsEmpty());
    c.asked = asked_for(refused.err);
    // It is enough, with a little for headers and whole pages.
    const SmallDisk enough(dir / "enough", std::to_string(c.asked + 64 * 1024).c_str());
    const auto r = run(c, enough);
    EXPECT_EQ(r.exit_code, 0) << r.err;
  }
  const std::size_t result = cases[0].asked, hidden = 3 * 16 * 256 * 4;
  EXPECT_EQ(cases[1].asked, result) << "one batch, no save";
  // Of two saves the first goes when the second is whole, and the result was written between.
  const std::size_t two_states = cases[4].asked - 2 * hidden;
  EXPECT_GT(two_states, 4 * result);
  EXPECT_LT(two_states, 5 * result);
  EXPECT_EQ(cases[2].asked, two_states / 2 + 2 * result) << "one save, one copy";
  EXPECT_EQ(cases[3].asked, two_states + result);
  EXPECT_EQ(cases[5].asked, cases[4].asked + hidden);
}

TEST(DiskFull, SetsAskForAllTheirFilesBeforeTheFirst) {
  const test::TempDir dir;
  const SmallDisk disk(dir / "disk", "24m");  // two thirds of the model
  QUERN_NEEDS_MOUNT(disk);
  const std::string set = (dir / "m").string();
  ASSERT_EQ(test::run_quern({"split", "--split-max-tensors", "20", model(), set}).exit_code, 0);
  const std::string first = set + "-00001-of-00005.gguf", out = (disk / "o").string();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"split", "--split-max-tensors", "20", model(), out},
        {"edit", first, "--set", "general.name=other", "-o", out},
        {"quantize", "--keep-split", first, out, "bf16"},
        {"merge", first, out}}) {
    const auto r = test::run_quern(words);
    EXPECT_EQ(r.exit_code, 1) << words[0];
    EXPECT_THAT(r.err, HasSubstr("not enough room on the file system")) << words[0];
    EXPECT_THAT(r.err, testing::ContainsRegex("expected: 3[56][0-9]{6} bytes")) << words[0];
    EXPECT_THAT(disk.files(), testing::IsEmpty()) << words[0];
  }
}

TEST(DiskFull, MeasurementsAskBeforeTheyBegin) {
  const test::TempDir dir;
  const SmallDisk disk(dir / "disk", "1m");
  QUERN_NEEDS_MOUNT(disk);
  const std::string text = test::source_path("data/calibration.txt").string();
  const auto matrix = test::run_quern(
      {"imatrix", "-m", model(), "-f", text, "-ofreq", "1", "-o", (disk / "i.gguf").string()});
  EXPECT_EQ(matrix.exit_code, 1);
  EXPECT_THAT(matrix.err, HasSubstr("not enough room on the file system"));
  EXPECT_THAT(matrix.out, testing::IsEmpty());
  EXPECT_THAT(disk.files(), testing::IsEmpty());
  const auto survey = test::run_quern({"survey", "-m", model(), "-f", text, "--calibration", text,
                                       "--types", "q8_0", "-o", (disk / "s").string()});
  EXPECT_EQ(survey.exit_code, 1);
  EXPECT_THAT(survey.err, HasSubstr("not enough room on the file system"));
  EXPECT_THAT(survey.out, testing::Not(HasSubstr("importance matrix")));
}

TEST(DiskFull, ADryRunForecastsTheRoomOfTheCache) {
  const test::TempDir dir;
  const SmallDisk disk(dir / "disk", "20m");
  QUERN_NEEDS_MOUNT(disk);
  const std::string cache = (disk / "cache").string();
  const auto forecast = [&](const std::string& out, std::vector<std::string> options) {
    options.insert(options.begin(), {"quantize", "--dry-run"});
    options.insert(options.end(), {model(), out, "q4_K_S"});
    return test::run_quern(options).out;
  };
  EXPECT_THAT(forecast((dir / "o").string(), {}), testing::Not(HasSubstr("cache:")));
  const std::string apart = forecast((dir / "o").string(), {"--cache", cache});
  EXPECT_THAT(apart, testing::ContainsRegex("cache: at most 1[0-9.]+ MB needed, 2[0-9.]+ MB free"));
  EXPECT_THAT(apart, testing::Not(HasSubstr("NOT ENOUGH")));
  // Each has room, both have not.
  EXPECT_THAT(forecast((disk / "o").string(), {"--cache", cache}),
              testing::ContainsRegex("cache: .*: NOT ENOUGH"));
  EXPECT_THAT(forecast((disk / "o").string(), {"--resume"}), HasSubstr("cache: at most"));
  EXPECT_THAT(disk.files(), testing::IsEmpty());
}

TEST(DiskFull, TheOldFileOfThatNameStays) {
  const test::TempDir dir;
  const SmallDisk disk(dir / "disk", "4m");
  QUERN_NEEDS_MOUNT(disk);
  std::ofstream(disk / "o.gguf") << "GGUFprecious";
  EXPECT_EQ(test::run_quern({"quantize", model(), (disk / "o.gguf").string(), "q4_K_S"}).exit_code,
            1);
  EXPECT_EQ(test::read_text(disk / "o.gguf"), "GGUFprecious");
}

TEST(DiskFull, ACacheThatIsFullDoesNotStopTheRun) {
  const test::TempDir dir;
  const SmallDisk disk(dir / "disk", "4m");
  QUERN_NEEDS_MOUNT(disk);
  const std::string whole = (dir / "whole.gguf").string(), out = (dir / "out.gguf").string();
  ASSERT_EQ(test::run_quern({"quantize", model(), whole, "q4_K_S"}).exit_code, 0);
  const std::vector<std::string> words = {"quantize", "--cache", (disk / "cache").string(),
                                          model(),    out,       "q4_K_S"};
  for (int run = 0; run < 2; ++run) {
    const auto r = test::run_quern(words);
    ASSERT_EQ(r.exit_code, 0) << r.err;
    EXPECT_THAT(r.err, testing::ContainsRegex("warning: the cache could not take [0-9]+ tensors"));
    EXPECT_EQ(test::read_bytes(out), test::read_bytes(whole));
    for (const auto& f : std::filesystem::directory_iterator(disk / "cache")) {
      EXPECT_EQ(f.path().extension(), ".tensor") << f.path();
    }
  }
}

TEST(DiskFull, ARawMatrixIsWholeOrTheOldOne) {
  const test::TempDir dir;
  const SmallDisk disk(dir / "disk", "64k");
  QUERN_NEEDS_MOUNT(disk);
  const std::string golden = test::source_path("tests/golden/types/weights/input.f32").string();
  const std::string bin = (dir / "x.bin").string(), out = (disk / "x.f32").string();
  const std::vector<std::string> shape{"--type", "q4_K", "--cols", "1024"};
  const auto run = [&](const char* command, const std::string& from, const std::string& to) {
    return test::run_quern({command, shape[0], shape[1], shape[2], shape[3], from, to});
  };
  ASSERT_EQ(run("encode", golden, bin).exit_code, 0);
  std::ofstream(out) << "old";
  const auto r = run("decode", bin, out);
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.err, HasSubstr("not enough room on the file system"));
  EXPECT_EQ(std::filesystem::file_size(out), 3U);
  EXPECT_THAT(disk.files(), testing::ElementsAre("x.f32"));
  const auto full = run("decode", bin, "/dev/full");
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_THAT(full.err, HasSubstr("cannot write file: No space left on device"));
}

TEST(DiskFull, AnEditTellsWhatItHasDoneWhenItIsDone) {
  const test::TempDir dir;
  const SmallDisk disk(dir / "disk", "4m");
  QUERN_NEEDS_MOUNT(disk);
  const std::vector<std::string> words{"edit", model(), "--drop-tensor", "blk\\.5\\.attn_kv_b.*",
                                       "--force"};
  std::vector<std::string> there = words, here = words;
  there.insert(there.end(), {"-o", (disk / "e.gguf").string()});
  here.insert(here.end(), {"-o", (dir / "e.gguf").string()});
  const auto full = test::run_quern(there);
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_THAT(full.err, HasSubstr("not enough room"));
  EXPECT_EQ(full.out, "");
  EXPECT_THAT(disk.files(), testing::IsEmpty());
  EXPECT_THAT(test::run_quern(here).out,
              testing::AllOf(HasSubstr("dropped 1 tensor: "), HasSubstr("written anew")));
}

}  // namespace
