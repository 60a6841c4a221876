// mistral3: Ministral 3, Devstral 2: llama with YaRN and queries that grow with the position.
// Source: docs/spec/models.md 2.2.
#include <cmath>

#include "model/arch/architectures.h"
#include "model/hugging_face.h"
#include "model/keys.h"
#include "model/rows.h"

namespace model {
namespace {

/// 1.5 multiplies the rotation by g(1); the original rotates with g(1) / g(M), where
/// g(t) = 1 + 0.1 t ln s and M is stored as yarn_log_multiplier.
void settle_magnitude(const Keys& keys, RopePlan& rope) {
  const float m = keys.number_or("rope.scaling.yarn_log_multiplier", 0.0F, {0.0, 100.0});
  const float log_factor = std::log(1.0F / rope.freq_scale);
  if (rope.ext_factor != 0.0F && log_factor > 0.0F) {
    rope.attn_factor /= 1.0F + 0.1F * m * log_factor;
  }
}

ModelSpec build(const gguf::FileSet& files) {
  const Keys keys(files.metadata(), "mistral3");
  ModelSpec spec = begin_spec(files, keys);
  spec.norm_eps = read_rms_eps(keys);
  AttentionPlan attention = read_attention(keys, spec, RopeKind::normal);
  settle_magnitude(keys, attention.rope);
  attention.temperature_scale = keys.number_or("attention.temperature_scale", 0.1F, {0.0, 1e3});
  const std::vector<std::uint32_t> widths = read_ffn_widths(keys, spec.n_layer);
  Rows rows(spec, files);
  rows.ends(true);
  rows.rope_divisors(attention.rope);
  const auto plan_of = [&](std::uint32_t l) {
    return LayerPlan{.attention = attention, .dense = DenseFfnPlan{.width = widths[l]}};
  };
  rows.layers(spec.n_layer, plan_of, {.qkv = Presence::optional, .output = Presence::optional});
  return spec;
}

constexpr std::string_view kClasses[] = {"Ministral3ForCausalLM"};
constexpr std::string_view kTypes[] = {"ministral3"};

/// g(1) / g(mscale_all_dim) has a key of its own, an explicit magnitude that of all.
void hf_magnitude(const HfConfig& rope, HfKeys& keys) {
  if (rope.has("attention_factor")) {
    return keys.number("rope.scaling.attn_factor", hf_yarn_attn_factor(rope));
  }
  if (!hf_yarn_attn_factor(rope)) return;  // g(1)
  rope.require_number("mscale", 1);
  keys.number("rope.scaling.yarn_log_multiplier", rope.number("mscale_all_dim"));
}

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  hf_common_keys(config, keys);
  hf_require_whole_rotation(config);
  hf_vocab_and_rotation_keys(config, keys);
  const HfConfig rope = config.rope();
  if (hf_rope_scaling_keys(config, keys, {.divisors = true, .own_magnitude = true}) == "yarn") {
    hf_magnitude(rope, keys);
  }
  keys.number("attention.temperature_scale", rope.number_or("llama_4_scaling_beta", 0));
  const auto window = config.maybe_count("sliding_window");
  if (window && *window < config.count("max_position_embeddings")) {
    keys.warn("sliding_window", "this architecture runs with full attention");
  }
}

const HuggingFaceForm kHuggingFace{.classes = kClasses,
                                   .model_types = kTypes,
                                   .metadata = hf_metadata,
                                   .tensors = {kHfEnds, kHfRotatedAttention, kHfDenseFfn},
                                   .made = hf_llama3_divisors};

}  // namespace

const Architecture mistral3{.name = "mistral3",
                            .models = "Ministral 3, Devstral 2",
                            .build = build,
                            .hugging_face = &kHuggingFace};

}  // namespace model
