// Folders of every architecture, converted and run in f32, against the logits of the originals.
#include "runtime/golden.h"

#include "convert/convert_support.h"

namespace {

struct Case {
  const char* name;  ///< folder of golden/models
  convert::Options options = {};
  const char* logits = "logits.f32";
  std::size_t n_findings = 0;  ///< what the conversion must warn of
  runtime::MlaMode mla = runtime::MlaMode::automatic;
};
using model::MlaForm;

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

// One row a case; an architecture counts only with one.
const Case kCases[] = {
    {.name = "llama"},
    {.name = "llama-rope3-tied"},
    {.name = "mistral",
     .logits = "logits_gguf.f32",
     .n_findings = 2},  // its window, and merges that tekken ignores
    {.name = "mixtral"},
    {.name = "deepseek_v2-lite"},
    {.name = "deepseek_v2-lite", .options = {.plan = {.mla = MlaForm::kv_b}}},
    {.name = "deepseek_v3"},
    {.name = "deepseek_v3", .options = {.plan = {.mla = MlaForm::kv_b}}},
    {.name = "deepseek_v3",
     .options = {.plan = {.mla = MlaForm::both}},
     .mla = runtime::MlaMode::absorbed},
    {.name = "deepseek_v3-fp8"},
    {.name = "deepseek_v3-fp8", .options = {.plan = {.mla = MlaForm::kv_b}}},
};

class Golden : public testing::TestWithParam<Case> {};

double difference(const runtime::Model& model, const Case& c, const kernels::KernelTable* table,
                  std::size_t batch) {
  const auto folder = test::model_folder(c.name);
  const std::vector<runtime::Chunk> chunk{
      {.tokens = test::read_ids(folder / "ids.i32"), .first_output = 0}};
  test::Setup setup{.table = table};
  setup.options.cache = kernels::CacheType::f32;
  setup.options.mla = c.mla;
  setup.options.batch_tokens = batch;
  return test::relative_difference(test::logits_of(model, chunk, setup),
                                   test::read_floats(folder / c.logits));
}

TEST_P(Golden, LogitsOfTheOriginal) {
  const Case& c = GetParam();
  const auto folder = test::model_folder(c.name);
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs " << folder;
  const test::TempDir dir;
  const base::Findings findings =
      test::convert_folder(folder, dir / "m.gguf", {.options = c.options});
  EXPECT_EQ(findings.size(), c.n_findings) << (findings.empty() ? "" : findings.back().text);
  const auto model = runtime::Model::open(dir / "m.gguf");
  EXPECT_TRUE(model.findings().empty()) << model.findings().front().text;
  for (const kernels::KernelTable* table : kernels::all_tables()) {
    if (!table->supported()) continue;
    for (const std::size_t batch : {48U, 7U, 1U}) {  // the prompt at once, uneven, by tokens
      EXPECT_LT(difference(model, c, table, batch), 1e-4)
          << table->name << ", batches of " << batch;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::ValuesIn(kCases), [](const auto& row) {
  std::string name = std::to_string(row.index) + "_" + row.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-'; }, '_');
  return name;
});

}  // namespace
