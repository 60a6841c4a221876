#include <charconv>
#include <optional>

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

/// The stacks whose experts early files keep in tensors of their own.
struct Stack {
  Role single, stacked;
};
constexpr Stack kStacks[] = {{Role::ffn_gate, Role::ffn_gate_exps},
                             {Role::ffn_up, Role::ffn_up_exps},
                             {Role::ffn_down, Role::ffn_down_exps}};

/// A whole number as tensor names spell it: digits only, no leading zero.
std::optional<int> index_of(std::string_view digits) noexcept {
  if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
  }
  int value = 0;
  const auto [stop, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code != std::errc()) return std::nullopt;
  return value;
}

/// Takes "blk.N." off the front; -1 if it is not there.
int cut_layer(std::string_view& name) noexcept {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return -1;
  const std::size_t dot = name.find('.', kPrefix.size());
  if (dot == std::string_view::npos) return -1;
  const auto layer = index_of(name.substr(kPrefix.size(), dot - kPrefix.size()));
  if (!layer) return -1;
  name.remove_prefix(dot + 1);
  return *layer;
}

/// Role of "attn_q.weight"; Role::count if there is none.
Role role_of(std::string_view stem, std::string_view suffix) noexcept {
  for (const RoleRow& row : kRoles) {
    if (row.name.stem == stem && row.name.suffix == suffix) return row.role;
  }
  return Role::count;
}

/// "ffn_up.7" as expert 7 of ffn_up_exps; Role::count if it is no such name.
TensorId single_expert(std::string_view stem) noexcept {
  const std::size_t dot = stem.rfind('.');
  if (dot == std::string_view::npos) return {};
  const auto expert = index_of(stem.substr(dot + 1));
  if (!expert) return {};
  for (const Stack& s : kStacks) {
    if (role_name(s.single).stem == stem.substr(0, dot)) {
      return {.role = s.stacked, .piece = *expert};
    }
  }
  return {};
}

}  // namespace

TensorId parse_tensor_name(std::string_view name) noexcept {
  const int layer = cut_layer(name);
  const std::size_t dot = name.rfind('.');
  TensorId id;
  if (dot != std::string_view::npos) {
    id.role = role_of(name.substr(0, dot), name.substr(dot));
    if (id.role == Role::count && layer >= 0 && name.substr(dot) == kWeight) {
      id = single_expert(name.substr(0, dot));
    }
  } else if (layer >= 0 && name == role_name(Role::exp_probs_b).stem) {
    id.role = Role::exp_probs_b;
  }
  id.layer = layer;
  return id;
}

std::string with_layer(std::string_view name, int layer) {
  if (cut_layer(name) < 0) return std::string(name);
  return ("blk." + std::to_string(layer) + ".").append(name);
}

std::string kind_name(std::string_view name) {
  const TensorId id = parse_tensor_name(name);
  if (id.role == Role::count) {
    cut_layer(name);
    if (name.ends_with(kWeight)) name.remove_suffix(kWeight.size());
    return std::string(name);
  }
  const RoleName role = role_name(id.role);
  return std::string(role.stem).append(role.suffix == kWeight ? "" : role.suffix);
}

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

TensorId identify(const ModelSpec* spec, std::string_view name) noexcept {
  const TensorRow* row = spec == nullptr ? nullptr : spec->find(name);
  if (row == nullptr) return parse_tensor_name(name);
  return {.role = row->role, .layer = row->layer, .piece = row->piece};
}

}  // namespace model
