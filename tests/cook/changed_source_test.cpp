// A source that another program changes while it is read: nothing of two states is published or
// kept in a cache.
#include <gmock/gmock.h>

#include <fstream>
#include <functional>

#include "cook/pruned_source.h"
#include "cook/run_plan.h"
#include "cook/small_model.h"
#include "support/bytes_builder.h"

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Act = std::function<void(const fs::path&)>;

/// Does something to the source once the first rows are encoded.
class ActOnce final : public base::Progress {
 public:
  explicit ActOnce(std::function<void()> act) : act_(std::move(act)) {}
  void update(std::string_view what, std::uint64_t done, std::uint64_t, std::string_view,
              std::string_view) override {
    if (what != "quantize" || done == 0 || acted_) return;
    acted_ = true;
    act_();
  }
  void log(std::string_view) override {}

 private:
  std::function<void()> act_;
  bool acted_ = false;
};

/// Written long ago, so that a change of now has another time on any file system.
fs::path old_source(const test::TempDir& dir) {
  const fs::path path = test::small_model().write(dir / "in.gguf");
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
  return path;
}

void flip_last_byte(const fs::path& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-1, std::ios::end);
  const int last = file.get();
  file.seekp(-1, std::ios::end);
  file.put(static_cast<char>(last ^ 128));
}

void cook_while(const fs::path& input, const fs::path& output, const std::function<void()>& act,
                const cook::TensorCache* cache = nullptr) {
  cook::Request request;
  request.recipe.recipe = recipe::recipe_by_symbol(recipe::Policy::ik, "Q4_K_S");
  request.output = output;
  const auto source = cook::open_gguf_source(input);
  const cook::Plan plan = cook::make_plan(*source, request);
  runtime::Team team(1);  // the last tensor is read last
  ActOnce progress(act);
  const base::StopFlag stop;
  test::run_plan(*source, plan, team, progress, stop, cache);
}

struct Case {
  const char* found;
  Act change;
};

const Case kCases[] = {
    {"a later time of its last change", flip_last_byte},
    {"another size", [](const fs::path& p) { fs::resize_file(p, fs::file_size(p) + 32); }},
    {"another file under its name",
     [](const fs::path& p) {
       fs::copy_file(p, p.string() + ".new");
       fs::rename(p.string() + ".new", p);
     }},
};

TEST(ChangedSource, NothingIsPublished) {
  for (const Case& c : kCases) {
    const test::TempDir dir;
    const fs::path input = old_source(dir);
    const std::string text =
        test::error_text([&] { cook_while(input, dir / "out.gguf", [&] { c.change(input); }); });
    EXPECT_THAT(text, HasSubstr("the file has changed while it was read")) << c.found;
    EXPECT_THAT(text, HasSubstr(c.found));
    EXPECT_THAT(text, HasSubstr("in.gguf"));
    EXPECT_FALSE(fs::exists(dir / "out.gguf")) << c.found;
  }
}

TEST(ChangedSource, ARemovedOrMovedOneIsReadToItsEnd) {
  const test::TempDir dir;
  const fs::path input = old_source(dir);
  cook_while(input, dir / "whole.gguf", [] {});
  cook_while(input, dir / "out.gguf", [&] { fs::rename(input, dir / "moved.gguf"); });
  EXPECT_EQ(test::read_bytes(dir / "out.gguf"), test::read_bytes(dir / "whole.gguf"));
}

TEST(ChangedSource, TheCacheKeepsNothingOfIt) {
  const test::TempDir dir;
  const fs::path input = old_source(dir);
  const cook::TensorCache cache(dir / "cache", "v1");
  EXPECT_THROW(cook_while(
                   input, dir / "out.gguf", [&] { flip_last_byte(input); }, &cache),
               base::Error);
  flip_last_byte(input);  // as it was
  cook_while(input, dir / "plain.gguf", [] {});
  cook_while(
      input, dir / "cached.gguf", [] {}, &cache);
  EXPECT_EQ(test::read_bytes(dir / "cached.gguf"), test::read_bytes(dir / "plain.gguf"));
}

TEST(ChangedSource, IsSeenThroughAPrunedOne) {
  const test::TempDir dir;
  const fs::path input = old_source(dir);
  const auto source = cook::prune_layers(cook::open_gguf_source(input), {1}, true);
  EXPECT_NO_THROW(source->require_unchanged());
  flip_last_byte(input);
  EXPECT_THAT(test::error_text([&] { source->require_unchanged(); }), HasSubstr("has changed"));
}

}  // namespace
