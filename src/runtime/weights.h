// The weights of one layer, ready to multiply: views into the mapped file, plus what the file lacks
// and what is kept in another form. Source: docs/spec/models.md 1.2, 3.4.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "model/spec.h"
#include "runtime/model.h"
#include "tensor/buffer.h"

namespace runtime {

/// A matrix or a stack of equal matrices; somebody else owns the bytes.
struct Weight {
  const quant::Codec* codec = nullptr;
  std::size_t cols = 0, rows = 0;                ///< of one matrix
  std::size_t n_matrices = 1;                    ///< experts or heads
  const std::byte* data = nullptr;               ///< matrix 0
  std::size_t matrix_bytes = 0;                  ///< from one matrix to the next
  std::vector<const std::byte*> scattered = {};  ///< instead of data: one pointer a matrix

  const std::byte* matrix(std::size_t m) const noexcept {
    return scattered.empty() ? data + m * matrix_bytes : scattered[m];
  }
};

/// Which forms of attn_kv_b are needed (docs/spec/models.md 3.2).
struct MlaForms {
  bool expanded = true, absorbed = true;
};

/// Weights of layer `layer`, or of what belongs to no layer (-1: embedding, final norm, output).
/// Matrices stay in the file; merged ones (attn_qkv, ffn_up with gate rows) also appear as their
/// parts (attn_q, attn_k, attn_v; ffn_gate, ffn_up). Vectors are decoded to f32, so is the router.
/// Move-only.
class LayerWeights {
 public:
  static LayerWeights load(const Model& model, int layer, MlaForms forms = {});

  /// Null if the layer has no such tensor.
  const Weight* find(model::Role role) const noexcept;
  /// A matrix that the spec requires.
  const Weight& at(model::Role role) const;
  /// f32 values of a vector; null if absent.
  const float* vector(model::Role role) const noexcept;

  /// MLA, expanded: K rows [nope_dim, kv_rank] and V rows [value_dim, kv_rank] of every head.
  const Weight& kv_keys() const noexcept { return kv_keys_; }
  const Weight& kv_values() const noexcept { return kv_values_; }
  /// MLA, absorbed: [kv_rank, nope_dim] and [value_dim, kv_rank] of every head.
  const Weight& k_b() const noexcept { return k_b_; }
  const Weight& v_b() const noexcept { return v_b_; }

 private:
  friend class LayerLoader;
  std::array<std::optional<Weight>, static_cast<std::size_t>(model::Role::count)> weights_;
  std::array<std::vector<float>, static_cast<std::size_t>(model::Role::count)> vectors_;
  Weight kv_keys_, kv_values_, k_b_, v_b_;
  std::vector<tensor::Buffer> owned_;
};

/// Reads the layer's pages from disk now (a page touched early is a page not waited for later).
void prefetch_layer(const Model& model, int layer);
/// Lets go of the layer's pages; they are read again if they are needed again.
void release_layer(const Model& model, int layer);

}  // namespace runtime
