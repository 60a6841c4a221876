// phi3: Phi-3, 3.5, 4 and 4-mini: merged q, k, v and gate, up; LongRoPE. Source:
// docs/spec/models.md 2.8.
#include <cmath>

#include "model/arch/architectures.h"
#include "model/hugging_face.h"
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

constexpr std::string_view kClasses[] = {"Phi3ForCausalLM"};
constexpr std::string_view kTypes[] = {"phi3"};
constexpr HfTensor kOwn[] = {
    {Role::attn_qkv, "model.layers.{L}.self_attn.qkv_proj.weight"},
    {Role::ffn_up, "model.layers.{L}.mlp.gate_up_proj.weight"},
};

/// The context that LongRoPE stretches; nothing without LongRoPE.
std::optional<std::uint32_t> original_context(const HfConfig& config) {
  const HfConfig rope = config.rope();
  const std::string type = rope.string_or("rope_type", "default");
  if (type != "longrope" && type != "su") return std::nullopt;
  if (const auto stated = rope.maybe_count("original_max_position_embeddings")) return stated;
  return config.count("original_max_position_embeddings");
}

double magnitude(const HfConfig& config, std::uint32_t original) {
  if (const auto stated = config.rope().maybe_number("attention_factor")) return *stated;
  const double stretch = static_cast<double>(config.count("max_position_embeddings")) / original;
  return stretch <= 1 ? 1 : std::sqrt(1 + std::log(stretch) / std::log(original));
}

std::vector<HfMadeTensor> made_factors(const HfConfig& config) {
  if (!original_context(config)) return {};
  const HfConfig rope = config.rope();
  std::vector<HfMadeTensor> out;
  for (const auto& [role, key] : {std::pair{Role::rope_factors_long, "long_factor"},
                                  std::pair{Role::rope_factors_short, "short_factor"}}) {
    const std::vector<double> factors = rope.numbers(key);
    if (factors.empty()) rope.number(key);  // names the missing key
    out.push_back({.role = role, .values = {factors.begin(), factors.end()}});
  }
  return out;
}

void hf_metadata(const HfConfig& config, HfKeys& keys) {
  config.require_string("hidden_act", "silu");
  hf_common_keys(config, keys);
  hf_vocab_and_rotation_keys(config, keys);
  constexpr std::string_view kHandled[] = {"longrope", "su"};
  hf_rope_scaling_keys(config, keys, {.handled = kHandled});
  if (const auto original = original_context(config)) {
    keys.text("rope.scaling.type", "longrope");
    keys.count("rope.scaling.original_context_length", *original);
    keys.number("rope.scaling.attn_factor", magnitude(config, *original));
  }
  // 0 says that there is none; where the key is missing some programs guess.
  keys.count("attention.sliding_window", config.count_or("sliding_window", 0));
}

const HuggingFaceForm kHuggingFace{.classes = kClasses,
                                   .model_types = kTypes,
                                   .metadata = hf_metadata,
                                   .tensors = {kOwn, kHfEnds, kHfAttention, kHfDenseFfn},
                                   .made = made_factors};

}  // namespace

const Architecture phi3{.name = "phi3",
                        .models = "Phi-3, Phi-3.5, Phi-4, Phi-4-mini",
                        .build = build,
                        .hugging_face = &kHuggingFace};

}  // namespace model
