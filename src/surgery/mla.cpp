#include "surgery/mla.h"

#include <fmt/format.h>

namespace surgery {
namespace {

using model::Role;

/// Rows [first, first + n) as f32.
std::vector<float> rows_of(const tensor::TensorView& view, std::size_t first, std::size_t n) {
  const std::size_t group = view.codec->group_rows;
  if (first % group != 0 || n % group != 0) {
    throw base::Error(base::Fault::unsupported, "rows of two heads are woven together")
        .at("type", view.codec->name)
        .at("found", fmt::format("{} rows from row {}", n, first))
        .expected(fmt::format("multiples of {}", group))
        .hint("`quern quantize --unpack` gives a file with plain rows");
  }
  std::vector<float> out(n * view.shape.cols());
  tensor::decode_rows(view, first, n, out);
  return out;
}

}  // namespace

MlaSizes mla_sizes(const model::ModelSpec& spec) {
  const model::MlaPlan& plan = *spec.layers.front().mla;
  return {
      .heads = plan.n_head, .nope = plan.nope_dim, .value = plan.value_dim, .rank = plan.kv_rank};
}

std::vector<int> mla_layer_numbers(const model::ModelSpec& spec) {
  std::vector<int> out;
  for (const model::TensorRow& row : spec.tensors) {
    if (row.role == Role::attn_kv_b) out.push_back(row.layer);
  }
  return out;
}

std::vector<MlaTensors> mla_layers(const gguf::FileSet& files, const model::ModelSpec& spec) {
  std::vector<MlaTensors> out;
  for (const int layer : mla_layer_numbers(spec)) {
    const auto find = [&](Role role) { return files.find(model::tensor_name(role, layer)); };
    out.push_back({.layer = layer,
                   .sizes = mla_sizes(spec),
                   .kv_b = find(Role::attn_kv_b),
                   .k_b = find(Role::attn_k_b),
                   .v_b = find(Role::attn_v_b)});
  }
  return out;
}

std::vector<float> transposed(const std::vector<float>& x, std::size_t rows, std::size_t cols) {
  std::vector<float> out(x.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) out[c * rows + r] = x[r * cols + c];
  }
  return out;
}

std::vector<float> keys_of_kv_b(const tensor::TensorView& kv_b, const MlaSizes& sizes,
                                std::size_t head) {
  return rows_of(kv_b, head * (sizes.nope + sizes.value), sizes.nope);
}

std::vector<float> keys_of_k_b(const tensor::TensorView& k_b, const MlaSizes& sizes,
                               std::size_t head) {
  return transposed(rows_of(k_b, head * sizes.rank, sizes.rank), sizes.rank, sizes.nope);
}

std::vector<float> values_of_kv_b(const tensor::TensorView& kv_b, const MlaSizes& sizes,
                                  std::size_t head) {
  return rows_of(kv_b, head * (sizes.nope + sizes.value) + sizes.nope, sizes.value);
}

std::vector<float> values_of_v_b(const tensor::TensorView& v_b, const MlaSizes& sizes,
                                 std::size_t head) {
  return rows_of(v_b, head * sizes.value, sizes.value);
}

}  // namespace surgery
