// glm4moe: GLM-4.5 to 4.7: a few dense layers, then experts with a shared one, behind them layers
// that predict further tokens. Source: docs/spec/models.md 2.10.
#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

MoePlan read_experts(const Keys& keys) {
  MoePlan plan = read_required_experts(keys);
  plan.width = keys.count("expert_feed_forward_length", kWidthBounds);
  plan.shared_width = plan.width * keys.count("expert_shared_count", {0, 64});
  plan.weight_scale = keys.number("expert_weights_scale", {0.0, 1e6});
  plan.normalise = keys.flag_or("expert_weights_norm", false);
  plan.gating = read_gating(keys, Gating::sigmoid);
  read_groups(keys, plan);
  return plan;
}

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "glm4moe");
  ModelSpec spec = begin_spec(files, keys);
  const std::uint32_t n_block = spec.n_layer;
  spec.norm_eps = read_rms_eps(keys);
  const AttentionPlan attention = read_attention(keys, spec, RopeKind::neox);
  const MoePlan experts = read_experts(keys);
  const std::uint32_t n_dense = keys.count_or("leading_dense_block_count", 0, {0, n_block});
  const std::vector<std::uint32_t> widths =
      n_dense == 0 ? std::vector<std::uint32_t>(n_block) : read_ffn_widths(keys, n_block);
  spec.n_layer = n_block - keys.count_or("nextn_predict_layers", 0, {0, n_block - 1});
  Rows rows(spec, files);
  rows.ends(false);
  const auto plan_of = [&](std::uint32_t l) {
    LayerPlan plan{.attention = attention, .ffn_norm = Role::post_attention_norm};
    const int layer = static_cast<int>(l);
    plan.attention->qk_norm_rms = rows.present(Role::attn_q_norm, layer);
    if (l < n_dense) {
      plan.dense = DenseFfnPlan{.width = widths[l]};
    } else {
      plan.moe = experts;
      plan.moe->selection_bias = rows.has_selection_bias(layer);
    }
    return plan;
  };
  rows.layers(n_block, plan_of, {.qkv = Presence::optional});
  return spec;
}

constexpr std::string_view kClasses[] = {"Glm4MoeForCausalLM"};
constexpr std::string_view kTypes[] = {"glm4_moe"};
constexpr HfTensor kOwn[] = {
    {Role::post_attention_norm, "model.layers.{L}.post_attention_layernorm.weight"},
    {Role::attn_q_norm, "model.layers.{L}.self_attn.q_norm.weight"},
    {Role::attn_k_norm, "model.layers.{L}.self_attn.k_norm.weight"},
};

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  hf_common_keys(config, keys);
  hf_vocab_and_rotation_keys(config, keys, 0.5);
  hf_rope_scaling_keys(config, keys);
  keys.count("leading_dense_block_count", config.count_or("first_k_dense_replace", 0));
  keys.count("expert_feed_forward_length", config.count("moe_intermediate_size"));
  keys.count("expert_shared_count", config.count_or("n_shared_experts", 0));
  keys.number("expert_weights_scale", config.number_or("routed_scaling_factor", 1));
  keys.flag("expert_weights_norm", config.flag_or("norm_topk_prob", true));
  keys.count("expert_gating_func", static_cast<std::uint32_t>(Gating::sigmoid));
  if (config.count_or("n_group", 1) > 1) {
    keys.count("expert_group_count", config.count("n_group"));
    keys.count("expert_group_used_count", config.count_or("topk_group", 1));
  }
  const std::uint32_t n_nextn = config.count_or("num_nextn_predict_layers", 0);
  if (n_nextn == 0) return;
  keys.count("block_count", config.count("num_hidden_layers") + n_nextn);
  keys.count("nextn_predict_layers", n_nextn);
}

const HuggingFaceForm kHuggingFace{
    .classes = kClasses,
    .model_types = kTypes,
    .metadata = hf_metadata,
    .tensors = {kOwn, kHfEnds, kHfNextn, kHfAttention, kHfExperts, kHfDenseFfn}};

}  // namespace

const Architecture glm4moe{.name = "glm4moe",
                           .models = "GLM-4.5, 4.6, 4.7 and their Air versions",
                           .build = build,
                           .hugging_face = &kHuggingFace};

}  // namespace model
