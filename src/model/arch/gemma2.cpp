// gemma2: sandwich norms, soft caps, a sliding window in every other layer. Source:
// docs/spec/models.md 2.6.
#include <cmath>

#include "model/arch/architectures.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

constexpr std::uint32_t kLayersOf27B = 46;

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "gemma2");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.n_embd));
  spec.final_soft_cap = keys.number_or("final_logit_softcapping", 30.0F, {0.0, 1e6});
  AttentionPlan attention = read_attention(keys, spec, RopeKind::neox);
  attention.scale = read_gemma_scale(keys, spec, attention, kLayersOf27B);
  attention.soft_cap = keys.number_or("attn_logit_softcapping", 50.0F, {0.0, 1e6});
  const std::uint32_t window = keys.count_or("attention.sliding_window", 4096, kWindowBounds);
  const std::vector<bool> slides = read_sliding_layers(keys, spec.n_layer, 2);
  const std::vector<std::uint32_t> widths = read_ffn_widths(keys, spec.n_layer);
  Rows rows(spec, files);
  rows.ends(true);
  rows.layers(spec.n_layer, [&](std::uint32_t l) {
    LayerPlan plan{.attention = attention,
                   .dense = DenseFfnPlan{.width = widths[l], .activation = Activation::gelu_tanh},
                   .residual = Residual::sandwich};
    if (slides[l]) plan.attention->window = window;
    return plan;
  });
  return spec;
}

}  // namespace

const Architecture gemma2{.name = "gemma2", .models = "Gemma 2", .build = build};

}  // namespace model
