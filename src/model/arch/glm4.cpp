// glm4: GLM-4-0414: sandwich norms, half of each head rotated, merged gate and up. Source:
// docs/spec/models.md 2.9.
#include "model/arch/architectures.h"
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

}  // namespace

const Architecture glm4{.name = "glm4", .models = "GLM-4-0414", .build = build};

}  // namespace model
