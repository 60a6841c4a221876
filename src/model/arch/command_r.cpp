// command-r: Command R and R+: LayerNorm without bias, attention and feed-forward side by side.
// Source: docs/spec/models.md 2.12.
#include "model/arch/architectures.h"
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

}  // namespace

const Architecture command_r{
    .name = "command-r", .models = "Command R, Command R+", .build = build};

}  // namespace model
