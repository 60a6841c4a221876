// glm4: GLM-4-0414: sandwich norms, half of each head rotated, merged gate and up. Source:
// docs/spec/models.md 2.9.
#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "glm4");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  const AttentionPlan attention = read_attention(keys, spec, RopeKind::normal);
  const std::vector<std::uint32_t> widths = read_ffn_widths(keys, spec.n_layer);
  Rows rows(spec, files);
  rows.ends(true);
  const auto plan_of = [&](std::uint32_t l) {
    return LayerPlan{.attention = attention,
                     .dense = DenseFfnPlan{.width = widths[l], .merged_up = true},
                     .residual = Residual::sandwich};
  };
  rows.layers(spec.n_layer, plan_of, {.qkv = Presence::optional});
  return spec;
}

constexpr std::string_view kClasses[] = {"Glm4ForCausalLM"};
constexpr std::string_view kTypes[] = {"glm4"};
constexpr HfTensor kOwn[] = {
    {Role::post_attention_norm, "model.layers.{L}.post_self_attn_layernorm.weight"},
    {Role::post_ffw_norm, "model.layers.{L}.post_mlp_layernorm.weight"},
    {Role::ffn_up, "model.layers.{L}.mlp.gate_up_proj.weight"},
};

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  hf_common_keys(config, keys);
  hf_vocab_and_rotation_keys(config, keys, 0.5);
  hf_rope_scaling_keys(config, keys);
}

const HuggingFaceForm kHuggingFace{.classes = kClasses,
                                   .model_types = kTypes,
                                   .metadata = hf_metadata,
                                   .tensors = {kOwn, kHfEnds, kHfAttention, kHfDenseFfn}};

}  // namespace

const Architecture glm4{
    .name = "glm4", .models = "GLM-4-0414", .build = build, .hugging_face = &kHuggingFace};

}  // namespace model
