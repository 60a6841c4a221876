// qwen2moe: Qwen 1.5 and 2 with experts in every layer and a gated shared expert. Source:
// docs/spec/models.md 2.4.
#include "model/arch/architectures.h"
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

}  // namespace

const Architecture qwen2moe{
    .name = "qwen2moe", .models = "Qwen 1.5 and 2 with experts", .build = build};

}  // namespace model
