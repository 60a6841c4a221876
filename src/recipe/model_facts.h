// What the rules ask about a model (docs/spec/recipes.md 4), read from the metadata and the list
// of tensors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "gguf/value.h"
#include "recipe/tables.h"

namespace recipe {

/// One tensor of the input.
struct InputTensor {
  std::string name;
  const TypeFacts* type = nullptr;
  tensor::Shape shape;
  std::size_t shard = 0;
};

struct ModelFacts {
  std::string arch;
  std::int64_t n_experts = 0, gqa = 0, n_layers = 0, n_vocab = 0;
  bool no_output_name = false;  ///< the ik program does not know "output" for this architecture
  bool tied = false;
  std::string size_class;  ///< "70B", "8B" or empty
  bool big_vocab = false;  ///< a Llama-3-sized vocabulary
  std::int64_t n_attn_v = 0;
  base::Findings findings;
};

/// Values that cannot be read are 0 (with a finding), as in the public programs.
ModelFacts model_facts(Policy policy, const gguf::Metadata& metadata,
                       const std::vector<InputTensor>& tensors);

}  // namespace recipe
