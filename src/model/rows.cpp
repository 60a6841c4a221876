#include "model/rows.h"

namespace model {

std::string single_expert_name(Role single, int layer, std::uint32_t expert) {
  return "blk." + std::to_string(layer) + "." + std::string(role_name(single).stem) + "." +
         std::to_string(expert) + ".weight";
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

void Rows::ends(bool may_tie) {
  matrix(Role::token_embd, -1, spec_.n_embd, spec_.n_vocab);
  vector(Role::output_norm, -1, spec_.n_embd);
  TensorRow& output = matrix(Role::output, -1, spec_.n_embd, spec_.n_vocab);
  if (may_tie) output.derivation = Derivation::tied_to_token_embd;
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
  if (plan.selection_bias) {
    TensorRow& bias = vector(Role::exp_probs_b, layer, plan.n_expert);
    // A few old files leave the suffix out.
    const std::string bare = "blk." + std::to_string(layer) + ".exp_probs_b";
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
