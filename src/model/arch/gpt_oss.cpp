// gpt-oss: sinks, biases everywhere, clamped SwiGLU in the experts, every other layer slides.
// Source: docs/spec/models.md 2.14.
#include <cmath>

#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

constexpr std::uint32_t kPeriod = 2;  // every second layer sees everything

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "gpt-oss");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  AttentionPlan attention = read_attention(keys, spec, RopeKind::neox);
  attention.scale = 1.0F / std::sqrt(static_cast<float>(attention.rope.n_rot));
  attention.has_sinks = true;
  attention.rope.round_corners = false;
  const std::uint32_t window = keys.count("attention.sliding_window", kWindowBounds);
  const std::vector<bool> slides = read_sliding_layers(keys, spec.n_layer, kPeriod);
  MoePlan experts = read_required_experts(keys);
  experts.width = keys.count("expert_feed_forward_length", kWidthBounds);
  experts.gating = Gating::softmax_of_selected;
  experts.biases = true;
  experts.activation = Activation::gpt_oss_swiglu;
  Rows rows(spec, files);
  rows.ends(false);
  const auto plan_of = [&](std::uint32_t l) {
    LayerPlan plan{.attention = attention, .moe = experts, .ffn_norm = Role::post_attention_norm};
    if (slides[l]) plan.attention->window = window;
    return plan;
  };
  rows.layers(spec.n_layer, plan_of, {.qkv = Presence::required, .output = Presence::required});
  return spec;
}

constexpr std::string_view kClasses[] = {"GptOssForCausalLM"};
constexpr std::string_view kTypes[] = {"gpt_oss"};
constexpr HfTensor kOwn[] = {
    {Role::post_attention_norm, "model.layers.{L}.post_attention_layernorm.weight"},
    {Role::attn_sinks, "model.layers.{L}.self_attn.sinks"},
    {Role::ffn_gate_inp, "model.layers.{L}.mlp.router.weight"},
    {Role::ffn_gate_inp_bias, "model.layers.{L}.mlp.router.bias"},
    {Role::ffn_gate_exps, "model.layers.{L}.mlp.experts.gate_up_proj", HfChange::transposed_even},
    {Role::ffn_up_exps, "model.layers.{L}.mlp.experts.gate_up_proj", HfChange::transposed_odd},
    {Role::ffn_down_exps, "model.layers.{L}.mlp.experts.down_proj", HfChange::transposed},
    {Role::ffn_gate_exps, "model.layers.{L}.mlp.experts.gate_up_proj_blocks", HfChange::even_rows},
    {Role::ffn_up_exps, "model.layers.{L}.mlp.experts.gate_up_proj_blocks", HfChange::odd_rows},
    {Role::ffn_down_exps, "model.layers.{L}.mlp.experts.down_proj_blocks"},
    {Role::ffn_gate_exps_bias, "model.layers.{L}.mlp.experts.gate_up_proj_bias",
     HfChange::even_columns},
    {Role::ffn_up_exps_bias, "model.layers.{L}.mlp.experts.gate_up_proj_bias",
     HfChange::odd_columns},
    {Role::ffn_down_exps_bias, "model.layers.{L}.mlp.experts.down_proj_bias"},
};

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  config.require_number("swiglu_limit", 7);
  config.require_number("swiglu_alpha", 1.702);
  config.require_flag("attention_bias", true);
  hf_require_sliding_period(config, kPeriod);
  hf_common_keys(config, keys, {.rope_theta = 1.5e5});
  hf_vocab_and_rotation_keys(config, keys);
  const HfConfig rope = config.rope();
  if (hf_rope_scaling_keys(config, keys, {.sharp_corners = true}) == "yarn" &&
      rope.flag_or("truncate", true)) {
    keys.warn("rope_scaling.truncate", "corners of YaRN are not rounded for this architecture");
  }
  keys.count("expert_feed_forward_length", config.count("intermediate_size"));
  keys.count("attention.sliding_window", config.count("sliding_window"));
}

const HuggingFaceForm kHuggingFace{.classes = kClasses,
                                   .model_types = kTypes,
                                   .metadata = hf_metadata,
                                   .tensors = {kOwn, kHfEnds, kHfAttention}};

}  // namespace

const Architecture gpt_oss{
    .name = "gpt-oss", .models = "gpt-oss", .build = build, .hugging_face = &kHuggingFace};

}  // namespace model
