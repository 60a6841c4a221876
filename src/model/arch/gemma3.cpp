// gemma3: Gemma 3, the text part: gemma2 with norms of heads instead of soft caps and five sliding
// layers to a full one, each kind with a rotation of its own. Source: docs/spec/models.md 2.7.
#include <cmath>

#include "model/arch/architectures.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

constexpr std::uint32_t kLayersOf27B = 62;

/// Sliding layers: base 10000 and no scaling.
RopePlan local_rope(const Keys& keys, const RopePlan& full) {
  return {.kind = full.kind,
          .n_rot = full.n_rot,
          .base = keys.number_or("rope.freq_base_swa", 10000.0F, kRopeBaseBounds),
          .n_ctx_orig = full.n_ctx_orig};
}

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "gemma3");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.n_embd));
  spec.final_soft_cap = keys.number_or("final_logit_softcapping", 0.0F, {0.0, 1e6});
  AttentionPlan attention = read_attention(keys, spec, RopeKind::neox);
  if (!keys.has("rope.freq_base")) attention.rope.base = 1e6F;
  attention.scale = read_gemma_scale(keys, spec, attention, kLayersOf27B);
  attention.qk_norm_rms = true;
  const RopePlan local = local_rope(keys, attention.rope);
  const std::uint32_t window = keys.count("attention.sliding_window", kWindowBounds);
  const std::vector<bool> slides = read_sliding_layers(keys, spec.n_layer, 6);
  const std::vector<std::uint32_t> widths = read_ffn_widths(keys, spec.n_layer);
  Rows rows(spec, files);
  rows.ends(true);
  rows.layers(spec.n_layer, [&](std::uint32_t l) {
    LayerPlan plan{.attention = attention,
                   .dense = DenseFfnPlan{.width = widths[l], .activation = Activation::gelu_tanh},
                   .residual = Residual::sandwich};
    if (slides[l]) {
      plan.attention->window = window;
      plan.attention->rope = local;
    }
    return plan;
  });
  return spec;
}

}  // namespace

const Architecture gemma3{.name = "gemma3", .models = "Gemma 3, text", .build = build};

}  // namespace model
