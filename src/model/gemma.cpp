#include "model/gemma.h"

#include <cmath>

namespace model {

float read_gemma_scale(const Keys& keys, const ModelSpec& spec, const AttentionPlan& plan,
                       std::uint32_t layers_of_27b) {
  const float stated = keys.number_or("attention.scale", 0.0F, {0.0, 1e3});
  if (stated != 0.0F) return stated;
  if (spec.n_layer != layers_of_27b) return plan.scale;
  return 1.0F / std::sqrt(static_cast<float>(spec.n_embd) / static_cast<float>(plan.n_head));
}

void hf_gemma_scale_key(const HfConfig& config, HfKeys& keys, std::uint32_t layers_of_27b) {
  const double stated = config.number_or("query_pre_attn_scalar", 256);
  if (!(stated > 0)) config.require_number("query_pre_attn_scalar", 256);
  const double known =
      config.count("num_hidden_layers") == layers_of_27b
          ? static_cast<double>(config.count("hidden_size")) / config.count("num_attention_heads")
          : hf_head_dim(config);
  if (stated == known) return;
  keys.number("attention.scale", 1 / std::sqrt(stated));
  keys.warn("query_pre_attn_scalar", "the public programs scale queries by the size of a head");
}

namespace {

constexpr HfTensor kNorms[] = {
    {Role::output_norm, "model.norm.weight", HfChange::plus_one},
    {Role::attn_norm, "model.layers.{L}.input_layernorm.weight", HfChange::plus_one},
    {Role::attn_q_norm, "model.layers.{L}.self_attn.q_norm.weight", HfChange::plus_one},
    {Role::attn_k_norm, "model.layers.{L}.self_attn.k_norm.weight", HfChange::plus_one},
    {Role::post_attention_norm, "model.layers.{L}.post_attention_layernorm.weight",
     HfChange::plus_one},
    {Role::ffn_norm, "model.layers.{L}.pre_feedforward_layernorm.weight", HfChange::plus_one},
    {Role::post_ffw_norm, "model.layers.{L}.post_feedforward_layernorm.weight", HfChange::plus_one},
};

}  // namespace

constinit const std::span<const HfTensor> kHfGemmaNorms = kNorms;

}  // namespace model
