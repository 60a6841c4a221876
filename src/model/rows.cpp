#include "model/rows.h"

namespace model {

std::string single_expert_name(Role single, int layer, std::uint32_t expert) {
  return "blk." + std::to_string(layer) + "." + std::string(role_name(single).stem) + "." +
         std::to_string(expert) + ".weight";
}

std::string Rows::bare_selection_bias(int layer) {
  return "blk." + std::to_string(layer) + ".exp_probs_b";
}

bool Rows::has_selection_bias(int layer) const {
  return present(Role::exp_probs_b, layer) || files_.find(bare_selection_bias(layer)) != nullptr;
}

TensorRow& Rows::matrix(Role role, int layer, std::uint64_t in, std::uint64_t out,
                        std::uint64_t stack, Axis axis) {
  TensorRow row{.name = tensor_name(role, layer), .role = role, .layer = layer};
  row.shape.ne = {in, out, stack, 1};
  row.axis = axis;
  row.optional = outside_;
  row.used = !outside_;
  return spec_.tensors.emplace_back(std::move(row));
}

TensorRow& Rows::vector(Role role, int layer, std::uint64_t n) {
  TensorRow& row = matrix(role, layer, n, 1);
  row.f32_only = true;
  return row;
}

TensorRow& Rows::optional_vector(Role role, int layer, std::uint64_t n) {
  TensorRow& row = vector(role, layer, n);
  row.optional = true;
  return row;
}

TensorRow& Rows::vectors(Role role, int layer, std::uint64_t n, std::uint64_t stack) {
  TensorRow& row = matrix(role, layer, n, stack);
  row.f32_only = true;
  return row;
}

void Rows::bias(Presence presence, Role role, int layer, std::uint64_t n) {
  if (presence == Presence::optional) optional_vector(role, layer, n);
  if (presence == Presence::required) vector(role, layer, n);
}

void Rows::ends(bool may_tie) {
  matrix(Role::token_embd, -1, spec_.n_embd, spec_.n_vocab);
  vector(Role::output_norm, -1, spec_.n_embd);
  TensorRow& output = matrix(Role::output, -1, spec_.n_embd, spec_.n_vocab);
  if (may_tie) output.derivation = Derivation::tied_to_token_embd;
}

void Rows::layers(std::uint32_t n_block, const std::function<LayerPlan(std::uint32_t)>& plan_of,
                  const AttentionBiases& biases) {
  for (std::uint32_t l = 0; l < n_block; ++l) {
    const LayerPlan plan = plan_of(l);
    outside_forward_pass(l >= spec_.n_layer);
    layer(static_cast<int>(l), plan, biases);
    if (l < spec_.n_layer) {
      spec_.layers.push_back(plan);
    } else {
      nextn(static_cast<int>(l));
    }
  }
}

void Rows::rope_divisors(RopePlan& rope) {
  for (const Role role : {Role::rope_freqs, Role::rope_factors_short, Role::rope_factors_long}) {
    optional_vector(role, -1, rope.n_rot / 2);
  }
  if (present(Role::rope_factors_short, -1)) rope.divisors = Role::rope_factors_short;
  if (present(Role::rope_factors_long, -1)) rope.long_divisors = Role::rope_factors_long;
  if (!present(Role::rope_freqs, -1)) return;
  rope.divisors = Role::rope_freqs;
  rope.long_divisors.reset();
}

void Rows::layer(int layer, const LayerPlan& plan, const AttentionBiases& biases) {
  const std::uint64_t n = spec_.n_embd;
  vector(Role::attn_norm, layer, n);
  attention(layer, *plan.attention, biases);
  if (plan.residual == Residual::sandwich) vector(Role::post_attention_norm, layer, n);
  if (plan.residual != Residual::parallel) vector(plan.ffn_norm, layer, n);
  plan.moe ? moe(layer, *plan.moe) : dense_ffn(layer, *plan.dense);
  if (plan.residual == Residual::sandwich) vector(Role::post_ffw_norm, layer, n);
}

void Rows::attention(int layer, const AttentionPlan& plan, const AttentionBiases& biases) {
  const std::uint64_t n = spec_.n_embd;
  const std::uint64_t dim = plan.key_dim;
  const std::uint64_t q = plan.n_head * dim;
  const std::uint64_t k = plan.n_kv_head * dim;
  const std::uint64_t v = std::uint64_t{plan.n_kv_head} * plan.value_dim;
  if (plan.merged_qkv) {
    matrix(Role::attn_qkv, layer, n, q + k + v);
  } else {
    matrix(Role::attn_q, layer, n, q);
    matrix(Role::attn_k, layer, n, k);
    matrix(Role::attn_v, layer, n, v);
  }
  matrix(Role::attn_output, layer, std::uint64_t{plan.n_head} * plan.value_dim, n);
  bias(biases.qkv, Role::attn_q_bias, layer, q);
  bias(biases.qkv, Role::attn_k_bias, layer, k);
  bias(biases.qkv, Role::attn_v_bias, layer, v);
  bias(biases.output, Role::attn_output_bias, layer, n);
  if (plan.qk_norm_rms) {
    vector(Role::attn_q_norm, layer, dim);
    vector(Role::attn_k_norm, layer, dim);
  }
  if (plan.qk_norm_layer) {
    vectors(Role::attn_q_norm, layer, dim, plan.n_head);
    vectors(Role::attn_k_norm, layer, dim, plan.n_kv_head);
  }
  if (plan.has_sinks) vector(Role::attn_sinks, layer, plan.n_head);
}

void Rows::dense_ffn(int layer, const DenseFfnPlan& plan) {
  if (!plan.merged_up) matrix(Role::ffn_gate, layer, spec_.n_embd, plan.width);
  matrix(Role::ffn_up, layer, spec_.n_embd, plan.merged_up ? 2ULL * plan.width : plan.width);
  matrix(Role::ffn_down, layer, plan.width, spec_.n_embd);
}

void Rows::expert_stack(Role stacked, Role single, int layer, std::uint64_t in, std::uint64_t out,
                        const MoePlan& plan) {
  TensorRow& row = matrix(stacked, layer, in, out, plan.n_expert, Axis::expert);
  if (files_.find(row.name) != nullptr) return;
  if (files_.find(single_expert_name(single, layer, 0)) == nullptr) return;
  row.derivation = Derivation::stack_experts;
  for (std::uint32_t e = 0; e < plan.n_expert; ++e) {
    TensorRow& piece = matrix(stacked, layer, in, out);
    piece.name = single_expert_name(single, layer, e);
    piece.piece = static_cast<int>(e);
  }
}

void Rows::moe(int layer, const MoePlan& plan) {
  const std::uint64_t n = spec_.n_embd;
  matrix(Role::ffn_gate_inp, layer, n, plan.n_expert);
  if (plan.biases) {
    vector(Role::ffn_gate_inp_bias, layer, plan.n_expert);
    vectors(Role::ffn_gate_exps_bias, layer, plan.width, plan.n_expert);
    vectors(Role::ffn_up_exps_bias, layer, plan.width, plan.n_expert);
    vectors(Role::ffn_down_exps_bias, layer, n, plan.n_expert);
  }
  if (plan.selection_bias) {
    TensorRow& bias = vector(Role::exp_probs_b, layer, plan.n_expert);
    const std::string bare = bare_selection_bias(layer);
    if (files_.find(bias.name) == nullptr && files_.find(bare) != nullptr) bias.name = bare;
  }
  if (present(Role::ffn_gate_up_exps, layer)) {
    matrix(Role::ffn_gate_exps, layer, n, plan.width, plan.n_expert, Axis::expert).derivation =
        Derivation::halves_of_gate_up;
    matrix(Role::ffn_up_exps, layer, n, plan.width, plan.n_expert, Axis::expert).derivation =
        Derivation::halves_of_gate_up;
    matrix(Role::ffn_gate_up_exps, layer, n, 2ULL * plan.width, plan.n_expert, Axis::expert);
  } else {
    expert_stack(Role::ffn_gate_exps, Role::ffn_gate, layer, n, plan.width, plan);
    expert_stack(Role::ffn_up_exps, Role::ffn_up, layer, n, plan.width, plan);
  }
  expert_stack(Role::ffn_down_exps, Role::ffn_down, layer, plan.width, n, plan);
  if (plan.shared_width == 0) return;
  if (plan.shared_gate) matrix(Role::ffn_gate_inp_shexp, layer, n, 1);
  matrix(Role::ffn_gate_shexp, layer, n, plan.shared_width);
  matrix(Role::ffn_up_shexp, layer, n, plan.shared_width);
  matrix(Role::ffn_down_shexp, layer, plan.shared_width, n);
}

void Rows::nextn(int layer) {
  const std::uint64_t n = spec_.n_embd;
  matrix(Role::nextn_eh_proj, layer, 2 * n, n);
  matrix(Role::nextn_embed_tokens, layer, n, spec_.n_vocab);
  vector(Role::nextn_enorm, layer, n);
  vector(Role::nextn_hnorm, layer, n);
  matrix(Role::nextn_shared_head_head, layer, n, spec_.n_vocab);
  vector(Role::nextn_shared_head_norm, layer, n);
}

}  // namespace model
