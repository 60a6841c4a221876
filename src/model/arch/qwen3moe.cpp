// qwen3moe: Qwen 3 with experts in every layer. Source: docs/spec/models.md 2.5.
#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "qwen3moe");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  AttentionPlan attention = read_attention(keys, spec, RopeKind::neox);
  attention.qk_norm_rms = true;
  MoePlan experts = read_required_experts(keys);
  experts.width = read_expert_width(keys, experts, spec.n_layer);
  experts.normalise = keys.flag_or("expert_weights_norm", true);
  Rows rows(spec, files);
  rows.ends(true);
  rows.rope_divisors(attention.rope);
  rows.layers(spec.n_layer,
              [&](std::uint32_t) { return LayerPlan{.attention = attention, .moe = experts}; });
  return spec;
}

constexpr std::string_view kClasses[] = {"Qwen3MoeForCausalLM"};
constexpr std::string_view kTypes[] = {"qwen3_moe"};
constexpr HfTensor kOwn[] = {
    {Role::attn_q_norm, "model.layers.{L}.self_attn.q_norm.weight"},
    {Role::attn_k_norm, "model.layers.{L}.self_attn.k_norm.weight"},
};

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  config.require_flag("use_sliding_window", false);
  config.require_flag("attention_bias", false);
  config.require_number("decoder_sparse_step", 1);
  config.require_empty("mlp_only_layers");
  hf_common_keys(config, keys);
  hf_vocab_and_rotation_keys(config, keys);
  hf_rope_scaling_keys(config, keys, {.divisors = true});
  keys.count("expert_feed_forward_length", config.count("moe_intermediate_size"));
  if (config.flag_or("norm_topk_prob", false)) return;
  keys.flag("expert_weights_norm", false);
  keys.warn("norm_topk_prob", "the public programs normalise the weights of experts all the same");
}

const HuggingFaceForm kHuggingFace{
    .classes = kClasses,
    .model_types = kTypes,
    .metadata = hf_metadata,
    .tensors = {kOwn, kHfEnds, kHfAttention, kHfExperts, kHfDenseFfn},
    .made = hf_llama3_divisors};

}  // namespace

const Architecture qwen3moe{.name = "qwen3moe",
                            .models = "Qwen 3 with experts",
                            .build = build,
                            .hugging_face = &kHuggingFace};

}  // namespace model
