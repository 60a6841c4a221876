// Forward passes against the logits of the original models (tests/golden/models).
#include "model/hf_model.h"
#include "runtime/golden.h"
#include "support/bytes_builder.h"

namespace {

using runtime::MlaMode;

struct Case {
  const char* name;
  test::HfOptions options = {};
  MlaMode mla = MlaMode::automatic;
  const char* logits = "logits.f32";
};

/// Relative difference to the golden logits over all 48 tokens, computed in batches of `batch`.
double difference(const Case& c, std::size_t batch) {
  const test::TempDir dir;
  test::HfModel(c.name, c.options).draft().write(dir / "model.gguf");
  const auto model = runtime::Model::open(dir / "model.gguf");
  EXPECT_TRUE(model.findings().empty()) << model.findings().front().text;
  const std::string folder = std::string("tests/golden/models/") + c.name + "/";
  test::Setup setup;
  setup.options.cache = kernels::CacheType::f32;
  setup.options.mla = c.mla;
  setup.options.batch_tokens = batch;
  const std::vector<runtime::Chunk> chunk{
      {.tokens = test::read_ids(test::source_path(folder + "ids.i32")), .first_output = 0}};
  const auto want = test::read_floats(test::source_path(folder + c.logits));
  return test::relative_difference(test::logits_of(model, chunk, setup), want);
}

void expect_golden(const Case& c) {
  for (const std::size_t batch : {48U, 7U, 1U}) {
    EXPECT_LT(difference(c, batch), 1e-5) << c.name << ", batches of " << batch;
  }
}

TEST(Models, Llama) { expect_golden({.name = "llama"}); }
TEST(Models, LlamaWithRopeDivisorsAndTiedOutput) { expect_golden({.name = "llama-rope3-tied"}); }
TEST(Models, MistralRunsWithoutItsWindow) {
  expect_golden({.name = "mistral", .logits = "logits_gguf.f32"});
}
TEST(Models, Mixtral) { expect_golden({.name = "mixtral"}); }
TEST(Models, MixtralWithOneTensorAnExpert) {
  expect_golden({.name = "mixtral", .options = {.stack_experts = false}});
}
TEST(Models, MixtralWithGateAndUpMerged) {
  expect_golden({.name = "mixtral", .options = {.merge_gate_up = true}});
}
TEST(Models, DeepseekV2Lite) { expect_golden({.name = "deepseek_v2-lite"}); }
TEST(Models, DeepseekV3) { expect_golden({.name = "deepseek_v3"}); }
TEST(Models, DeepseekV3Absorbed) {
  expect_golden({.name = "deepseek_v3", .mla = MlaMode::absorbed});
}
TEST(Models, DeepseekV3Expanded) {
  expect_golden({.name = "deepseek_v3", .mla = MlaMode::expanded});
}

TEST(Models, NaNInTheBiasOfTheRouterIsRefused) {
  const test::TempDir dir;
  test::Draft draft = test::HfModel("deepseek_v3").draft();
  std::string name;
  for (auto& [tensor_name, t] : draft.tensors) {
    if (model::parse_tensor_name(tensor_name).role != model::Role::exp_probs_b) continue;
    const float nan = std::nanf("");
    std::memcpy(t.bytes.data() + sizeof nan, &nan, sizeof nan);
    name = tensor_name;
    break;
  }
  ASSERT_FALSE(name.empty());
  draft.write(dir / "model.gguf");
  const auto model = runtime::Model::open(dir / "model.gguf");
  test::Setup setup;
  const std::vector<runtime::Chunk> chunk{{.tokens = {1, 2, 3}, .first_output = 0}};
  const std::string said = test::error_text([&] { test::logits_of(model, chunk, setup); });
  EXPECT_NE(said.find("a value is not finite (tensor: " + name), std::string::npos) << said;
  EXPECT_NE(said.find("element: 1, found: NaN"), std::string::npos) << said;
}

TEST(Models, ATensorThatWouldNotBeComputedIsRefused) {
  for (const char* name : {"blk.0.ffn_up.bias", "blk.1.attn_q_norm.weight", "output_norm.bias",
                           "blk.0.something_new.bias"}) {
    test::Draft draft = test::HfModel("llama").draft();
    draft.tensors[name] = draft.tensors.at("output_norm.weight");
    const test::TempDir dir;
    draft.write(dir / "model.gguf");
    try {
      runtime::Model::open(dir / "model.gguf");
      ADD_FAILURE() << name;
    } catch (const base::Error& e) {
      EXPECT_EQ(e.fault(), base::Fault::unsupported) << e.what();
      EXPECT_NE(std::string(e.what()).find(name), std::string::npos) << e.what();
    }
  }
}

}  // namespace
