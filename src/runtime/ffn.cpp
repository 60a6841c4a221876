#include "runtime/ffn.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/router.h"

namespace runtime {
namespace {

using model::Role;

/// docs/spec/models.md 2.14; the constants are fixed.
void gpt_oss_swiglu(float* gate, const float* up, std::size_t n) noexcept {
  constexpr float kAlpha = 1.702F;
  constexpr float kLimit = 7.0F;
  for (std::size_t i = 0; i < n; ++i) {
    const float g = std::min(gate[i], kLimit);
    const float u = std::clamp(up[i], -kLimit, kLimit);
    gate[i] = g / (1.0F + std::exp(-kAlpha * g)) * (u + 1.0F);
  }
}

/// gate = activation(gate, up), row by row.
void activate(const Pass& pass, model::Activation activation, const Matrix& gate,
              const Matrix& up) {
  const auto& kernels = pass.runtime.kernels;
  auto* f = kernels.silu_mul;
  if (activation == model::Activation::gelu_tanh) f = kernels.gelu_mul;
  if (activation == model::Activation::gpt_oss_swiglu) f = gpt_oss_swiglu;
  // exp costs about ten plain operations.
  for_rows(pass, gate.n, gate.cols * 10,
           [&](std::size_t i) { f(gate.row(i), up.row(i), gate.cols); });
}

struct GatedRoles {
  Role gate, up, down;
  bool merged = false;  ///< gate and up are pieces of one tensor, that of `up`
};

void run_gated(const Pass& pass, const GatedRoles& roles, std::size_t width,
               model::Activation activation, const Rows& x, const Matrix& out) {
  const Stack::Frame frame(pass.work.stack);
  const LayerWeights& w = pass.weights;
  const Matrix gate = take_matrix(pass, x.n, width);
  const Matrix up = take_matrix(pass, x.n, width);
  const Target in[] = {
      {.role = roles.merged ? roles.up : roles.gate,
       .weight = &w.at(roles.gate),
       .out = gate.data,
       .stride = width},
      {.role = roles.up, .weight = &w.at(roles.up), .out = up.data, .stride = width}};
  linear(pass, in, x);
  activate(pass, activation, gate, up);
  const Target down{
      .role = roles.down, .weight = &w.at(roles.down), .out = out.data, .stride = out.cols};
  linear(pass, {&down, 1}, gate.rows());
}

/// The tokens of each expert. An assignment is one (token, choice) pair; assignments are ordered by
/// expert, then token.
struct Assignments {
  std::vector<std::uint32_t> experts;  ///< [token, choice]
  std::vector<float> weights;          ///< [token, choice]
  std::vector<std::uint32_t> tokens;   ///< [assignment]
  std::vector<std::uint32_t> places;   ///< [token, choice]: its assignment
  std::vector<std::size_t> starts;     ///< [expert + 1]: first assignment
};

Assignments assign(const Pass& pass, const model::MoePlan& plan, const Rows& x) {
  const Stack::Frame frame(pass.work.stack);
  const Matrix logits = take_matrix(pass, x.n, plan.n_expert);
  const Target router{.role = Role::ffn_gate_inp,
                      .weight = &pass.weights.at(Role::ffn_gate_inp),
                      .out = logits.data,
                      .stride = logits.cols,
                      .bias = pass.weights.vector(Role::ffn_gate_inp_bias)};
  linear(pass, {&router, 1}, x);
  const std::size_t k = plan.n_used;
  Assignments a;
  a.experts.resize(x.n * k);
  a.weights.resize(x.n * k);
  const float* bias = plan.selection_bias ? pass.weights.vector(Role::exp_probs_b) : nullptr;
  for_rows(pass, x.n, plan.n_expert * 20, [&](std::size_t t) {
    route(plan, {logits.row(t), logits.cols}, bias, {a.experts.data() + t * k, k},
          {a.weights.data() + t * k, k});
  });
  a.starts.assign(plan.n_expert + 1, 0);
  for (const std::uint32_t e : a.experts) ++a.starts[e + 1];
  for (std::size_t e = 0; e < plan.n_expert; ++e) a.starts[e + 1] += a.starts[e];
  std::vector<std::size_t> next(a.starts.begin(), a.starts.end() - 1);
  a.tokens.resize(x.n * k);
  a.places.resize(x.n * k);
  for (std::size_t i = 0; i < a.experts.size(); ++i) {
    const std::size_t place = next[a.experts[i]]++;
    a.tokens[place] = static_cast<std::uint32_t>(i / k);
    a.places[i] = static_cast<std::uint32_t>(place);
  }
  return a;
}

/// Operands of the experts that have tokens; `x` by token (gathered) or already by assignment.
std::vector<Operand> expert_operands(const Assignments& a, const Rows& x, bool gather) {
  std::vector<Operand> out;
  for (std::size_t e = 0; e + 1 < a.starts.size(); ++e) {
    const std::size_t first = a.starts[e];
    const std::size_t n = a.starts[e + 1] - first;
    if (n == 0) continue;
    Operand o{.matrix = e, .x = x.data, .stride = x.stride, .n_rows = n, .first_out = first};
    if (gather) {
      o.rows = a.tokens.data() + first;
    } else {
      o.x = x.row(first);
    }
    out.push_back(o);
  }
  return out;
}

void run_experts(const Pass& pass, const model::MoePlan& plan, const Assignments& a, const Rows& x,
                 const Matrix& out) {
  const Stack::Frame frame(pass.work.stack);
  const LayerWeights& w = pass.weights;
  const std::size_t n = a.tokens.size();
  const Matrix gate = take_matrix(pass, n, plan.width);
  const Matrix up = take_matrix(pass, n, plan.width);
  const Target in[] = {{.role = Role::ffn_gate_exps,
                        .weight = &w.at(Role::ffn_gate_exps),
                        .out = gate.data,
                        .stride = gate.cols,
                        .bias = w.vector(Role::ffn_gate_exps_bias),
                        .bias_stride = gate.cols},
                       {.role = Role::ffn_up_exps,
                        .weight = &w.at(Role::ffn_up_exps),
                        .out = up.data,
                        .stride = up.cols,
                        .bias = w.vector(Role::ffn_up_exps_bias),
                        .bias_stride = up.cols}};
  const std::vector<Operand> gathered = expert_operands(a, x, true);
  if (w.find(Role::ffn_gate_up_exps) != nullptr) {
    observe(pass, Role::ffn_gate_up_exps, gathered, x.cols);
  }
  linear(pass, in, gathered);
  activate(pass, plan.activation, gate, up);
  const Matrix products = take_matrix(pass, n, out.cols);
  const Target down{.role = Role::ffn_down_exps,
                    .weight = &w.at(Role::ffn_down_exps),
                    .out = products.data,
                    .stride = products.cols,
                    .bias = w.vector(Role::ffn_down_exps_bias),
                    .bias_stride = products.cols};
  linear(pass, {&down, 1}, expert_operands(a, gate.rows(), false));
  // Summed in the order of selection.
  for_rows(pass, out.n, out.cols * plan.n_used, [&](std::size_t t) {
    std::fill_n(out.row(t), out.cols, 0.0F);
    for (std::size_t c = 0; c < plan.n_used; ++c) {
      const std::size_t i = t * plan.n_used + c;
      pass.runtime.kernels.add_scaled(out.row(t), a.weights[i], products.row(a.places[i]),
                                      out.cols);
    }
  });
}

void add_shared(const Pass& pass, const model::MoePlan& plan, const Rows& x, const Matrix& out) {
  const Stack::Frame frame(pass.work.stack);
  const Matrix shared = take_matrix(pass, x.n, out.cols);
  run_gated(pass, {Role::ffn_gate_shexp, Role::ffn_up_shexp, Role::ffn_down_shexp},
            plan.shared_width, plan.activation, x, shared);
  const Matrix gate = take_matrix(pass, x.n, 1);
  if (plan.shared_gate) {
    const Target target{.role = Role::ffn_gate_inp_shexp,
                        .weight = &pass.weights.at(Role::ffn_gate_inp_shexp),
                        .out = gate.data,
                        .stride = 1};
    linear(pass, {&target, 1}, x);
  }
  for_rows(pass, x.n, out.cols, [&](std::size_t t) {
    const float scale = plan.shared_gate ? 1.0F / (1.0F + std::exp(-gate.data[t])) : 1.0F;
    pass.runtime.kernels.add_scaled(out.row(t), scale, shared.row(t), out.cols);
  });
}

}  // namespace

void run_dense_ffn(const Pass& pass, const model::DenseFfnPlan& plan, const Rows& x,
                   const Matrix& out) {
  run_gated(pass, {Role::ffn_gate, Role::ffn_up, Role::ffn_down, plan.merged_up}, plan.width,
            plan.activation, x, out);
}

void run_moe(const Pass& pass, const model::MoePlan& plan, const Rows& x, const Matrix& out) {
  run_experts(pass, plan, assign(pass, plan, x), x, out);
  if (plan.shared_width != 0) add_shared(pass, plan, x, out);
}

}  // namespace runtime
