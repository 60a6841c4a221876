// One call of a layer: everything its blocks read, and row-wise work on the team.
#pragma once

#include <cstddef>
#include <span>

#include "runtime/batch.h"
#include "runtime/cache.h"
#include "runtime/observe.h"
#include "runtime/runtime.h"
#include "runtime/weights.h"
#include "runtime/workspace.h"

namespace runtime {

struct Pass {
  const model::ModelSpec& spec;
  int layer;  ///< -1 for embedding and output
  const LayerWeights& weights;
  const LayerWeights& ends;  ///< tensors of no layer (rope divisors)
  const Batch& batch;
  KvCache& cache;
  std::size_t cache_slot;   ///< this layer's place in the cache
  std::size_t context = 0;  ///< tokens that a sequence of this run may reach
  MlaMode mla;
  std::span<Observer* const> observers;
  Runtime& runtime;
  Workspace& work;
};

/// Rows of f32 to be written, row-major without gaps.
struct Matrix {
  float* data = nullptr;
  std::size_t n = 0, cols = 0;
  float* row(std::size_t i) const noexcept { return data + i * cols; }
  Rows rows() const noexcept { return {data, n, cols, cols}; }
};

/// n * cols floats of the workspace, contents undefined.
inline Matrix take_matrix(const Pass& pass, std::size_t n, std::size_t cols) {
  return {pass.work.stack.take<float>(n * cols).data(), n, cols};
}

/// Calls f(row) for every row, on the team if there is enough to do. `cost` is roughly the number
/// of floats touched a row. Rows are independent, so the result does not depend on the split.
template <class F>
void for_rows(const Pass& pass, std::size_t n, std::size_t cost, const F& f) {
  constexpr std::size_t kGrain = 16384;
  const std::size_t step = std::max<std::size_t>(1, kGrain / std::max<std::size_t>(cost, 1));
  const std::size_t n_tasks = (n + step - 1) / step;
  if (n_tasks <= 1) {
    for (std::size_t i = 0; i < n; ++i) f(i);
    return;
  }
  pass.runtime.team.run(n_tasks, [&](std::size_t task, std::size_t) {
    for (std::size_t i = task * step; i < std::min(n, (task + 1) * step); ++i) f(i);
  });
}

/// out = norm(x) * weight, by the kind of the model; bias null = none. May alias.
void norm_rows(const Pass& pass, const Rows& x, const float* weight, const float* bias, float* out,
               std::size_t out_stride);

}  // namespace runtime
