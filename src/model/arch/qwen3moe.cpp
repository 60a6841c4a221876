// qwen3moe: Qwen 3 with experts in every layer. Source: docs/spec/models.md 2.5.
#include "model/arch/architectures.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "qwen3moe");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  AttentionPlan attention = read_attention(keys, spec, RopeKind::neox);
  attention.qk_norm_rms = true;
  MoePlan experts = read_required_experts(keys);
  experts.width = read_expert_width(keys, experts, spec.n_layer);
  experts.normalise = keys.flag_or("expert_weights_norm", true);
  Rows rows(spec, files);
  rows.ends(true);
  rows.rope_divisors(attention.rope);
  rows.layers(spec.n_layer,
              [&](std::uint32_t) { return LayerPlan{.attention = attention, .moe = experts}; });
  return spec;
}

}  // namespace

const Architecture qwen3moe{.name = "qwen3moe", .models = "Qwen 3 with experts", .build = build};

}  // namespace model
