// Every architecture: which keys it needs, which tensors, and what its layers do. Files are made of
// a synthetic header and zeros. Source: docs/spec/models.md 1.2, 2.
#include <algorithm>
#include <cmath>
#include <set>

#include "model/samples.h"

namespace {

using model::Role;
using test::add_zeros;
using test::described;
using test::Draft;
using test::kEps;
using test::Keys;
using test::Sample;
using test::samples;
using test::whole;

std::string refusal(const Draft& draft, base::Fault fault = base::Fault::bad_file) {
  try {
    described(draft);
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), fault) << e.what();
    return e.what();
  }
  return "not refused";
}

model::AttentionPlan attention(const model::ModelSpec& spec, std::size_t layer) {
  return *spec.layers.at(layer).attention;
}

std::vector<std::uint32_t> windows(const model::ModelSpec& spec) {
  std::vector<std::uint32_t> out;
  for (const model::LayerPlan& layer : spec.layers) out.push_back(layer.attention->window);
  return out;
}

TEST(Architectures, EveryOneIsSampledHereOrHasTestsOfItsOwn) {
  std::set<std::string_view> sampled{"deepseek2"};
  const std::vector<Sample> all = samples();
  for (const Sample& s : all) sampled.insert(s.architecture);
  for (const model::Architecture* a : model::all_architectures()) {
    EXPECT_EQ(sampled.count(a->name), 1U) << a->name;
  }
}

TEST(Architectures, AWholeFileIsValid) {
  for (const Sample& s : samples()) {
    base::Findings findings;
    const model::ModelSpec spec = described(whole(s), &findings);
    EXPECT_TRUE(findings.empty()) << s.architecture << ": " << findings.front().text;
    EXPECT_EQ(spec.layers.size(), spec.n_layer) << s.architecture;
  }
}

TEST(Architectures, EveryRequiredKeyIsMissed) {
  for (const Sample& s : samples()) {
    const Draft draft = whole(s);
    Keys required = s.required;
    for (const char* key :
         {"block_count", "context_length", "embedding_length", "attention.head_count"}) {
      required.emplace_back(key, 0U);
    }
    for (const auto& [key, value] : required) {
      Draft without = draft;
      ASSERT_TRUE(without.metadata.erase(s.architecture + "." + key));
      EXPECT_NE(refusal(without).find(s.architecture + "." + key), std::string::npos)
          << refusal(without);
    }
  }
}

/// The last row of every role that the file has.
std::vector<model::TensorRow> row_of_each_role(const Draft& draft) {
  std::map<Role, model::TensorRow> rows;
  for (const model::TensorRow& row : described(draft).tensors) {
    if (draft.tensors.count(row.name) != 0 && row.role != Role::token_embd) rows[row.role] = row;
  }
  std::vector<model::TensorRow> out;
  for (auto& [role, row] : rows) out.push_back(std::move(row));
  return out;
}

TEST(Architectures, EveryTensorIsMissedUnlessItIsOptional) {
  for (Sample s : samples()) {
    std::erase_if(s.optional,
                  [](const auto& pair) { return pair.first == "nextn_predict_layers"; });
    const Draft draft = whole(s);
    std::size_t n_refused = 0;
    for (const model::TensorRow& row : row_of_each_role(draft)) {
      // These decide by their presence whether they are wanted.
      const bool may_lack = row.optional || row.derivation != model::Derivation::none ||
                            row.role == Role::attn_q_norm || row.role == Role::exp_probs_b;
      if (may_lack) continue;
      Draft without = draft;
      without.tensors.erase(row.name);
      const std::string said = refusal(without);
      EXPECT_NE(said.find(row.name), std::string::npos) << s.architecture << ": " << said;
      ++n_refused;
    }
    EXPECT_GE(n_refused, 7U) << s.architecture;
  }
}

TEST(Architectures, EveryTensorOfAnotherShapeIsRefused) {
  for (const Sample& s : samples()) {
    const Draft draft = whole(s);
    for (const model::TensorRow& row : row_of_each_role(draft)) {
      Draft wrong = draft;
      tensor::Shape shape = row.shape;
      ++shape.ne[0];
      add_zeros(wrong, row.name, shape);
      const std::string said = refusal(wrong);
      EXPECT_NE(said.find(row.name), std::string::npos) << s.architecture << ": " << said;
      EXPECT_NE(said.find(shape.to_string()), std::string::npos) << said;
    }
  }
}

TEST(Architectures, AbsurdNumbersAreRefusedWithTheirBounds) {
  struct Bad {
    const char* architecture;
    const char* key;
    gguf::Value value;
    const char* says;
  };
  const Bad cases[] = {
      {"qwen2", "attention.head_count_kv", 3U, "a divisor of the 4 heads"},
      {"qwen3", "rope.dimension_count", 17U, "found: 17"},
      {"qwen3", "rope.dimension_count", 7U, "an even number"},
      {"qwen3moe", "expert_count", 0U, "1 to 512"},
      {"qwen3moe", "expert_used_count", 5U, "1 to 4"},
      {"qwen2moe", "expert_shared_feed_forward_length", 0U, "found: 0"},
      {"gemma2", "attn_logit_softcapping", std::nanf(""), "found: nan"},
      {"gemma3", "attention.sliding_window_pattern", 0U, "found: 0"},
      {"gemma3", "rope.freq_base_swa", 0.0F, "rope.freq_base_swa"},
      {"command-r", "logit_scale", 0.0F, "logit_scale"},
      {"glm4moe", "nextn_predict_layers", 6U, "found: 6"},
      {"glm4moe", "leading_dense_block_count", 7U, "0 to 6"},
      {"mistral3", "attention.temperature_scale", -1.0F, "temperature_scale"},
      {"smollm3", "feed_forward_length", 0U, "found: 0"},
  };
  for (const Bad& bad : cases) {
    Draft draft = whole(bad.architecture);
    draft.metadata.set(std::string(bad.architecture) + "." + bad.key, bad.value);
    const std::string said = refusal(draft);
    EXPECT_NE(said.find(bad.says), std::string::npos) << bad.architecture << ": " << said;
    EXPECT_NE(said.find(bad.key), std::string::npos) << said;
  }
}

TEST(Architectures, SlidingHeadsOfAnotherSizeAreUnsupported) {
  Draft draft = whole("gemma3");
  draft.metadata.set("gemma3.attention.key_length_swa", 16U);
  EXPECT_EQ(refusal(draft), "not refused");
  draft.metadata.set("gemma3.attention.key_length_swa", 8U);
  EXPECT_NE(refusal(draft, base::Fault::unsupported).find("key_length_swa"), std::string::npos);
}

TEST(Architectures, WhichLayersSlide) {
  using Windows = std::vector<std::uint32_t>;
  EXPECT_EQ(windows(described(whole("gemma2"))), (Windows{5, 0, 5, 0, 5, 0}));
  EXPECT_EQ(windows(described(whole("gemma3"))), (Windows{5, 5, 5, 5, 5, 0}));
  EXPECT_EQ(windows(described(whole("cohere2"))), (Windows{5, 5, 5, 0, 5, 5}));
  EXPECT_EQ(windows(described(whole("gpt-oss"))), (Windows{5, 0, 5, 0, 5, 0}));
  EXPECT_EQ(windows(described(whole("phi3"))), (Windows{0, 0, 0, 0, 0, 0}));
  Draft draft = whole("gemma3");
  draft.metadata.set("gemma3.attention.sliding_window_pattern", 3U);
  EXPECT_EQ(windows(described(draft)), (Windows{5, 5, 0, 5, 5, 0}));
  const std::int32_t list[] = {0, 1, 0, 0, 1, 1};
  draft.metadata.set("gemma3.attention.sliding_window_pattern", gguf::Array::of_i32(list));
  EXPECT_EQ(windows(described(draft)), (Windows{0, 5, 0, 0, 5, 5}));
  draft = whole("phi3");
  draft.metadata.set("phi3.attention.sliding_window", 7U);
  EXPECT_EQ(windows(described(draft)), (Windows{7, 7, 7, 7, 7, 7}));
}

TEST(Architectures, RotationsOfLayers) {
  const model::ModelSpec smollm = described(whole("smollm3"));
  EXPECT_EQ(attention(smollm, 2).rope.kind, model::RopeKind::normal);
  EXPECT_EQ(attention(smollm, 3).rope.kind, model::RopeKind::none);
  const model::ModelSpec cohere = described(whole("cohere2"));
  EXPECT_EQ(attention(cohere, 3).rope.kind, model::RopeKind::none);
  EXPECT_EQ(attention(cohere, 4).rope.kind, model::RopeKind::normal);
  EXPECT_EQ(attention(described(whole("glm4")), 0).rope.n_rot, 8U);
  EXPECT_EQ(attention(described(whole("glm4")), 0).rope.kind, model::RopeKind::normal);
  EXPECT_EQ(attention(described(whole("glm4moe")), 0).rope.kind, model::RopeKind::neox);
  EXPECT_FALSE(attention(described(whole("gpt-oss")), 0).rope.round_corners);
  Draft gemma = whole("gemma3");
  gemma.metadata.set("gemma3.rope.freq_base", 1e6F);
  gemma.metadata.set("gemma3.rope.scaling.type", std::string("linear"));
  gemma.metadata.set("gemma3.rope.scaling.factor", 8.0F);
  const model::ModelSpec spec = described(gemma);
  EXPECT_EQ(attention(spec, 0).rope.base, 1e4F);
  EXPECT_EQ(attention(spec, 0).rope.freq_scale, 1.0F);
  EXPECT_EQ(attention(spec, 5).rope.base, 1e6F);
  EXPECT_EQ(attention(spec, 5).rope.freq_scale, 0.125F);
}

TEST(Architectures, LongAndShortFactors) {
  const model::AttentionPlan phi = attention(described(whole("phi3")), 0);
  EXPECT_EQ(phi.rope.divisors, Role::rope_factors_short);
  EXPECT_EQ(phi.rope.long_divisors, Role::rope_factors_long);
  Draft llama = whole("llama");
  add_zeros(llama, "rope_freqs.weight", {{{8, 1, 1, 1}}});
  EXPECT_EQ(attention(described(llama), 0).rope.divisors, Role::rope_freqs);
}

TEST(Architectures, ScalesOfGemma) {
  Draft draft = whole("gemma2");
  const model::ModelSpec spec = described(draft);
  EXPECT_FLOAT_EQ(spec.embedding_scale, std::sqrt(32.0F));
  EXPECT_FLOAT_EQ(attention(spec, 0).scale, 0.25F);
  EXPECT_EQ(attention(spec, 0).soft_cap, 50.0F);
  EXPECT_EQ(spec.final_soft_cap, 30.0F);
  draft.metadata.set("gemma2.attention.scale", 0.1F);
  EXPECT_EQ(attention(described(draft), 0).scale, 0.1F);
  EXPECT_EQ(described(whole("gemma3")).final_soft_cap, 0.0F);
}

TEST(Architectures, TheLargestGemmaScalesByItsWidth) {
  for (const auto& [name, layers] : {std::pair{"gemma2", 46U}, std::pair{"gemma3", 62U}}) {
    Sample large;
    for (const Sample& s : samples()) {
      if (s.architecture == name) large = s;
    }
    large.optional.emplace_back("block_count", layers);
    EXPECT_FLOAT_EQ(attention(described(whole(large)), 0).scale, 1.0F / std::sqrt(32.0F / 4));
  }
}

TEST(Architectures, YarnOfMistral3KeepsItsMagnitude) {
  Draft draft = whole("mistral3");
  draft.metadata.set("mistral3.rope.scaling.type", std::string("yarn"));
  draft.metadata.set("mistral3.rope.scaling.factor", 8.0F);
  EXPECT_EQ(attention(described(draft), 0).rope.attn_factor, 1.0F);
  EXPECT_EQ(attention(described(draft), 0).temperature_scale, 0.1F);
  draft.metadata.set("mistral3.rope.scaling.yarn_log_multiplier", 1.0F);
  EXPECT_FLOAT_EQ(attention(described(draft), 0).rope.attn_factor,
                  1.0F / (1.0F + 0.1F * std::log(8.0F)));
}

TEST(Architectures, ResidualFormsAndNorms) {
  using model::Residual;
  EXPECT_EQ(described(whole("gemma3")).layers[0].residual, Residual::sandwich);
  EXPECT_EQ(described(whole("glm4")).layers[0].residual, Residual::sandwich);
  const model::ModelSpec cohere = described(whole("command-r"));
  EXPECT_EQ(cohere.layers[0].residual, Residual::parallel);
  EXPECT_EQ(cohere.norm, model::NormKind::layer);
  EXPECT_EQ(cohere.logit_scale, 0.25F);
  EXPECT_TRUE(attention(cohere, 4).qk_norm_layer);
  EXPECT_FALSE(attention(cohere, 1).qk_norm_layer);
  EXPECT_EQ(cohere.find(Role::attn_k_norm, 4)->shape.to_string(), "{16, 2}");
  EXPECT_EQ(cohere.find(Role::ffn_norm, 0), nullptr);
  for (const char* name : {"gpt-oss", "glm4moe"}) {
    const model::ModelSpec spec = described(whole(name));
    EXPECT_EQ(spec.layers[1].ffn_norm, Role::post_attention_norm) << name;
    EXPECT_EQ(spec.find(Role::ffn_norm, 1), nullptr) << name;
  }
}

TEST(Architectures, ExpertsOfEachKind) {
  const model::MoePlan oss = *described(whole("gpt-oss")).layers[0].moe;
  EXPECT_EQ(oss.gating, model::Gating::softmax_of_selected);
  EXPECT_EQ(oss.activation, model::Activation::gpt_oss_swiglu);
  EXPECT_TRUE(oss.biases);
  Draft draft = whole("qwen3moe");
  EXPECT_TRUE(described(draft).layers[0].moe->normalise);
  draft.metadata.set("qwen3moe.expert_weights_norm", false);
  EXPECT_FALSE(described(draft).layers[0].moe->normalise);
  const model::MoePlan qwen2 = *described(whole("qwen2moe")).layers[0].moe;
  EXPECT_FALSE(qwen2.normalise);
  EXPECT_TRUE(qwen2.shared_gate);
  EXPECT_EQ(qwen2.shared_width, 48U);
}

TEST(Architectures, AMissingExpertWidthIsTheWidthOverTheExpertsUsed) {
  for (Sample s : samples()) {
    if (s.architecture != "qwen2moe" && s.architecture != "qwen3moe") continue;
    s.optional.clear();
    EXPECT_EQ(described(whole(s)).layers[0].moe->width, 24U) << s.architecture;
  }
}

TEST(Architectures, RulesOfThePublicPrograms) {
  Draft draft = whole("glm4moe");
  draft.metadata.set("glm4moe.expert_group_count", 2U);
  draft.metadata.set("glm4moe.expert_group_used_count", 1U);
  const auto n_group = [&](model::Rules rules) {
    model::ModelSpec spec = described(draft);
    model::follow(spec, rules);
    return spec.layers[1].moe->n_group;
  };
  EXPECT_EQ(n_group(model::Rules::original), 2U);
  EXPECT_EQ(n_group(model::Rules::llama_cpp), 2U);
  EXPECT_EQ(n_group(model::Rules::ik), 1U);
  model::ModelSpec oss = described(whole("gpt-oss"));
  model::follow(oss, model::Rules::llama_cpp);
  EXPECT_TRUE(attention(oss, 0).rope.round_corners);
}

TEST(Architectures, Glm4MoeLeavesItsLastLayerAside) {
  const model::ModelSpec spec = described(whole("glm4moe"));
  EXPECT_EQ(spec.n_layer, 5U);
  EXPECT_TRUE(spec.layers[0].dense && spec.layers[1].moe);
  EXPECT_TRUE(attention(spec, 1).qk_norm_rms);
  EXPECT_FALSE(attention(spec, 2).qk_norm_rms);
  EXPECT_EQ(spec.layers[1].moe->gating, model::Gating::sigmoid);
  EXPECT_FALSE(spec.layers[1].moe->selection_bias);
  EXPECT_TRUE(spec.layers[3].moe->selection_bias);
  EXPECT_FALSE(spec.find(Role::attn_q, 5)->used);
  EXPECT_NE(spec.find(Role::nextn_eh_proj, 5), nullptr);
}

TEST(Architectures, Phi3HasMergedOrSeparateQueriesKeysAndValues) {
  const model::ModelSpec merged = described(whole("phi3"));
  EXPECT_TRUE(attention(merged, 0).merged_qkv);
  EXPECT_EQ(merged.find(Role::attn_qkv, 0)->shape.to_string(), "{32, 128}");
  EXPECT_EQ(merged.find(Role::ffn_up, 0)->shape.to_string(), "{32, 96}");
  EXPECT_EQ(merged.find(Role::ffn_gate, 0), nullptr);
  Sample separate{"phi3", {{"attention.layer_norm_rms_epsilon", kEps}}};
  for (int l = 0; l < 6; ++l) separate.present.push_back(model::tensor_name(Role::attn_q, l));
  EXPECT_FALSE(attention(described(whole(separate)), 3).merged_qkv);
}

TEST(Architectures, OldPhi3FilesOfShortContextHaveAWindow) {
  Sample old{"phi3", {{"attention.layer_norm_rms_epsilon", kEps}}};
  old.optional = {{"block_count", 32U}, {"context_length", 4096U}};
  EXPECT_EQ(attention(described(whole(old)), 31).window, 2047U);
}

}  // namespace
