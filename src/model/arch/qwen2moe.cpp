// qwen2moe: Qwen 1.5 and 2 with experts in every layer and a gated shared expert. Source:
// docs/spec/models.md 2.4.
#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "qwen2moe");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  AttentionPlan attention = read_attention(keys, spec, RopeKind::neox);
  MoePlan experts = read_required_experts(keys);
  experts.width = read_expert_width(keys, experts, spec.n_layer);
  experts.normalise = keys.flag_or("expert_weights_norm", false);
  const auto shared = keys.maybe_count("expert_shared_feed_forward_length", kWidthBounds);
  experts.shared_width = shared ? *shared : read_ffn_widths(keys, spec.n_layer).front();
  experts.shared_gate = true;
  Rows rows(spec, files);
  rows.ends(false);
  rows.rope_divisors(attention.rope);
  const auto plan_of = [&](std::uint32_t) {
    return LayerPlan{.attention = attention, .moe = experts};
  };
  rows.layers(spec.n_layer, plan_of, {.qkv = Presence::required});
  return spec;
}

constexpr std::string_view kClasses[] = {"Qwen2MoeForCausalLM"};
constexpr std::string_view kTypes[] = {"qwen2_moe"};
constexpr HfTensor kOwn[] = {
    {Role::ffn_gate_inp_shexp, "model.layers.{L}.mlp.shared_expert_gate.weight"},
    {Role::ffn_gate_shexp, "model.layers.{L}.mlp.shared_expert.gate_proj.weight"},
    {Role::ffn_up_shexp, "model.layers.{L}.mlp.shared_expert.up_proj.weight"},
    {Role::ffn_down_shexp, "model.layers.{L}.mlp.shared_expert.down_proj.weight"},
};

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  config.require_flag("use_sliding_window", false);
  config.require_number("decoder_sparse_step", 1);
  config.require_empty("mlp_only_layers");
  hf_common_keys(config, keys);
  hf_vocab_and_rotation_keys(config, keys);
  hf_rope_scaling_keys(config, keys, {.divisors = true});
  keys.count("expert_feed_forward_length", config.count("moe_intermediate_size"));
  keys.count("expert_shared_feed_forward_length", config.count("shared_expert_intermediate_size"));
  if (!config.flag_or("norm_topk_prob", false)) return;
  keys.flag("expert_weights_norm", true);
  keys.warn("norm_topk_prob", "the public programs do not normalise the weights of experts");
}

const HuggingFaceForm kHuggingFace{
    .classes = kClasses,
    .model_types = kTypes,
    .metadata = hf_metadata,
    .tensors = {kOwn, kHfEnds, kHfAttention, kHfExperts, kHfDenseFfn},
    .made = hf_llama3_divisors};

}  // namespace

const Architecture qwen2moe{.name = "qwen2moe",
                            .models = "Qwen 1.5 and 2 with experts",
                            .build = build,
                            .hugging_face = &kHuggingFace};

}  // namespace model
