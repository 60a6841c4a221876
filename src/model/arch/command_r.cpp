// command-r: Command R and R+: LayerNorm without bias, attention and feed-forward side by side.
// Source: docs/spec/models.md 2.12.
#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "command-r");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm = NormKind::layer;
  spec.norm_eps = keys.number("attention.layer_norm_epsilon", {0.0, 1.0});
  spec.logit_scale = keys.number("logit_scale", kLogitScaleBounds);
  const AttentionPlan attention = read_attention(keys, spec, RopeKind::normal);
  const std::vector<std::uint32_t> widths = read_ffn_widths(keys, spec.n_layer);
  Rows rows(spec, files);
  rows.ends(true);
  rows.layers(spec.n_layer, [&](std::uint32_t l) {
    LayerPlan plan{.attention = attention,
                   .dense = DenseFfnPlan{.width = widths[l]},
                   .residual = Residual::parallel};
    plan.attention->qk_norm_layer = rows.present(Role::attn_q_norm, static_cast<int>(l));
    return plan;
  });
  return spec;
}

constexpr std::string_view kClasses[] = {"CohereForCausalLM"};
constexpr std::string_view kTypes[] = {"cohere"};
constexpr HfTensor kOwn[] = {
    {Role::attn_q_norm, "model.layers.{L}.self_attn.q_norm.weight"},
    {Role::attn_k_norm, "model.layers.{L}.self_attn.k_norm.weight"},
};

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  config.require_flag("attention_bias", false);
  hf_common_keys(config, keys, {.rope_theta = 5e5, .layer_norm = true});
  hf_vocab_and_rotation_keys(config, keys);
  hf_rope_scaling_keys(config, keys);
  keys.number("logit_scale", config.number_or("logit_scale", 0.0625));
}

const HuggingFaceForm kHuggingFace{.classes = kClasses,
                                   .model_types = kTypes,
                                   .metadata = hf_metadata,
                                   .tensors = {kOwn, kHfEnds, kHfAttention, kHfDenseFfn},
                                   .tied_by_default = true};

}  // namespace

const Architecture command_r{.name = "command-r",
                             .models = "Command R, Command R+",
                             .build = build,
                             .hugging_face = &kHuggingFace};

}  // namespace model
