// attn_kv_b and its per-head forms attn_k_b and attn_v_b (docs/spec/models.md 3.1).
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "gguf/file.h"
#include "model/spec.h"

namespace surgery {

/// The sizes of one layer's latent attention: H heads, P values of a key without rotation, Dv of a
/// value, L of the latent.
struct MlaSizes {
  std::size_t heads = 0, nope = 0, value = 0, rank = 0;

  tensor::Shape kv_b() const noexcept { return {{rank, heads * (nope + value), 1, 1}}; }
  tensor::Shape k_b() const noexcept { return {{nope, rank, heads, 1}}; }
  tensor::Shape v_b() const noexcept { return {{rank, value, heads, 1}}; }
  tensor::Shape k_b_2d() const noexcept { return {{nope, rank * heads, 1, 1}}; }
  tensor::Shape v_b_2d() const noexcept { return {{rank, value * heads, 1, 1}}; }
};

/// Of a model whose layers have latent attention.
MlaSizes mla_sizes(const model::ModelSpec& spec);
/// All layers that may have the tensors, those of next-token prediction too; none for other models.
std::vector<int> mla_layer_numbers(const model::ModelSpec& spec);

/// The three tensors of a layer, null where the file has none. All layers with latent attention, in
/// order, layers of next-token prediction too.
struct MlaTensors {
  int layer = 0;
  MlaSizes sizes = {};
  const gguf::TensorInfo *kv_b = nullptr, *k_b = nullptr, *v_b = nullptr;
};
std::vector<MlaTensors> mla_layers(const gguf::FileSet& files, const model::ModelSpec& spec);

/// The K rows of one head as f32, [P, L], from attn_kv_b or from attn_k_b; the V rows [Dv, L].
/// Throws Fault::unsupported if rows of several heads are woven together.
std::vector<float> keys_of_kv_b(const tensor::TensorView& kv_b, const MlaSizes& sizes,
                                std::size_t head);
std::vector<float> keys_of_k_b(const tensor::TensorView& k_b, const MlaSizes& sizes,
                               std::size_t head);
std::vector<float> values_of_kv_b(const tensor::TensorView& kv_b, const MlaSizes& sizes,
                                  std::size_t head);
std::vector<float> values_of_v_b(const tensor::TensorView& v_b, const MlaSizes& sizes,
                                 std::size_t head);

/// [rows, cols] to [cols, rows].
std::vector<float> transposed(const std::vector<float>& x, std::size_t rows, std::size_t cols);

}  // namespace surgery
