// gpt-oss: sinks, biases everywhere, clamped SwiGLU in the experts, every other layer slides.
// Source: docs/spec/models.md 2.14.
#include <cmath>

#include "model/arch/architectures.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "gpt-oss");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  AttentionPlan attention = read_attention(keys, spec, RopeKind::neox);
  attention.scale = 1.0F / std::sqrt(static_cast<float>(attention.rope.n_rot));
  attention.has_sinks = true;
  attention.rope.round_corners = false;
  const std::uint32_t window = keys.count("attention.sliding_window", kWindowBounds);
  const std::vector<bool> slides = read_sliding_layers(keys, spec.n_layer, 2);
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

}  // namespace

const Architecture gpt_oss{.name = "gpt-oss", .models = "gpt-oss", .build = build};

}  // namespace model
