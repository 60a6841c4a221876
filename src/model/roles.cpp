#include <array>

#include "model/spec.h"

namespace model {
namespace {

constexpr std::string_view kWeight = ".weight";
constexpr std::string_view kBias = ".bias";

struct RoleRow {
  Role role;
  RoleName name;
};

// One row a role, in the order of the enumeration (checked below).
constexpr RoleRow kRoles[] = {
    {Role::token_embd, {"token_embd", kWeight}},
    {Role::output_norm, {"output_norm", kWeight}},
    {Role::output_norm_bias, {"output_norm", kBias}},
    {Role::output, {"output", kWeight}},
    {Role::rope_freqs, {"rope_freqs", kWeight}},
    {Role::rope_factors_long, {"rope_factors_long", kWeight}},
    {Role::rope_factors_short, {"rope_factors_short", kWeight}},
    {Role::attn_norm, {"attn_norm", kWeight}},
    {Role::attn_norm_bias, {"attn_norm", kBias}},
    {Role::attn_q, {"attn_q", kWeight}},
    {Role::attn_k, {"attn_k", kWeight}},
    {Role::attn_v, {"attn_v", kWeight}},
    {Role::attn_qkv, {"attn_qkv", kWeight}},
    {Role::attn_output, {"attn_output", kWeight}},
    {Role::attn_q_bias, {"attn_q", kBias}},
    {Role::attn_k_bias, {"attn_k", kBias}},
    {Role::attn_v_bias, {"attn_v", kBias}},
    {Role::attn_qkv_bias, {"attn_qkv", kBias}},
    {Role::attn_output_bias, {"attn_output", kBias}},
    {Role::attn_q_norm, {"attn_q_norm", kWeight}},
    {Role::attn_k_norm, {"attn_k_norm", kWeight}},
    {Role::attn_sinks, {"attn_sinks", kWeight}},
    {Role::post_attention_norm, {"post_attention_norm", kWeight}},
    {Role::attn_q_a, {"attn_q_a", kWeight}},
    {Role::attn_q_a_norm, {"attn_q_a_norm", kWeight}},
    {Role::attn_q_b, {"attn_q_b", kWeight}},
    {Role::attn_kv_a_mqa, {"attn_kv_a_mqa", kWeight}},
    {Role::attn_kv_a_norm, {"attn_kv_a_norm", kWeight}},
    {Role::attn_kv_b, {"attn_kv_b", kWeight}},
    {Role::attn_k_b, {"attn_k_b", kWeight}},
    {Role::attn_v_b, {"attn_v_b", kWeight}},
    {Role::ffn_norm, {"ffn_norm", kWeight}},
    {Role::ffn_gate, {"ffn_gate", kWeight}},
    {Role::ffn_up, {"ffn_up", kWeight}},
    {Role::ffn_down, {"ffn_down", kWeight}},
    {Role::post_ffw_norm, {"post_ffw_norm", kWeight}},
    {Role::ffn_gate_inp, {"ffn_gate_inp", kWeight}},
    {Role::ffn_gate_inp_bias, {"ffn_gate_inp", kBias}},
    {Role::exp_probs_b, {"exp_probs_b", kBias}},
    {Role::ffn_gate_exps, {"ffn_gate_exps", kWeight}},
    {Role::ffn_up_exps, {"ffn_up_exps", kWeight}},
    {Role::ffn_down_exps, {"ffn_down_exps", kWeight}},
    {Role::ffn_gate_up_exps, {"ffn_gate_up_exps", kWeight}},
    {Role::ffn_gate_exps_bias, {"ffn_gate_exps", kBias}},
    {Role::ffn_up_exps_bias, {"ffn_up_exps", kBias}},
    {Role::ffn_down_exps_bias, {"ffn_down_exps", kBias}},
    {Role::ffn_gate_shexp, {"ffn_gate_shexp", kWeight}},
    {Role::ffn_up_shexp, {"ffn_up_shexp", kWeight}},
    {Role::ffn_down_shexp, {"ffn_down_shexp", kWeight}},
    {Role::ffn_gate_inp_shexp, {"ffn_gate_inp_shexp", kWeight}},
    {Role::nextn_eh_proj, {"nextn.eh_proj", kWeight}},
    {Role::nextn_embed_tokens, {"nextn.embed_tokens", kWeight}},
    {Role::nextn_enorm, {"nextn.enorm", kWeight}},
    {Role::nextn_hnorm, {"nextn.hnorm", kWeight}},
    {Role::nextn_shared_head_head, {"nextn.shared_head_head", kWeight}},
    {Role::nextn_shared_head_norm, {"nextn.shared_head_norm", kWeight}},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(kRoles); ++i) {
    if (static_cast<std::size_t>(kRoles[i].role) != i) return false;
  }
  return std::size(kRoles) == static_cast<std::size_t>(Role::count);
}
static_assert(in_order(), "kRoles must list every role once, in order");

}  // namespace

RoleName role_name(Role role) noexcept {
  const auto i = static_cast<std::size_t>(role);
  return i < std::size(kRoles) ? kRoles[i].name : RoleName{"?", ""};
}

std::string tensor_name(Role role, int layer) {
  const RoleName name = role_name(role);
  std::string out = layer < 0 ? std::string() : "blk." + std::to_string(layer) + ".";
  return out.append(name.stem).append(name.suffix);
}

const TensorRow* ModelSpec::find(Role role, int layer) const noexcept {
  for (const TensorRow& row : tensors) {
    if (row.role == role && row.layer == layer) return &row;
  }
  return nullptr;
}

const TensorRow* ModelSpec::find(std::string_view name) const noexcept {
  for (const TensorRow& row : tensors) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace model
