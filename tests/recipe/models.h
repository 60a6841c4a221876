// Synthetic models for recipe tests: metadata and a list of tensors, no data.
#pragma once

#include <string>
#include <vector>

#include "recipe/plan.h"

namespace test {

struct SyntheticModel {
  gguf::Metadata metadata;
  std::vector<recipe::InputTensor> tensors;

  /// Appends an F16 tensor.
  void add(const std::string& name, std::uint64_t cols, std::uint64_t rows,
           std::uint64_t matrices = 1, std::string_view type = "F16") {
    tensors.emplace_back(name, &recipe::known_type(type),
                         tensor::Shape{.ne = {cols, rows, matrices, 1}});
  }
};

/// A model with these hyper-parameters and no tensors yet.
inline SyntheticModel synthetic_model(const std::string& arch, std::uint32_t n_layers,
                                      std::uint32_t n_experts, std::uint32_t heads,
                                      std::uint32_t kv_heads, std::uint32_t n_vocab,
                                      std::uint32_t n_embd) {
  SyntheticModel m;
  m.metadata.set("general.architecture", arch);
  m.metadata.set(arch + ".block_count", n_layers);
  m.metadata.set(arch + ".expert_count", n_experts);
  m.metadata.set(arch + ".attention.head_count", heads);
  m.metadata.set(arch + ".attention.head_count_kv", kv_heads);
  m.metadata.set(arch + ".vocab_size", n_vocab);
  m.metadata.set(arch + ".embedding_length", n_embd);
  return m;
}

}  // namespace test
