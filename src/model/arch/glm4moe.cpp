// glm4moe: GLM-4.5 to 4.7: a few dense layers, then experts with a shared one, behind them layers
// that predict further tokens. Source: docs/spec/models.md 2.10.
#include "model/arch/architectures.h"
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

}  // namespace

const Architecture glm4moe{
    .name = "glm4moe", .models = "GLM-4.5, 4.6, 4.7 and their Air versions", .build = build};

}  // namespace model
