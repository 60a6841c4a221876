// What can be watched while a model runs. Observers are attached to what a tensor is (layer, role,
// matrix), so no fused path, cache type, attention mode or batch size can lose data.
#pragma once

#include <cstddef>

#include "model/spec.h"
#include "runtime/runtime.h"

namespace runtime {

/// The input of one weight matrix: `matrix` is the expert or head, 0 otherwise.
struct Site {
  int layer = -1;
  model::Role role = model::Role::count;
  std::size_t matrix = 0;
};

/// Rows of f32 activations, row-major.
struct Rows {
  const float* data = nullptr;
  std::size_t n = 0, cols = 0, stride = 0;  ///< stride in floats
  const float* row(std::size_t i) const noexcept { return data + i * stride; }
};

/// Sees the input of every linear weight. Weights that share an input (q_a and kv_a; gate and up)
/// are each reported. For MLA, in every mode: attn_kv_b sees the normed latent c (kv_rank values,
/// each new token once), attn_k_b matrix h sees q_nope of head h, attn_v_b matrix h sees u of head
/// h.
class Observer {
 public:
  virtual ~Observer() = default;
  /// Whether rows of this role are wanted (so that costly ones are computed only then).
  virtual bool wants(int layer, model::Role role) const = 0;
  /// Called from the driving thread, sites in a fixed order; `rows` lives only during the call. The
  /// observer may use runtime.team; its sums must not depend on how the work is split.
  virtual void observe(const Site& site, const Rows& rows, Runtime& runtime) = 0;
  /// Hidden state after a layer (layer = -1: after the embedding).
  virtual void hidden(int layer, const Rows& rows, Runtime& runtime) {
    static_cast<void>(layer);
    static_cast<void>(rows);
    static_cast<void>(runtime);
  }
};

}  // namespace runtime
