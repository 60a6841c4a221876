#include "cook/job_hash.h"

#include <gmock/gmock.h>

#include <functional>

#include "cook/small_model.h"

namespace {

/// What a run is to do, and from which state of the source.
struct Job {
  cook::Request request;
  calibrate::Importance importance;
  std::string version = "v1";
};

struct Case {
  const char* name;
  std::function<void(Job&, const std::filesystem::path& input)> change;
};

const Case kCases[] = {
    {"recipe",
     [](Job& j, auto&) {
       j.request.recipe.recipe = recipe::recipe_by_symbol(recipe::Policy::ik, "Q5_K_S");
     }},
    {"rule",
     [](Job& j, auto&) {
       j.request.recipe.custom_rules = recipe::parse_custom_rules("--custom-q", "ffn_down=q6_K");
     }},
    {"importance", [](Job& j, auto&) { j.importance.entries["blk.0.attn_q.weight"].sums[7] = 3; }},
    {"effort", [](Job& j, auto&) { j.request.effort = quant::Effort::fast; }},
    {"key",
     [](Job& j, auto&) { j.request.overrides.push_back(cook::parse_override("a.b=int:1")); }},
    {"shards", [](Job& j, auto&) { j.request.split->max_tensors = 3; }},
    {"program", [](Job& j, auto&) { j.version = "v2"; }},
    {"source",
     [](Job&, const std::filesystem::path& input) {
       std::filesystem::last_write_time(
           input, std::filesystem::last_write_time(input) - std::chrono::seconds(1));
     }},
};

std::string text_of(Job job, const std::filesystem::path& input) {
  job.request.importance = &job.importance;
  const auto source = cook::open_gguf_source(input);
  return cook::job_text(*source, cook::make_plan(*source, job.request), job.version);
}

TEST(JobText, IsThatOfTheSameJobOnly) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  Job job;
  job.request.recipe.recipe = recipe::recipe_by_symbol(recipe::Policy::ik, "Q4_K_S");
  job.request.recipe.have_importance = true;
  job.request.output = dir / "out.gguf";
  job.request.split = gguf::SplitRule{.max_tensors = 4};
  calibrate::Entry& entry = job.importance.entries["blk.0.attn_q.weight"];
  entry.n_cols = 256;
  entry.counts = {1};
  entry.sums.assign(256, 1.0);
  const std::string text = text_of(job, input);
  EXPECT_EQ(text_of(job, input), text);
  for (const Case& c : kCases) {
    Job other = job;
    c.change(other, input);
    EXPECT_NE(text_of(other, input), text) << c.name;
  }
}

}  // namespace
