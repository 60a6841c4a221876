// smollm3: llama without rotation in every fourth layer. Source: docs/spec/models.md 2.11.
#include "model/arch/architectures.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "smollm3");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  AttentionPlan attention = read_attention(keys, spec, RopeKind::normal);
  const std::vector<std::uint32_t> widths = read_ffn_widths(keys, spec.n_layer);
  Rows rows(spec, files);
  rows.ends(true);
  rows.rope_divisors(attention.rope);
  rows.layers(spec.n_layer, [&](std::uint32_t l) {
    LayerPlan plan{.attention = attention, .dense = DenseFfnPlan{.width = widths[l]}};
    if ((l + 1) % 4 == 0) plan.attention->rope.kind = RopeKind::none;
    return plan;
  });
  return spec;
}

}  // namespace

const Architecture smollm3{.name = "smollm3", .models = "SmolLM 3", .build = build};

}  // namespace model
