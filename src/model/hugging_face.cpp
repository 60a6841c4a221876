#include "model/hugging_face.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "model/keys.h"

namespace model {
std::string HfKeys::full(std::string_view key) const {
  return key.starts_with("general.") ? std::string(key) : fmt::format("{}.{}", architecture_, key);
}
void HfKeys::count(std::string_view key, std::uint32_t value) { metadata_.set(full(key), value); }
void HfKeys::number(std::string_view key, double value) {
  metadata_.set(full(key), static_cast<float>(value));
}
void HfKeys::flag(std::string_view key, bool value) { metadata_.set(full(key), value); }
void HfKeys::text(std::string_view key, std::string value) {
  metadata_.set(full(key), std::move(value));
}
void HfKeys::count(std::string_view key, std::optional<std::uint32_t> value) {
  if (value) count(key, *value);
}
void HfKeys::number(std::string_view key, std::optional<double> value) {
  if (value) number(key, *value);
}
void HfKeys::flag(std::string_view key, std::optional<bool> value) {
  if (value) flag(key, *value);
}
void HfKeys::warn(std::string_view config_key, std::string text) {
  findings_.push_back(
      {.where = fmt::format("config.json {}", config_key), .text = std::move(text)});
}
void HfKeys::note(std::string_view config_key, std::string text) {
  warn(config_key, std::move(text));
  findings_.back().level = base::Finding::Level::note;
}

namespace {

constexpr HfTensor kEnds[] = {
    {Role::token_embd, "model.embed_tokens.weight"},
    {Role::output_norm, "model.norm.weight"},
    {Role::output, "lm_head.weight"},
    {Role::count, "model.layers.{L}.self_attn.rotary_emb.inv_freq", HfChange::left_out},
    {Role::count, "model.rotary_emb.inv_freq", HfChange::left_out},
};
constexpr HfTensor kAttention[] = {
    {Role::attn_norm, "model.layers.{L}.input_layernorm.weight"},
    {Role::attn_q, "model.layers.{L}.self_attn.q_proj.weight"},
    {Role::attn_k, "model.layers.{L}.self_attn.k_proj.weight"},
    {Role::attn_v, "model.layers.{L}.self_attn.v_proj.weight"},
    {Role::attn_output, "model.layers.{L}.self_attn.o_proj.weight"},
    {Role::attn_q_bias, "model.layers.{L}.self_attn.q_proj.bias"},
    {Role::attn_k_bias, "model.layers.{L}.self_attn.k_proj.bias"},
    {Role::attn_v_bias, "model.layers.{L}.self_attn.v_proj.bias"},
    {Role::attn_output_bias, "model.layers.{L}.self_attn.o_proj.bias"},
};
constexpr HfTensor kRotatedAttention[] = {
    {Role::attn_norm, "model.layers.{L}.input_layernorm.weight"},
    {Role::attn_q, "model.layers.{L}.self_attn.q_proj.weight", HfChange::rope_pairs},
    {Role::attn_k, "model.layers.{L}.self_attn.k_proj.weight", HfChange::rope_pairs},
    {Role::attn_v, "model.layers.{L}.self_attn.v_proj.weight"},
    {Role::attn_output, "model.layers.{L}.self_attn.o_proj.weight"},
    {Role::attn_q_bias, "model.layers.{L}.self_attn.q_proj.bias", HfChange::rope_pairs},
    {Role::attn_k_bias, "model.layers.{L}.self_attn.k_proj.bias", HfChange::rope_pairs},
    {Role::attn_v_bias, "model.layers.{L}.self_attn.v_proj.bias"},
    {Role::attn_output_bias, "model.layers.{L}.self_attn.o_proj.bias"},
};
constexpr HfTensor kDenseFfn[] = {
    {Role::ffn_norm, "model.layers.{L}.post_attention_layernorm.weight"},
    {Role::ffn_gate, "model.layers.{L}.mlp.gate_proj.weight"},
    {Role::ffn_up, "model.layers.{L}.mlp.up_proj.weight"},
    {Role::ffn_down, "model.layers.{L}.mlp.down_proj.weight"},
};
constexpr HfTensor kExperts[] = {
    {Role::ffn_gate_inp, "model.layers.{L}.mlp.gate.weight"},
    {Role::exp_probs_b, "model.layers.{L}.mlp.gate.e_score_correction_bias"},
    {Role::ffn_gate_exps, "model.layers.{L}.mlp.experts.{E}.gate_proj.weight"},
    {Role::ffn_up_exps, "model.layers.{L}.mlp.experts.{E}.up_proj.weight"},
    {Role::ffn_down_exps, "model.layers.{L}.mlp.experts.{E}.down_proj.weight"},
    {Role::ffn_gate_shexp, "model.layers.{L}.mlp.shared_experts.gate_proj.weight"},
    {Role::ffn_up_shexp, "model.layers.{L}.mlp.shared_experts.up_proj.weight"},
    {Role::ffn_down_shexp, "model.layers.{L}.mlp.shared_experts.down_proj.weight"},
};
constexpr HfTensor kNextn[] = {
    {Role::nextn_eh_proj, "model.layers.{L}.eh_proj.weight"},
    {Role::nextn_enorm, "model.layers.{L}.enorm.weight"},
    {Role::nextn_hnorm, "model.layers.{L}.hnorm.weight"},
    {Role::nextn_embed_tokens, "model.layers.{L}.embed_tokens.weight"},
    {Role::nextn_shared_head_head, "model.layers.{L}.shared_head.head.weight"},
    {Role::nextn_shared_head_norm, "model.layers.{L}.shared_head.norm.weight"},
};

}  // namespace

constinit const std::span<const HfTensor> kHfEnds = kEnds;
constinit const std::span<const HfTensor> kHfAttention = kAttention;
constinit const std::span<const HfTensor> kHfRotatedAttention = kRotatedAttention;
constinit const std::span<const HfTensor> kHfDenseFfn = kDenseFfn;
constinit const std::span<const HfTensor> kHfExperts = kExperts;
constinit const std::span<const HfTensor> kHfNextn = kNextn;

bool hf_predicts_next(const HuggingFaceForm& form) noexcept {
  return std::any_of(form.tensors.begin(), form.tensors.end(),
                     [](std::span<const HfTensor> group) { return group.data() == kNextn; });
}

std::uint32_t hf_head_dim(const HfConfig& config) {
  if (const auto stated = config.maybe_count("head_dim")) return *stated;
  return config.count("hidden_size") / config.positive("num_attention_heads");
}

void hf_common_keys(const HfConfig& config, HfKeys& keys, const HfCommonDefaults& defaults) {
  keys.count("block_count", config.positive("num_hidden_layers"));
  keys.count("context_length", config.count("max_position_embeddings"));
  keys.count("embedding_length", config.positive("hidden_size"));
  keys.count("feed_forward_length", config.maybe_count("intermediate_size"));
  const std::uint32_t heads = config.positive("num_attention_heads");
  keys.count("attention.head_count", heads);
  keys.count("attention.head_count_kv", config.count_or("num_key_value_heads", heads));
  const HfConfig rope = config.rope("full_attention");
  if (!rope.has("rope_theta")) {
    std::string text =
        fmt::format("is missing; {} is taken, as the original's code does", defaults.rope_theta);
    // A default of the architecture's own is left out of its files; 10000 is rarely meant today.
    const bool own = defaults.rope_theta != HfCommonDefaults{}.rope_theta;
    own ? keys.note("rope_theta", std::move(text)) : keys.warn("rope_theta", std::move(text));
  }
  keys.number("rope.freq_base", rope.number_or("rope_theta", defaults.rope_theta));
  if (defaults.layer_norm) {
    keys.number("attention.layer_norm_epsilon", config.number("layer_norm_eps"));
  } else {
    keys.number("attention.layer_norm_rms_epsilon", config.number("rms_norm_eps"));
  }
  for (const char* key : {"num_local_experts", "num_experts", "n_routed_experts"}) {
    const auto experts = config.maybe_count(key);
    if (!experts || *experts == 0) continue;
    keys.count("expert_count", *experts);
    keys.count("expert_used_count", config.count("num_experts_per_tok"));
    break;
  }
  if (defaults.head_sizes) {
    keys.count("attention.key_length", hf_head_dim(config));
    keys.count("attention.value_length", hf_head_dim(config));
  }
  keys.count("general.file_type", 0U);
}

void hf_vocab_and_rotation_keys(const HfConfig& config, HfKeys& keys, double partial_rotary) {
  keys.count("vocab_size", config.count("vocab_size"));
  const double part =
      config.rope("full_attention").number_or("partial_rotary_factor", partial_rotary);
  if (!(part > 0 && part <= 1)) {
    config.rope("full_attention").require_number("partial_rotary_factor", partial_rotary);
  }
  keys.count("rope.dimension_count", static_cast<std::uint32_t>(hf_head_dim(config) * part));
}

void hf_require_whole_rotation(const HfConfig& config) {
  config.rope("full_attention").require_number("partial_rotary_factor", 1);
}

std::optional<double> hf_yarn_attn_factor(const HfConfig& rope) {
  const double factor = rope.above("factor", 0);
  const auto magnitude = [&](double m) { return factor > 1 ? 1 + 0.1 * m * std::log(factor) : 1; };
  if (const auto stated = rope.maybe_number("attention_factor")) return *stated / magnitude(1);
  const double m = rope.number_or("mscale", 0), all_dim = rope.number_or("mscale_all_dim", 0);
  if (m == 0 || all_dim == 0) return std::nullopt;  // as the original: both or none
  return magnitude(m) / magnitude(all_dim) / magnitude(1);
}

std::string hf_rope_scaling_keys(const HfConfig& config, HfKeys& keys, const HfScaling& scaling) {
  const HfConfig rope = config.rope("full_attention");
  std::string type = rope.string_or("rope_type", "default");
  if (type == "linear") {
    keys.text("rope.scaling.type", "linear");
    keys.number("rope.scaling.factor", rope.above("factor", 0));
  } else if (type == "yarn") {
    if (!scaling.sharp_corners) rope.require_flag("truncate", true);
    keys.text("rope.scaling.type", "yarn");
    keys.number("rope.scaling.factor", rope.above("factor", 0));
    if (!scaling.own_magnitude) {
      keys.number("rope.scaling.attn_factor", hf_yarn_attn_factor(rope));
    }
    keys.count("rope.scaling.original_context_length",
               rope.maybe_count("original_max_position_embeddings"));
    keys.number("rope.scaling.yarn_beta_fast", rope.maybe_number("beta_fast"));
    keys.number("rope.scaling.yarn_beta_slow", rope.maybe_number("beta_slow"));
  } else if (type == "dynamic") {
    keys.warn("rope_scaling", "rope type dynamic has no form in GGUF; the model is right up to " +
                                  std::to_string(config.count("max_position_embeddings")) +
                                  " tokens");
  } else {
    std::vector<std::string_view> known{"default", "linear", "yarn", "dynamic"};
    if (scaling.divisors) known.emplace_back("llama3");
    known.insert(known.end(), scaling.handled.begin(), scaling.handled.end());
    rope.require_one_of("rope_type", known);
  }
  return type;
}

std::vector<HfMadeTensor> hf_llama3_divisors(const HfConfig& config) {
  const HfConfig rope = config.rope();
  if (rope.string_or("rope_type", "") != "llama3") return {};
  const double context = rope.positive("original_max_position_embeddings");
  const double low = rope.above("low_freq_factor", 0), high = rope.above("high_freq_factor", low);
  const double factor = rope.above("factor", 0), base = rope.number_or("rope_theta", 10000);
  const auto n_rot =
      static_cast<std::uint32_t>(hf_head_dim(config) * rope.number_or("partial_rotary_factor", 1));
  if (n_rot < 2 || n_rot > kHeadDimBounds.max) {
    throw base::Error(base::Fault::bad_file, "a hyper-parameter is out of bounds")
        .at("key", "head_dim")
        .at("found", n_rot)
        .at("expected", fmt::format("2 to {}", kHeadDimBounds.max));
  }
  HfMadeTensor out{.role = Role::rope_freqs, .values = {}};
  for (std::uint32_t i = 0; i < n_rot / 2; ++i) {
    const double wave = 2 * std::numbers::pi * std::pow(base, 2.0 * i / n_rot);
    const double mix = (context / wave - low) / (high - low);
    const double divisor = wave < context / high  ? 1
                           : wave > context / low ? factor
                                                  : 1 / ((1 - mix) / factor + mix);
    out.values.push_back(static_cast<float>(divisor));
  }
  return {std::move(out)};
}

namespace {

bool has_period(std::span<const std::string> types, std::size_t period) {
  for (std::size_t l = 0; l < types.size(); ++l) {
    const std::string_view want = (l + 1) % period == 0 ? "full_attention" : "sliding_attention";
    if (types[l] != want) return false;
  }
  return true;
}

}  // namespace

std::uint32_t hf_sliding_period(const HfConfig& config, std::uint32_t by_default) {
  const std::uint32_t stated = config.count_or("sliding_window_pattern", by_default);
  const std::vector<std::string> types = config.strings("layer_types");
  if (types.empty() && stated > 0) return stated;
  for (const std::uint32_t period : {by_default, stated}) {
    if (period > 0 && has_period(types, period)) return period;
  }
  for (std::uint32_t period = 1; period <= types.size() + 1; ++period) {
    if (has_period(types, period)) return period;
  }
  throw base::Error(base::Fault::unsupported, "the model does something that GGUF cannot express")
      .at("key", types.empty() ? "sliding_window_pattern" : "layer_types")
      .at("found", "layers in an order of their own")
      .expected(fmt::format("full attention in every {}th layer", by_default));
}

void hf_require_sliding_period(const HfConfig& config, std::uint32_t period) {
  const std::uint32_t found = hf_sliding_period(config, period);
  if (found == period) return;
  throw base::Error(base::Fault::unsupported, "the model does something that GGUF cannot express")
      .at("key", config.has("layer_types") ? "layer_types" : "sliding_window_pattern")
      .at("found", fmt::format("full attention in every {}th layer", found))
      .expected(fmt::format("in every {}th", period));
}

std::string_view hf_key_of(std::string_view key) noexcept {
  struct Row {
    std::string_view key, config_key;
  };
  constexpr Row kRows[] = {
      {"context_length", "max_position_embeddings"},
      {"embedding_length", "hidden_size"},
      {"feed_forward_length", "intermediate_size"},
      {"block_count", "num_hidden_layers"},
      {"vocab_size", "vocab_size"},
      {"attention.head_count", "num_attention_heads"},
      {"attention.head_count_kv", "num_key_value_heads"},
      {"attention.key_length", "head_dim"},
      {"attention.value_length", "head_dim"},
      {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
      {"attention.layer_norm_epsilon", "layer_norm_eps"},
      {"attention.sliding_window", "sliding_window"},
      {"attention.q_lora_rank", "q_lora_rank"},
      {"attention.kv_lora_rank", "kv_lora_rank"},
      {"attention.key_length_mla", "qk_nope_head_dim"},
      {"attention.value_length_mla", "v_head_dim"},
      {"rope.freq_base", "rope_theta"},
      {"rope.freq_base_swa", "rope_local_base_freq"},
      {"rope.dimension_count", "partial_rotary_factor"},
      {"rope.scaling.factor", "rope_scaling.factor"},
      {"rope.scaling.original_context_length", "rope_scaling.original_max_position_embeddings"},
      {"rope.scaling.yarn_beta_fast", "rope_scaling.beta_fast"},
      {"rope.scaling.yarn_beta_slow", "rope_scaling.beta_slow"},
      {"expert_used_count", "num_experts_per_tok"},
      {"expert_feed_forward_length", "moe_intermediate_size"},
      {"expert_shared_feed_forward_length", "shared_expert_intermediate_size"},
      {"expert_shared_count", "n_shared_experts"},
      {"expert_weights_scale", "routed_scaling_factor"},
      {"leading_dense_block_count", "first_k_dense_replace"},
      {"expert_group_count", "n_group"},
      {"expert_group_used_count", "topk_group"},
      {"nextn_predict_layers", "num_nextn_predict_layers"},
      {"logit_scale", "logit_scale"},
      {"attn_logit_softcapping", "attn_logit_softcapping"},
      {"final_logit_softcapping", "final_logit_softcapping"},
  };
  const auto* row =
      std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.key == key; });
  return row == std::end(kRows) ? std::string_view() : row->config_key;
}

std::optional<HfPlace> hf_match(std::string_view pattern, std::string_view name) noexcept {
  HfPlace place;
  while (!pattern.empty()) {
    const bool layer = pattern.starts_with("{L}");
    if (!layer && !pattern.starts_with("{E}")) {
      if (name.empty() || name[0] != pattern[0]) return std::nullopt;
      name.remove_prefix(1);
      pattern.remove_prefix(1);
      continue;
    }
    int value = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), value);
    const auto length = static_cast<std::size_t>(end - name.data());
    // One spelling for a number: "07" or "+7" would be a second name for the same tensor.
    const bool canonical =
        code == std::errc() && value >= 0 && name[0] != '-' && (length == 1 || name[0] != '0');
    if (!canonical) return std::nullopt;
    (layer ? place.layer : place.expert) = value;
    name.remove_prefix(length);
    pattern.remove_prefix(3);
  }
  return name.empty() ? std::optional(place) : std::nullopt;
}

std::string hf_name(std::string_view pattern, HfPlace place) {
  std::string out(pattern);
  if (const std::size_t at = out.find("{L}"); at != std::string::npos) {
    out.replace(at, 3, std::to_string(place.layer));
  }
  if (const std::size_t at = out.find("{E}"); at != std::string::npos) {
    out.replace(at, 3, std::to_string(place.expert));
  }
  return out;
}

namespace {

const Architecture* find_by(std::string_view word,
                            std::span<const std::string_view> HuggingFaceForm::*list) noexcept {
  for (const Architecture* a : all_architectures()) {
    if (a->hugging_face == nullptr) continue;
    const std::span<const std::string_view> words = a->hugging_face->*list;
    if (std::find(words.begin(), words.end(), word) != words.end()) return a;
  }
  return nullptr;
}

}  // namespace

const Architecture* find_architecture_of_class(std::string_view hf_class) noexcept {
  return find_by(hf_class, &HuggingFaceForm::classes);
}
const Architecture* find_architecture_of_type(std::string_view model_type) noexcept {
  return find_by(model_type, &HuggingFaceForm::model_types);
}

}  // namespace model
