// gemma2: sandwich norms, soft caps, a sliding window in every other layer. Source:
// docs/spec/models.md 2.6.
#include <cmath>

#include "model/arch/architectures.h"
#include "model/gemma.h"
#include "model/rows.h"

namespace model {
namespace {

constexpr std::uint32_t kLayersOf27B = 46;
constexpr std::uint32_t kPeriod = 2;  // every second layer sees everything

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
  const std::vector<bool> slides = read_sliding_layers(keys, spec.n_layer, kPeriod);
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

constexpr std::string_view kClasses[] = {"Gemma2ForCausalLM"};
constexpr std::string_view kTypes[] = {"gemma2"};

/// A cap that may be null; `fallback` where config.json does not name it at all.
double cap(const HfConfig& config, const char* key, double fallback) {
  return config.number_or(key, config.json().contains(key) ? 0 : fallback);
}

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_activation", "gelu_pytorch_tanh");
  config.require_flag("attention_bias", false);
  hf_require_sliding_period(config, kPeriod);
  hf_common_keys(config, keys);
  hf_vocab_and_rotation_keys(config, keys);
  hf_rope_scaling_keys(config, keys);
  keys.number("attn_logit_softcapping", cap(config, "attn_logit_softcapping", 50));
  keys.number("final_logit_softcapping", cap(config, "final_logit_softcapping", 30));
  keys.count("attention.sliding_window", config.count_or("sliding_window", 4096));
  hf_gemma_scale_key(config, keys, kLayersOf27B);
}

const HuggingFaceForm kHuggingFace{.classes = kClasses,
                                   .model_types = kTypes,
                                   .metadata = hf_metadata,
                                   .tensors = {kHfGemmaNorms, kHfEnds, kHfAttention, kHfDenseFfn},
                                   .tied_by_default = true};

}  // namespace

const Architecture gemma2{
    .name = "gemma2", .models = "Gemma 2", .build = build, .hugging_face = &kHuggingFace};

}  // namespace model
