#include "model/hugging_face.h"

#include <cmath>
#include <functional>
#include <set>

#include "support/support.h"

namespace model {
namespace {

using Json = nlohmann::json;

std::string refusal(base::Fault fault, const std::function<void()>& act) {
  try {
    act();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), fault) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "not refused";
  return "";
}

/// config.json of a golden model with some keys changed.
HfConfig config_of(const std::string& name, const Json& changes = Json::object()) {
  Json config = Json::parse(
      test::read_text(test::source_path("tests/golden/models/" + name + "/config.json")));
  config.update(changes);
  return HfConfig(config);
}

struct Made {
  gguf::Metadata metadata;
  base::Findings findings;
};
Made keys_of(const HfConfig& config, MlaForm mla = MlaForm::kv_b) {
  const Architecture* a = find_architecture_of_class(config.strings("architectures").at(0));
  if (a == nullptr) throw std::runtime_error("unknown class");
  Made made;
  HfKeys keys(std::string(a->name), mla, made.metadata, made.findings);
  a->hugging_face->metadata(config, keys);
  return made;
}

TEST(HfConfig, NullIsAbsentAndTypesAreChecked) {
  const HfConfig config(Json::parse(
      R"({"a": null, "n": 7, "neg": -1, "x": 1.5, "big": 4294967296, "s": "t", "b": true})"));
  EXPECT_FALSE(config.has("a"));
  EXPECT_EQ(config.count("n"), 7U);
  EXPECT_EQ(config.number("n"), 7.0);
  for (const char* key : {"neg", "x", "big", "s", "b"}) {
    const std::string text = refusal(base::Fault::bad_file, [&] { config.count(key); });
    EXPECT_NE(text.find(key), std::string::npos) << text;
    EXPECT_NE(text.find("an integer from 0"), std::string::npos) << text;
  }
  EXPECT_NE(refusal(base::Fault::bad_file, [&] { config.count("a"); }).find("lacks a key"),
            std::string::npos);
  EXPECT_NE(refusal(base::Fault::bad_file, [&] { config.maybe_flag("s"); }).find("\"t\""),
            std::string::npos);
  refusal(base::Fault::bad_file, [] { HfConfig(Json::array()); });
}

TEST(HfConfig, BothGenerationsOfRopeAreOneObject) {
  const HfConfig old(
      Json::parse(R"({"rope_theta": 5e5, "rope_scaling": {"type": "yarn", "factor": 4}})"));
  EXPECT_EQ(old.rope().string_or("rope_type", ""), "yarn");
  EXPECT_EQ(old.rope().number("rope_theta"), 5e5);
  const HfConfig now(Json::parse(R"({"rope_parameters": {"rope_type": "linear", "rope_theta": 1e6,
      "factor": 8, "partial_rotary_factor": 0.5}})"));
  EXPECT_EQ(now.rope().string_or("rope_type", ""), "linear");
  EXPECT_EQ(now.rope().number("partial_rotary_factor"), 0.5);
  const HfConfig layered(Json::parse(R"({"rope_parameters": {
      "full_attention": {"rope_type": "linear", "factor": 8, "rope_theta": 1e6},
      "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}})"));
  EXPECT_EQ(layered.rope("full_attention").number("rope_theta"), 1e6);
  EXPECT_EQ(layered.rope("sliding_attention").number("rope_theta"), 1e4);
  EXPECT_EQ(HfConfig(Json::object()).rope().string_or("rope_type", ""), "default");
}

TEST(HfNames, PatternsGiveLayerAndExpert) {
  constexpr std::string_view kPattern = "model.layers.{L}.mlp.experts.{E}.up_proj.weight";
  const auto place = hf_match(kPattern, "model.layers.12.mlp.experts.255.up_proj.weight");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->layer, 12);
  EXPECT_EQ(place->expert, 255);
  EXPECT_EQ(hf_name(kPattern, *place), "model.layers.12.mlp.experts.255.up_proj.weight");
  for (const char* name :
       {"model.layers.12.mlp.experts.255.up_proj.weight.x", "model.layers.12.mlp.experts..up_proj",
        "model.layers.-1.mlp.experts.0.up_proj.weight",
        "model.layers.01.mlp.experts.0.up_proj.weight",
        "model.layers.1.mlp.experts.99999999999.up_proj.weight", "model.layers.", ""}) {
    EXPECT_FALSE(hf_match(kPattern, name)) << name;
  }
}

TEST(HfNames, EveryClassBelongsToOneArchitectureAndHasRows) {
  std::set<std::string_view> seen;
  for (const Architecture* a : all_architectures()) {
    if (a->hugging_face == nullptr) continue;
    EXPECT_FALSE(a->hugging_face->classes.empty()) << a->name;
    for (const std::string_view c : a->hugging_face->classes) {
      EXPECT_TRUE(seen.insert(c).second) << c;
      EXPECT_EQ(find_architecture_of_class(c), a);
    }
    bool any = false;
    for (const auto group : a->hugging_face->tensors) any = any || !group.empty();
    EXPECT_TRUE(any) << a->name;
  }
  EXPECT_EQ(find_architecture_of_class("NoSuchForCausalLM"), nullptr);
}

TEST(HfMetadata, LlamaInTheOrderOfThePublicConverter) {
  const Made made = keys_of(config_of("llama"));
  std::vector<std::string> keys;
  for (const auto& [key, value] : made.metadata.pairs()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{
                      "llama.block_count", "llama.context_length", "llama.embedding_length",
                      "llama.feed_forward_length", "llama.attention.head_count",
                      "llama.attention.head_count_kv", "llama.rope.freq_base",
                      "llama.attention.layer_norm_rms_epsilon", "llama.attention.key_length",
                      "llama.attention.value_length", "general.file_type", "llama.vocab_size",
                      "llama.rope.dimension_count"}));
  EXPECT_TRUE(made.findings.empty());
}

TEST(HfMetadata, AWindowShorterThanTheContextIsAFinding) {
  EXPECT_EQ(keys_of(config_of("mistral")).findings.size(), 1U);
}

TEST(HfMetadata, WhatGgufCannotSayIsRefused) {
  const auto refused = [](const char* model, const Json& changes, const char* named) {
    const std::string text =
        refusal(base::Fault::unsupported, [&] { keys_of(config_of(model, changes)); });
    EXPECT_NE(text.find(named), std::string::npos) << text;
  };
  refused("llama", {{"hidden_act", "gelu"}}, "hidden_act");
  refused("llama", {{"mlp_bias", true}}, "mlp_bias");
  refused("llama", {{"rope_scaling", {{"type", "new"}, {"factor", 2}}}}, "key: rope_scaling.type,");
  refused("qwen2", {{"use_sliding_window", true}}, "use_sliding_window");
  refused("qwen3", {{"attention_bias", true}}, "attention_bias");
  refused("qwen3moe", {{"decoder_sparse_step", 2}}, "decoder_sparse_step");
  refused("qwen2moe", {{"mlp_only_layers", Json::array({0})}}, "mlp_only_layers");
  refused("gemma2", {{"sliding_window_pattern", 3}}, "sliding_window_pattern");
  refused("gemma3", {{"attn_logit_softcapping", 20.0}}, "attn_logit_softcapping");
  refused("cohere2", {{"sliding_window_pattern", 2}}, "sliding_window_pattern");
  refused("gpt-oss", {{"swiglu_limit", 9.0}}, "swiglu_limit");
  refused("gpt-oss", {{"layer_types", {"full_attention", "sliding_attention"}}}, "layer_types");
  refused("smollm3", {{"no_rope_layers", {1, 1, 0, 1, 1}}}, "no_rope_layers");
  refused("phi3", {{"hidden_act", "gelu"}}, "hidden_act");
  Json ministral = config_of("ministral3").json().at("rope_parameters");
  ministral["mscale"] = 0.5;
  refused("ministral3", {{"rope_parameters", ministral}}, "mscale");
  refused("deepseek_v3", {{"moe_layer_freq", 2}}, "moe_layer_freq");
  refused("deepseek_v3", {{"scoring_func", "tanh"}}, "scoring_func");
  Json scaling = config_of("deepseek_v3").json().at("rope_scaling");
  scaling["mscale"] = 0.5;
  refused("deepseek_v3", {{"rope_scaling", scaling}}, "mscale");
  refused("deepseek_v3", {{"rope_interleave", false}}, "rope_interleave");
}

TEST(HfMetadata, ScalingsThatAnArchitectureDoesNotReadAreRefused) {
  const Json llama3{{"rope_type", "llama3"},  {"factor", 8.0},
                    {"low_freq_factor", 1.0}, {"high_freq_factor", 4.0},
                    {"rope_theta", 1e4},      {"original_max_position_embeddings", 64}};
  const Json sharp{{"rope_type", "yarn"}, {"factor", 4.0}, {"truncate", false}};
  const auto as_scaling = [](Json scaling) {
    return Json{{"rope_scaling", scaling}, {"rope_parameters", nullptr}};
  };
  for (const char* name : {"gemma2", "gemma3", "glm4", "glm4moe", "cohere", "cohere2", "gpt-oss",
                           "deepseek_v3", "phi3"}) {
    const std::string text =
        refusal(base::Fault::unsupported, [&] { keys_of(config_of(name, as_scaling(llama3))); });
    EXPECT_NE(text.find("found: \"llama3\""), std::string::npos) << name << text;
  }
  for (const char* name :
       {"llama", "ministral3", "qwen2", "qwen2moe", "qwen3", "qwen3moe", "smollm3"}) {
    const HfConfig config = config_of(name, as_scaling(llama3));
    EXPECT_EQ(keys_of(config).findings.size(), 0U) << name;
    const auto made = find_architecture_of_class(config.strings("architectures").at(0))
                          ->hugging_face->made(config);
    ASSERT_EQ(made.size(), 1U) << name;
    EXPECT_EQ(made[0].role, Role::rope_freqs);
    EXPECT_EQ(made[0].values.size() * 2, hf_head_dim(config)) << name;
    const std::string text =
        refusal(base::Fault::unsupported, [&] { keys_of(config_of(name, as_scaling(sharp))); });
    EXPECT_NE(text.find("truncate"), std::string::npos) << text;
  }
  EXPECT_NO_THROW(keys_of(config_of("gpt-oss", as_scaling(sharp))));
}

TEST(HfMetadata, AHeadThatIsRotatedInPartHasNoNeighbours) {
  for (const char* name : {"llama", "ministral3", "smollm3"}) {
    Json rope = config_of(name).rope().json();
    rope["partial_rotary_factor"] = 0.5;
    const std::string text = refusal(base::Fault::unsupported, [&] {
      keys_of(config_of(name, {{"rope_parameters", rope}, {"rope_scaling", nullptr}}));
    });
    EXPECT_NE(text.find("partial_rotary_factor"), std::string::npos) << text;
  }
}

TEST(HfMetadata, EveryGoldenFolderGivesKeysWithoutFindings) {
  for (const char* name : {"ministral3", "qwen2", "qwen2moe", "qwen3", "qwen3-yarn-f32", "qwen3moe",
                           "gemma2", "gemma3", "phi3", "phi3-longrope", "cohere", "cohere-qknorm",
                           "cohere2", "gpt-oss", "gpt-oss-mxfp4", "glm4", "glm4moe", "smollm3"}) {
    EXPECT_TRUE(keys_of(config_of(name)).findings.empty()) << name;
  }
}

TEST(HfMetadata, SlidingLayersInWordsOrByTheirPeriod) {
  const Json types = {"sliding_attention", "sliding_attention", "full_attention",
                      "sliding_attention"};
  EXPECT_EQ(hf_sliding_period(HfConfig(Json{{"layer_types", types}}), 6), 3U);
  EXPECT_EQ(hf_sliding_period(HfConfig(Json{{"sliding_window_pattern", 4}}), 6), 4U);
  EXPECT_EQ(hf_sliding_period(HfConfig(Json::object()), 6), 6U);
  const Json one =
      Json::array({"sliding_attention"});  // fits any period: what is usual, not the smallest
  EXPECT_EQ(hf_sliding_period(HfConfig(Json{{"layer_types", one}}), 6), 6U);
  const Made made = keys_of(config_of("gemma3", {{"sliding_window_pattern", 3}}));
  EXPECT_EQ(made.metadata.integer("gemma3.attention.sliding_window_pattern"), 3);
}

TEST(HfMetadata, Gemma3InsideAVisionModelLeavesMuchOut) {
  const Made made = keys_of(HfConfig(Json::parse(R"({
      "architectures": ["Gemma3ForConditionalGeneration"], "hidden_size": 2560,
      "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
      "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024})")));
  ASSERT_EQ(made.findings.size(), 1U);
  EXPECT_EQ(made.findings[0].level, base::Finding::Level::note);
  EXPECT_EQ(made.findings[0].where, "config.json rope_theta");
  EXPECT_EQ(made.metadata.integer("gemma3.attention.head_count"), 8);
  EXPECT_EQ(made.metadata.integer("gemma3.attention.key_length"), 256);
  EXPECT_EQ(made.metadata.number("gemma3.rope.freq_base"), 1e6);
  EXPECT_EQ(made.metadata.number("gemma3.rope.freq_base_swa"), 1e4);
}

TEST(HfMetadata, RotationsOfGemma3InTheNewForm) {
  const Made made = keys_of(config_of("gemma3", Json::parse(R"({"rope_theta": null,
      "rope_local_base_freq": null, "rope_scaling": null, "rope_parameters": {
      "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 2e6},
      "sliding_attention": {"rope_type": "default", "rope_theta": 3e4}}})")));
  EXPECT_EQ(made.metadata.number("gemma3.rope.freq_base"), 2e6);
  EXPECT_EQ(made.metadata.number("gemma3.rope.freq_base_swa"), 3e4);
  EXPECT_EQ(made.metadata.number("gemma3.rope.scaling.factor"), 4.0);
}

TEST(HfMetadata, ScalesAndCapsThatProgramsWouldGuessWrongly) {
  const Made made = keys_of(
      config_of("gemma2", {{"query_pre_attn_scalar", 64}, {"attn_logit_softcapping", nullptr}}));
  EXPECT_EQ(made.metadata.number("gemma2.attention.scale"), 0.125);
  EXPECT_EQ(made.metadata.number("gemma2.attn_logit_softcapping"), 0.0);
  EXPECT_EQ(made.findings.size(), 1U);
  EXPECT_FALSE(keys_of(config_of("gemma2")).metadata.has("gemma2.attention.scale"));
}

TEST(HfMetadata, ExpertWeightsAgainstTheRuleAreToldAndWarnedOf) {
  const Made two = keys_of(config_of("qwen2moe", {{"norm_topk_prob", true}}));
  EXPECT_EQ(two.metadata.boolean("qwen2moe.expert_weights_norm"), true);
  const Made three = keys_of(config_of("qwen3moe", {{"norm_topk_prob", false}}));
  EXPECT_EQ(three.metadata.boolean("qwen3moe.expert_weights_norm"), false);
  EXPECT_EQ(two.findings.size() + three.findings.size(), 2U);
  EXPECT_FALSE(keys_of(config_of("qwen3moe")).metadata.has("qwen3moe.expert_weights_norm"));
}

TEST(HfMetadata, LongRopeOfPhi3) {
  const HfConfig config = config_of("phi3-longrope");
  const Made made = keys_of(config);
  EXPECT_EQ(made.metadata.integer("phi3.rope.scaling.original_context_length"), 32);
  EXPECT_NEAR(*made.metadata.number("phi3.rope.scaling.attn_factor"),
              std::sqrt(1 + std::log(4.0) / std::log(32.0)), 1e-6);
  EXPECT_EQ(made.metadata.integer("phi3.rope.dimension_count"), 24);
  EXPECT_EQ(made.metadata.integer("phi3.attention.sliding_window"), 0);
  const auto factors = find_architecture("phi3")->hugging_face->made(config);
  ASSERT_EQ(factors.size(), 2U);
  EXPECT_EQ(factors[0].role, Role::rope_factors_long);
  EXPECT_EQ(factors[0].values[11], 8.7F);
  EXPECT_EQ(factors[1].values.size(), 12U);
}

TEST(HfMetadata, PredictionLayersOfGlm4MoeAreBlocks) {
  const Made made = keys_of(config_of("glm4moe"));
  EXPECT_EQ(made.metadata.integer("glm4moe.block_count"), 4);
  EXPECT_EQ(made.metadata.integer("glm4moe.nextn_predict_layers"), 1);
}

TEST(HfMetadata, LatentAttentionSizesOfEveryForm) {
  const auto sizes = [](MlaForm form) {
    const gguf::Metadata m = keys_of(config_of("deepseek_v3"), form).metadata;
    const auto at = [&](const char* key) {
      return m.integer(std::string("deepseek2.attention.") + key).value_or(-1);
    };
    return std::vector<std::int64_t>{at("head_count_kv"), at("key_length"), at("value_length"),
                                     at("key_length_mla"), at("value_length_mla")};
  };
  EXPECT_EQ(sizes(MlaForm::kv_b), (std::vector<std::int64_t>{4, 48, 32, -1, -1}));
  EXPECT_EQ(sizes(MlaForm::both), (std::vector<std::int64_t>{4, 48, 32, -1, -1}));
  EXPECT_EQ(sizes(MlaForm::split), (std::vector<std::int64_t>{1, 48, 32, 48, 32}));
}

/// docs/spec/models.md 1.5: programs multiply by g(1) = 1 + 0.1 ln(factor).
TEST(HfMetadata, TheMagnitudeOfYarnIsThatOfTheOriginal) {
  const double log_factor = std::log(4.0);
  const auto g = [&](double m) { return 1 + 0.1 * m * log_factor; };
  struct Case {
    const char* model;
    Json scaling;
    double magnitude;
  };
  const Case cases[] = {
      {"llama", {{"attention_factor", 1.5}}, 1.5},
      {"qwen3", Json::object(), g(1)},
      {"qwen3", {{"mscale", 1.0}, {"mscale_all_dim", 1.0}}, 1},
      {"qwen3", {{"mscale", 1.0}, {"mscale_all_dim", 0.5}}, g(1) / g(0.5)},
      {"qwen3", {{"mscale", 0.7}}, g(1)},
      {"qwen3", {{"mscale", 1.0}, {"mscale_all_dim", 0.0}}, g(1)},
      {"qwen3", {{"mscale", 1.0}, {"mscale_all_dim", 1.0}, {"attention_factor", 1.5}}, 1.5},
      {"ministral3", {{"mscale", 1.0}, {"mscale_all_dim", 1.0}}, 1},
      {"ministral3", {{"mscale", 1.0}, {"mscale_all_dim", 0.5}}, g(1) / g(0.5)},
      {"ministral3", {{"mscale_all_dim", 1.0}}, g(1)},
      {"ministral3", {{"mscale", 1.0}, {"mscale_all_dim", 1.0}, {"attention_factor", 1.5}}, 1.5},
  };
  for (const Case& c : cases) {
    Json scaling = c.scaling;
    scaling.update({{"rope_type", "yarn"}, {"factor", 4.0}, {"rope_theta", 1e4}});
    const HfConfig config =
        config_of(c.model, {{"rope_scaling", nullptr}, {"rope_parameters", scaling}});
    const Made made = keys_of(config);
    const std::string name(find_architecture_of_class(config.strings("architectures")[0])->name);
    const auto key = [&](const char* k, double fallback) {
      return made.metadata.number(name + ".rope.scaling." + k).value_or(fallback);
    };
    const double all_dim = name == "mistral3" ? key("yarn_log_multiplier", 0) : 0;
    EXPECT_NEAR(key("attn_factor", 1) * g(1) / g(all_dim), c.magnitude, 1e-6)
        << c.model << c.scaling;
  }
}

TEST(HfMetadata, LatentAttentionHasMagnitudeOneOnly) {
  for (const auto& [change, named] : std::initializer_list<std::pair<Json, const char*>>{
           {{{"mscale", nullptr}}, "mscale"},
           {{{"mscale_all_dim", nullptr}}, "mscale_all_dim"},
           {{{"mscale", 0}, {"mscale_all_dim", 0}}, "mscale_all_dim"},
           {{{"attention_factor", 1.2}}, "attention_factor"}}) {
    Json scaling = config_of("deepseek_v3").json().at("rope_scaling");
    scaling.update(change);
    try {
      keys_of(config_of("deepseek_v3", {{"rope_scaling", scaling}}));
      ADD_FAILURE() << change;
    } catch (const base::Error& e) {
      EXPECT_NE(std::string(e.what()).find(named), std::string::npos) << e.what();
    }
  }
}

TEST(HfMetadata, Llama3DivisorsHaveThreeZones) {
  const auto made = hf_llama3_divisors(config_of("llama-rope3-tied"));
  ASSERT_EQ(made.size(), 1U);
  const std::vector<float>& d = made[0].values;
  ASSERT_EQ(d.size(), 16U);
  EXPECT_EQ(d.front(), 1.0F);
  EXPECT_EQ(d.back(), 8.0F);
  EXPECT_TRUE(std::any_of(d.begin(), d.end(), [](float v) { return v > 1 && v < 8; }));
  EXPECT_TRUE(std::is_sorted(d.begin(), d.end()));
  EXPECT_TRUE(hf_llama3_divisors(config_of("llama")).empty());
  for (const std::uint64_t size : {0ULL, 1ULL, 4294967295ULL}) {
    refusal(base::Fault::bad_file, [&] {
      hf_llama3_divisors(config_of("llama-rope3-tied", {{"head_dim", size}}));
    });
  }
}

}  // namespace
}  // namespace model
