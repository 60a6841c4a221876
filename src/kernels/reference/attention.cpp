// Softmax attention as the formula: scores, maximum, exponentials, weighted sum of values.
// Source: docs/spec/models.md, 1.4.
#include <cmath>
#include <limits>

#include "kernels/reference/reference.h"

namespace kernels::reference {
namespace {

struct Scratch {
  float* row;      // [max(key_dim, value_dim)], one cache row as f32
  double* value;   // [value_dim]
  float* weights;  // [keys]
};

std::size_t keys_of(const AttentionArgs& args) noexcept {
  std::size_t keys = 0;
  for (std::size_t r = 0; r < args.n_runs; ++r) keys += args.runs[r].n;
  return keys;
}

std::size_t row_floats(const AttentionArgs& args) noexcept {
  const std::size_t dim = args.key_dim > args.value_dim ? args.key_dim : args.value_dim;
  return (dim + 15) / 16 * 16;
}

Scratch scratch_of(const AttentionArgs& args) noexcept {
  float* row = reinterpret_cast<float*>(args.scratch);
  double* value = reinterpret_cast<double*>(row + row_floats(args));
  return {row, value, reinterpret_cast<float*>(value + row_floats(args))};
}

/// Calls visit(key, run, index in run) for keys [first, last).
template <class Visit>
void for_keys(const AttentionArgs& args, std::size_t first, std::size_t last, Visit visit) {
  std::size_t key = 0;
  for (std::size_t r = 0; r < args.n_runs; key += args.runs[r].n, ++r) {
    for (std::size_t i = 0; i < args.runs[r].n; ++i) {
      if (key + i >= first && key + i < last) visit(key + i, args.runs[r], i);
    }
  }
}

float score(const AttentionArgs& args, const float* q, const float* k) noexcept {
  const float z = args.scale * dot(q, k, args.key_dim);
  return args.soft_cap > 0 ? args.soft_cap * std::tanh(z / args.soft_cap) : z;
}

void attend(const AttentionArgs& args, std::size_t query, const Scratch& scratch) noexcept {
  const float* q = args.q + query * args.q_stride;
  float* out = args.out + query * args.out_stride;
  const std::size_t first = args.first[query];
  const std::size_t last = args.last[query];
  float peak = args.sink != nullptr ? *args.sink : -std::numeric_limits<float>::infinity();
  for_keys(args, first, last, [&](std::size_t key, const KvRun& run, std::size_t i) {
    from_cache(args.type, run.k + i * args.k_stride, args.key_dim, scratch.row);
    scratch.weights[key] = score(args, q, scratch.row);
    peak = std::fmax(peak, scratch.weights[key]);
  });
  double sum = args.sink != nullptr ? std::exp(*args.sink - peak) : 0.0;
  for (std::size_t d = 0; d < args.value_dim; ++d) scratch.value[d] = 0;
  for_keys(args, first, last, [&](std::size_t key, const KvRun& run, std::size_t i) {
    const double weight = std::exp(scratch.weights[key] - peak);
    sum += weight;
    from_cache(args.type, run.v + i * args.v_stride, args.value_dim, scratch.row);
    for (std::size_t d = 0; d < args.value_dim; ++d) {
      scratch.value[d] += weight * static_cast<double>(scratch.row[d]);
    }
  });
  if (args.partial != nullptr) {
    args.partial[query] = {peak, static_cast<float>(sum)};
    for (std::size_t d = 0; d < args.value_dim; ++d) out[d] = static_cast<float>(scratch.value[d]);
    return;
  }
  for (std::size_t d = 0; d < args.value_dim; ++d) {
    out[d] = sum > 0 ? static_cast<float>(scratch.value[d] / sum) : 0.0F;
  }
}

}  // namespace

std::size_t attention_scratch(const AttentionArgs& args) noexcept {
  return row_floats(args) * (sizeof(float) + sizeof(double)) + keys_of(args) * sizeof(float);
}

void attention(const AttentionArgs& args) noexcept {
  const Scratch scratch = scratch_of(args);
  for (std::size_t query = 0; query < args.n_q; ++query) attend(args, query, scratch);
}

}  // namespace kernels::reference
