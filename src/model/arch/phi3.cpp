// phi3: Phi-3, 3.5, 4 and 4-mini: merged q, k, v and gate, up; LongRoPE. Source:
// docs/spec/models.md 2.8.
#include "model/arch/architectures.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

/// Files of Phi-3-mini-4k and medium-4k from before the key existed.
std::uint32_t read_window(const Keys& keys, const ModelSpec& spec) {
  if (const auto stated = keys.maybe_count("attention.sliding_window", kWindowBounds)) {
    return *stated;
  }
  const bool phi3_4k = spec.n_ctx_train == 4096 && (spec.n_layer == 32 || spec.n_layer == 40);
  return phi3_4k ? 2047 : 0;
}

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "phi3");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  AttentionPlan attention = read_attention(keys, spec, RopeKind::neox);
  attention.window = read_window(keys, spec);
  const std::vector<std::uint32_t> widths = read_ffn_widths(keys, spec.n_layer);
  Rows rows(spec, files);
  rows.ends(true);
  rows.rope_divisors(attention.rope);
  rows.layers(spec.n_layer, [&](std::uint32_t l) {
    LayerPlan plan{.attention = attention,
                   .dense = DenseFfnPlan{.width = widths[l], .merged_up = true}};
    plan.attention->merged_qkv = !rows.present(Role::attn_q, static_cast<int>(l));
    return plan;
  });
  return spec;
}

}  // namespace

const Architecture phi3{
    .name = "phi3", .models = "Phi-3, Phi-3.5, Phi-4, Phi-4-mini", .build = build};

}  // namespace model
