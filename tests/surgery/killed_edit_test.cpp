// An edit of a split set that is killed between any two of its steps: the set is the old one, or
// the new one, or says that it is neither.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gguf/reshard.h"
#include "gguf/split.h"
#include "support/bytes_builder.h"
#include "support/support.h"
#include "surgery/publish.h"

namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::uint32_t kShards = 3;
constexpr int kKilled = 9;

using Contents = std::vector<std::vector<std::byte>>;

class KilledEdit : public testing::Test {
 protected:
  KilledEdit() {
    const gguf::FileSet files = gguf::FileSet::open(test::source_path("data/tiny-mla-bf16.gguf"));
    base::SilentProgress progress;
    const base::StopFlag stop;
    gguf::write_split(files, gguf::plan_split(files, {.max_tensors = 40}), (dir_ / "m").string(),
                      progress, stop);
    old_ = contents();
  }

  fs::path path(std::uint32_t no) const {
    return gguf::shard_name((dir_ / "m").string(), no, kShards);
  }
  Contents contents() const {
    Contents out;
    for (std::uint32_t no = 0; no < kShards; ++no) out.push_back(test::read_bytes(path(no)));
    return out;
  }
  void restore() const {
    for (const auto& f : fs::directory_iterator(dir_.path())) fs::remove(f);
    for (std::uint32_t no = 0; no < kShards; ++no) test::write_bytes(path(no), old_[no]);
  }

  /// Two files written anew, the header of the first replaced.
  void edit(base::BeforeStep before_step) const {
    const gguf::FileSet files = gguf::FileSet::open(path(0));
    surgery::Draft draft(files);
    for (const std::size_t file : {1, 2}) draft.remove(draft.files()[file].tensors.back().name);
    const surgery::PublishOptions options{.before_step = std::move(before_step)};
    runtime::Team team(1);
    base::SilentProgress progress;
    const base::StopFlag stop;
    surgery::publish(draft, surgery::plan_publish(draft, options), options, team, progress, stop);
  }
  /// False if it came to its end.
  bool edit_killed_at(int step) const {
    const pid_t child = ::fork();
    if (child == 0) {
      int now = 0;
      edit([&] {
        if (now++ == step) ::_exit(kKilled);
      });
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status) == kKilled;
  }

  const test::TempDir dir_;
  Contents old_;
};

TEST_F(KilledEdit, LeavesTheOldSetOrTheNewOneOrIsFinished) {
  edit({});
  const Contents whole = contents();
  int n_refused = 0, step = 0;
  for (restore(); edit_killed_at(step); restore(), ++step) {
    const auto set = surgery::unfinished_publish(path(2));  // any file names the set
    if (set) {
      ++n_refused;
      EXPECT_THAT(test::error_text([&] { gguf::FileSet::open(path(0)); }),
                  HasSubstr("not all files of this split set have their names yet"));
      // What the next writer of a name removes is not what is still needed.
      for (std::uint32_t no = 0; no < kShards; ++no) base::remove_unfinished(path(no));
      surgery::finish_publish(*set, path(2));
      EXPECT_EQ(contents(), whole) << step;
    } else if (surgery::undo_state(path(0))) {
      EXPECT_TRUE(surgery::undo_state(path(0))->broke_off);
      surgery::undo_last(path(0));
      EXPECT_EQ(contents(), old_) << step;
    } else {
      EXPECT_EQ(contents(), whole) << step;
    }
    EXPECT_FALSE(surgery::undo_state(path(0))) << step;
    EXPECT_EQ(gguf::FileSet::open(path(0)).tensors().size(), set || step > 0 ? 98U : 100U);
    for (std::uint32_t no = 0; no < kShards; ++no) base::remove_unfinished(path(no));
    EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), {}), kShards) << step;
  }
  EXPECT_EQ(step, 5) << "before the list, before two renames, after them, at the end";
  EXPECT_EQ(n_refused, 3);
}

TEST_F(KilledEdit, TheNextEditFinishesIt) {
  edit({});
  const Contents whole = contents();
  restore();
  ASSERT_TRUE(edit_killed_at(2));
  const auto run = [&](std::vector<std::string> options) {
    options.insert(options.begin(), "edit");
    options.push_back(path(0).string());
    return test::run_quern(options);
  };
  EXPECT_THAT(run({"--undo", "--dry-run"}).err, HasSubstr("without --dry-run"));
  EXPECT_THAT(test::run_quern({"info", path(0).string()}).err,
              HasSubstr("`quern edit " + path(0).string() + "`"));
  const test::RunResult r = run({});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("all 2 have them now"));
  EXPECT_THAT(r.out, HasSubstr("nothing to change"));
  EXPECT_EQ(contents(), whole);
  EXPECT_THAT(run({"--undo"}).err, HasSubstr("there is nothing to undo"));
}

}  // namespace
