#include "model/hf_model.h"
#include "model/spec.h"

namespace {

using model::Role;

/// Writes a draft and describes it; validate() included.
model::ModelSpec described(const test::Draft& draft, base::Findings* findings = nullptr) {
  const test::TempDir dir;
  draft.write(dir / "m.gguf");
  const auto files = gguf::FileSet::open(dir / "m.gguf");
  model::ModelSpec spec = model::describe(files);
  const base::Findings found = model::validate(spec, files);
  if (findings != nullptr) *findings = found;
  return spec;
}

/// The message of the error that the draft causes.
std::string refusal(const test::Draft& draft, base::Fault fault = base::Fault::bad_file) {
  try {
    described(draft);
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), fault) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "not refused";
  return "";
}

test::Draft deepseek() { return test::HfModel("deepseek_v3").draft(); }
test::Draft llama() { return test::HfModel("llama").draft(); }

/// A -> C or B: absorbed tensors of all layers, as zeros, and the keys of that flavour.
void add_split(test::Draft& draft, bool three_d) {
  for (int l = 0; l < 4; ++l) {
    test::Draft::Tensor k{quant::find_codec("f32"), {{{32, 32, 4, 1}}}, {}};
    k.bytes.resize(32 * 32 * 4 * 4);
    if (!three_d) k.shape.ne = {32, 128, 1, 1};
    draft.tensors[model::tensor_name(Role::attn_k_b, l)] = k;
    draft.tensors[model::tensor_name(Role::attn_v_b, l)] = k;
  }
}
void drop(test::Draft& draft, Role role) {
  for (int l = 0; l < 4; ++l) draft.tensors.erase(model::tensor_name(role, l));
}

TEST(Describe, TheSmallTrainedModel) {
  const auto files = gguf::FileSet::open(test::source_path("data/tiny-mla-bf16.gguf"));
  const model::ModelSpec spec = model::describe(files);
  EXPECT_TRUE(model::validate(spec, files).empty());
  EXPECT_EQ(spec.n_layer, 6U);
  ASSERT_TRUE(spec.layers[0].dense && spec.layers[1].moe);
  EXPECT_EQ(spec.layers[0].dense->width, 768U);
  EXPECT_EQ(spec.layers[1].moe->n_expert, 8U);
  EXPECT_TRUE(spec.layers[1].moe->selection_bias);
  EXPECT_EQ(spec.layers[1].mla->nope_dim, 128U);
  EXPECT_EQ(spec.find(Role::attn_k_b, 2)->derivation, model::Derivation::k_b_from_kv_b);
  EXPECT_EQ(spec.find("blk.5.attn_kv_b.weight")->shape.to_string(), "{512, 1024}");
}

/// The recipes of the public programs go by names: a row whose name told another role than the row
/// itself would get other types from us than from them.
TEST(Describe, RowsHaveTheRoleThatTheirNameTells) {
  for (const char* kind : {"llama", "mixtral", "deepseek_v2-lite", "deepseek_v3"}) {
    for (const bool stack : {true, false}) {
      const model::ModelSpec spec =
          described(test::HfModel(kind, {.stack_experts = stack}).draft());
      for (const model::TensorRow& row : spec.tensors) {
        EXPECT_EQ(model::parse_tensor_name(row.name), model::identify(&spec, row.name)) << row.name;
      }
    }
  }
}

TEST(Describe, YarnScalesOfDeepseek) {
  test::Draft draft = deepseek();
  const model::MlaPlan plan = *described(draft).layers[0].mla;
  const double s = (1 + 0.1 * std::log(40.0)) * (1 + 0.1 * std::log(40.0)) / std::sqrt(48.0);
  EXPECT_NEAR(plan.scale, s, 1e-6);
  EXPECT_NEAR(plan.rope.attn_factor, 1 / (1 + 0.1 * std::log(40.0)), 1e-6);
  draft.metadata.set("deepseek2.rope.scaling.type", std::string("none"));
  EXPECT_NEAR(described(draft).layers[0].mla->scale, 1 / std::sqrt(48.0), 1e-6);
}

TEST(Describe, FlavoursGiveTheSamePlan) {
  const model::MlaPlan want = *described(deepseek()).layers[0].mla;
  for (const bool three_d : {true, false}) {
    test::Draft draft = deepseek();
    add_split(draft, three_d);
    EXPECT_EQ(described(draft).layers[0].mla->nope_dim, want.nope_dim) << "B or D";
    drop(draft, Role::attn_kv_b);
    draft.metadata.set("deepseek2.attention.head_count_kv", std::uint32_t{1});
    draft.metadata.set("deepseek2.attention.key_length", std::uint32_t{32 + 16});
    draft.metadata.set("deepseek2.attention.value_length", std::uint32_t{32});
    EXPECT_EQ(described(draft).layers[0].mla->nope_dim, want.nope_dim) << "C";
    draft.metadata.set("deepseek2.attention.key_length_mla", std::uint32_t{48});
    draft.metadata.set("deepseek2.attention.value_length_mla", std::uint32_t{32});
    draft.metadata.set("deepseek2.attention.key_length", std::uint32_t{999});
    EXPECT_EQ(described(draft).layers[0].mla->nope_dim, want.nope_dim) << "C with its keys";
    EXPECT_EQ(described(draft).layers[0].mla->value_dim, want.value_dim);
  }
}

TEST(Describe, GatingIsGuessedFromTheSelectionBias) {
  test::Draft v3 = deepseek();
  v3.metadata.erase("deepseek2.expert_gating_func");
  EXPECT_EQ(described(v3).layers[1].moe->gating, model::Gating::sigmoid);
  test::Draft v2 = test::HfModel("deepseek_v2-lite").draft();
  v2.metadata.erase("deepseek2.expert_gating_func");
  EXPECT_EQ(described(v2).layers[1].moe->gating, model::Gating::softmax);
}

TEST(Describe, PredictionLayersAreKnownButDoNotRun) {
  test::Draft draft = deepseek();
  draft.metadata.set("deepseek2.nextn_predict_layers", std::uint32_t{1});
  const model::ModelSpec spec = described(draft);
  EXPECT_EQ(spec.n_layer, 3U);
  EXPECT_EQ(spec.layers.size(), 3U);
  EXPECT_FALSE(spec.find(Role::attn_q_b, 3)->used);
  EXPECT_NE(spec.find(Role::nextn_eh_proj, 3), nullptr);
}

TEST(Describe, BiasWithoutSuffixIsAccepted) {
  test::Draft draft = deepseek();
  auto node = draft.tensors.extract("blk.2.exp_probs_b.bias");
  node.key() = "blk.2.exp_probs_b";
  draft.tensors.insert(std::move(node));
  base::Findings findings;
  const model::ModelSpec spec = described(draft, &findings);
  EXPECT_TRUE(findings.empty());
  EXPECT_EQ(spec.find(Role::exp_probs_b, 2)->name, "blk.2.exp_probs_b");
}

TEST(Describe, AMissingKeyIsNamed) {
  for (const char* key :
       {"deepseek2.block_count", "deepseek2.attention.kv_lora_rank",
        "deepseek2.expert_weights_scale", "deepseek2.attention.layer_norm_rms_epsilon"}) {
    test::Draft draft = deepseek();
    ASSERT_TRUE(draft.metadata.erase(key));
    EXPECT_NE(refusal(draft).find(key), std::string::npos) << key;
  }
}

TEST(Describe, ValuesOutOfBoundsAreRefusedWithFoundAndExpected) {
  struct Bad {
    const char* key;
    gguf::Value value;
    const char* says;
  };
  const auto list = [](const std::vector<std::int32_t>& v) { return gguf::Array::of_i32(v); };
  const Bad cases[] = {
      {"deepseek2.block_count", std::uint32_t{513}, "found: 513, expected: 1 to 512"},
      {"deepseek2.block_count", std::uint32_t{0}, "found: 0, expected: 1 to 512"},
      {"deepseek2.expert_count", std::uint32_t{513}, "found: 513"},
      {"deepseek2.feed_forward_length", list({160, -1, 160, 160}), "found: -1 for layer 1"},
      {"deepseek2.feed_forward_length", list({160, 160}), "found: 2 entries, expected: 4 entries"},
      {"deepseek2.attention.head_count_kv", list({4, 4, 4}), "found: 3 entries"},
      {"deepseek2.attention.head_count", std::uint32_t{0}, "found: 0"},
      {"deepseek2.expert_used_count", std::uint32_t{9}, "found: 9, expected: 1 to 8"},
      {"deepseek2.expert_group_count", std::uint32_t{3}, "expected: a divisor of the 8 experts"},
      {"deepseek2.attention.layer_norm_rms_epsilon", std::nanf(""), "found: nan"},
      {"deepseek2.rope.dimension_count", std::uint32_t{48}, "less than the head size 48"},
      {"deepseek2.expert_gating_func", std::uint32_t{5}, "found: 5"},
      {"deepseek2.embedding_length", std::string("x"), "deepseek2.embedding_length"},
  };
  for (const Bad& bad : cases) {
    test::Draft draft = deepseek();
    draft.metadata.set(bad.key, bad.value);
    const std::string text = refusal(draft);
    EXPECT_NE(text.find(bad.says), std::string::npos) << text;
    EXPECT_NE(text.find(bad.key), std::string::npos) << text;
  }
}

TEST(Describe, UnknownArchitectureAndScalingAreUnsupported) {
  test::Draft draft = llama();
  draft.metadata.set("llama.rope.scaling.type", std::string("spiral"));
  EXPECT_NE(refusal(draft, base::Fault::unsupported).find("spiral"), std::string::npos);
  draft.metadata.set("general.architecture", std::string("gpt17"));
  const std::string text = refusal(draft, base::Fault::unsupported);
  EXPECT_NE(text.find("gpt17"), std::string::npos);
  for (const model::Architecture* a : model::all_architectures()) {
    EXPECT_NE(text.find(a->name), std::string::npos) << text;
  }
}

TEST(Validate, AMissingTensorIsNamedWithItsShape) {
  test::Draft draft = llama();
  draft.tensors.erase("blk.1.ffn_up.weight");
  EXPECT_NE(refusal(draft).find("blk.1.ffn_up.weight"), std::string::npos);
  draft = deepseek();
  draft.tensors.erase("blk.1.attn_kv_b.weight");
  EXPECT_NE(refusal(draft).find("blk.1.attn_kv_b.weight"), std::string::npos);
}

TEST(Validate, AWrongShapeIsNamedWithBoth) {
  test::Draft draft = llama();
  draft.metadata.set("llama.feed_forward_length", std::uint32_t{96});
  const std::string text = refusal(draft);
  EXPECT_NE(text.find("blk.0.ffn_gate.weight"), std::string::npos) << text;
  EXPECT_NE(text.find("96}"), std::string::npos) << text;
}

TEST(Validate, LeftoversAndVectorsOfOtherTypesAreFindings) {
  test::Draft draft = llama();
  draft.tensors["surprise.weight"] = draft.tensors.at("output_norm.weight");
  draft.tensors["output_extra.weight"] = draft.tensors.at("output_norm.weight");
  draft.metadata.set("llama.vocab_size", std::uint32_t{7});
  base::Findings findings;
  described(draft, &findings);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].where, "llama.vocab_size");
  EXPECT_EQ(findings[1].where, "surprise.weight");
}

}  // namespace
