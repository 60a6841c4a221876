// cohere2: Command R7B, Command A: command-r with three sliding, rotated layers to a full one
// without rotation. Source: docs/spec/models.md 2.13.
#include "model/arch/architectures.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "cohere2");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm = NormKind::layer;
  spec.norm_eps = keys.number("attention.layer_norm_epsilon", {0.0, 1.0});
  spec.logit_scale = keys.number("logit_scale", kLogitScaleBounds);
  const AttentionPlan attention = read_attention(keys, spec, RopeKind::normal);
  const std::uint32_t window = keys.count("attention.sliding_window", kWindowBounds);
  const std::vector<bool> slides = read_sliding_layers(keys, spec.n_layer, 4);
  const std::vector<std::uint32_t> widths = read_ffn_widths(keys, spec.n_layer);
  Rows rows(spec, files);
  rows.ends(true);
  rows.layers(spec.n_layer, [&](std::uint32_t l) {
    LayerPlan plan{.attention = attention,
                   .dense = DenseFfnPlan{.width = widths[l]},
                   .residual = Residual::parallel};
    if (slides[l]) {
      plan.attention->window = window;
    } else {
      plan.attention->rope.kind = RopeKind::none;
    }
    return plan;
  });
  return spec;
}

}  // namespace

const Architecture cohere2{.name = "cohere2", .models = "Command R7B, Command A", .build = build};

}  // namespace model
