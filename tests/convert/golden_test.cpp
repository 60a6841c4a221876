// Folders of every architecture, converted and run in f32, against the logits of the originals.
#include "runtime/golden.h"

#include <map>
#include <numeric>

#include "calibrate/collector.h"
#include "convert/convert_support.h"

namespace {

struct Case {
  const char* name;  ///< folder of golden/models
  convert::Options options = {};
  const char* logits = "logits.f32";
  std::size_t n_findings = 0;  ///< what the conversion must warn of
  runtime::MlaMode mla = runtime::MlaMode::automatic;
  model::Rules rules = model::Rules::original;
  bool packed = false;  ///< MXFP4 weights stay packed; then only plain kernels are exact
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
    {.name = "ministral3", .n_findings = 1},  // merges that tekken ignores
    {.name = "qwen2"},
    {.name = "qwen2moe"},
    {.name = "qwen3"},
    {.name = "qwen3-yarn-f32"},
    {.name = "qwen3moe"},
    {.name = "gemma2"},
    {.name = "gemma3"},
    {.name = "phi3"},
    {.name = "phi3-longrope"},
    {.name = "cohere"},
    {.name = "cohere-qknorm"},
    {.name = "cohere2"},
    {.name = "gpt-oss"},
    {.name = "gpt-oss", .logits = "logits_gguf.f32", .rules = model::Rules::ik},
    {.name = "gpt-oss-mxfp4"},
    {.name = "gpt-oss-mxfp4", .packed = true},
    {.name = "gpt-oss-mxfp4", .logits = "logits_gguf.f32", .rules = model::Rules::llama_cpp},
    {.name = "glm4"},
    {.name = "glm4moe"},
    {.name = "smollm3"},
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
      test::convert_folder(folder, dir / "m.gguf", {.options = c.options, .keep_packed = c.packed});
  EXPECT_EQ(findings.size(), c.n_findings) << (findings.empty() ? "" : findings.back().text);
  const auto model = runtime::Model::open(dir / "m.gguf", c.rules);
  EXPECT_TRUE(model.findings().empty()) << model.findings().front().text;
  for (const kernels::KernelTable* table : kernels::all_tables()) {
    if (!table->supported()) continue;
    // Kernels for packed weights round activations.
    if (c.packed && table != kernels::all_tables().front()) continue;
    for (const std::size_t batch : {48U, 7U, 1U}) {  // the prompt at once, uneven, by tokens
      EXPECT_LT(difference(model, c, table, batch), 1e-4)
          << table->name << ", batches of " << batch;
    }
  }
}

std::vector<runtime::Chunk> two_chunks(const std::filesystem::path& folder) {
  const std::vector<std::int32_t> ids = test::read_ids(folder / "ids.i32");
  return {{.tokens = {ids.begin(), ids.begin() + 30}, .first_output = 0},
          {.tokens = {ids.begin() + 30, ids.end()}, .first_output = 4}};
}

struct Watched {
  std::vector<float> logits;
  std::map<std::string, calibrate::Entry, std::less<>> entries;
};

Watched watched(const runtime::Model& model, std::span<const runtime::Chunk> chunks,
                runtime::Loop loop, std::size_t threads) {
  calibrate::Collector collector(model.spec(), true);
  runtime::Observer* const observers[] = {&collector};
  test::Setup setup{.threads = threads, .table = &kernels::best_table()};
  setup.options.loop = loop;
  setup.options.batch_tokens = 16;
  Watched out;
  out.logits = test::logits_of(model, {chunks.begin(), chunks.end()}, setup, observers);
  out.entries = collector.entries();
  return out;
}

/// Rows that a tensor's entry must have seen: of experts, one for each that a token chose.
std::size_t rows_of(const model::ModelSpec& spec, const model::TensorRow& row, std::size_t tokens) {
  if (row.axis == model::Axis::head) return tokens * row.shape.ne[2];
  if (row.axis != model::Axis::expert) return tokens;
  return tokens * spec.layers[static_cast<std::size_t>(row.layer)].moe->n_used;
}

TEST_P(Golden, EveryLinearWeightIsCollectedWithTheSameBitsInBothLoops) {
  const auto folder = test::model_folder(GetParam().name);
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs " << folder;
  const test::TempDir dir;
  test::convert_folder(folder, dir / "m.gguf", {.options = GetParam().options});
  const auto model = runtime::Model::open(dir / "m.gguf");
  const std::vector<runtime::Chunk> chunks = two_chunks(folder);
  const Watched want = watched(model, chunks, runtime::Loop::token, 1);
  for (const model::TensorRow& row : model.spec().tensors) {
    if (row.layer < 0 || row.f32_only || !row.used || !model.files().find(row.name)) continue;
    const auto it = want.entries.find(row.name);
    ASSERT_NE(it, want.entries.end()) << row.name;
    const auto& counts = it->second.counts;
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}),
              static_cast<std::int64_t>(rows_of(model.spec(), row, 48)))
        << row.name;
  }
  for (const runtime::Loop loop : {runtime::Loop::token, runtime::Loop::layer}) {
    const Watched got = watched(model, chunks, loop, 3);
    EXPECT_EQ(got.logits, want.logits);
    ASSERT_EQ(got.entries.size(), want.entries.size());
    for (const auto& [name, entry] : want.entries) {
      EXPECT_EQ(got.entries.at(name).sums, entry.sums) << name;
      EXPECT_EQ(got.entries.at(name).counts, entry.counts) << name;
    }
  }
}

/// One token behind a long prompt is computed in pieces of the cache; windows and sinks must not
/// notice.
TEST(LongContext, TheLastTokenAloneGivesWhatTheWholePromptGives) {
  constexpr std::size_t kTokens = 2100;
  for (const char* name : {"gpt-oss", "gemma2", "gemma3", "cohere2", "phi3"}) {
    const auto folder = test::model_folder(name);
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "needs " << folder;
    const test::TempDir dir;
    test::convert_folder(folder, dir / "m.gguf");
    const auto model = runtime::Model::open(dir / "m.gguf");
    const std::vector<std::int32_t> ids = test::read_ids(folder / "ids.i32");
    runtime::Chunk chunk{.tokens = {}, .first_output = kTokens - 1};
    for (std::size_t i = 0; i < kTokens; ++i) chunk.tokens.push_back(ids[i * i % ids.size()]);
    test::Setup setup{.table = &kernels::best_table()};
    setup.options.cache = kernels::CacheType::f32;
    setup.options.batch_tokens = kTokens;
    const auto whole = test::logits_of(model, {chunk}, setup);
    setup.options.batch_tokens = kTokens - 1;
    EXPECT_LT(test::relative_difference(test::logits_of(model, {chunk}, setup), whole), 1e-4)
        << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, testing::ValuesIn(kCases), [](const auto& row) {
  std::string name = std::to_string(row.index) + "_" + row.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-'; }, '_');
  return name;
});

}  // namespace
