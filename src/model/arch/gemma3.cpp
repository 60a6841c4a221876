// gemma3: Gemma 3, the text part: gemma2 with norms of heads instead of soft caps and five sliding
// layers to a full one, each kind with a rotation of its own. Source: docs/spec/models.md 2.7.
#include <cmath>

#include "model/arch/architectures.h"
#include "model/gemma.h"
#include "model/rows.h"

namespace model {
namespace {

constexpr std::uint32_t kLayersOf27B = 62;
constexpr std::uint32_t kPeriod = 6;  // every sixth layer sees everything

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
  const std::vector<bool> slides = read_sliding_layers(keys, spec.n_layer, kPeriod);
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

constexpr std::string_view kClasses[] = {"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"};
constexpr std::string_view kTypes[] = {"gemma3_text", "gemma3"};

/// What transformers takes for keys that the text part of a vision model leaves out.
HfConfig with_defaults(const HfConfig& given) {
  nlohmann::json all{
      {"vocab_size", 262208},   {"num_attention_heads", 8},          {"num_key_value_heads", 4},
      {"head_dim", 256},        {"max_position_embeddings", 131072}, {"rms_norm_eps", 1e-6},
      {"sliding_window", 4096}, {"query_pre_attn_scalar", 256}};
  for (const auto& [key, value] : given.json().items()) {
    if (!value.is_null()) all[key] = value;
  }
  return HfConfig(std::move(all));
}

void hf_metadata(const HfConfig& given, HfKeys& keys) {
  const HfConfig config = with_defaults(given);
  config.require_string("hidden_activation", "gelu_pytorch_tanh");
  config.require_flag("attention_bias", false);
  config.require_flag("use_bidirectional_attention", false);
  config.require_number("attn_logit_softcapping", 0);
  hf_common_keys(config, keys, {.rope_theta = 1e6});
  hf_vocab_and_rotation_keys(config, keys);
  hf_rope_scaling_keys(config, keys);
  const HfConfig own = config.object("rope_parameters").object("sliding_attention");
  keys.number("rope.freq_base_swa",
              own.number_or("rope_theta", config.number_or("rope_local_base_freq", 1e4)));
  own.require_string("rope_type", "default");
  keys.number("final_logit_softcapping", config.maybe_number("final_logit_softcapping"));
  keys.count("attention.sliding_window", config.count("sliding_window"));
  const std::uint32_t period = hf_sliding_period(config, kPeriod);
  if (period != kPeriod) keys.count("attention.sliding_window_pattern", period);
  hf_gemma_scale_key(config, keys, kLayersOf27B);
}

const HuggingFaceForm kHuggingFace{.classes = kClasses,
                                   .model_types = kTypes,
                                   .metadata = hf_metadata,
                                   .tensors = {kHfGemmaNorms, kHfEnds, kHfAttention, kHfDenseFfn},
                                   .tied_by_default = true};

}  // namespace

const Architecture gemma3{
    .name = "gemma3", .models = "Gemma 3, text", .build = build, .hugging_face = &kHuggingFace};

}  // namespace model
