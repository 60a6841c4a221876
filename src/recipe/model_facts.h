// What the rules ask about a model (docs/spec/recipes.md 4), read from the metadata and the list
// of tensors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "gguf/value.h"
#include "model/spec.h"
#include "recipe/tables.h"

namespace recipe {

/// One tensor of the input.
struct InputTensor {
  /// `spec`: of the architecture, if it is known; then it tells the role, else the name does.
  InputTensor(std::string name_, const TypeFacts* type_, const tensor::Shape& shape_,
              std::size_t shard_ = 0, const model::ModelSpec* spec = nullptr)
      : name(std::move(name_)),
        id(model::identify(spec, name)),
        type(type_),
        shape(shape_),
        shard(shard_) {}

  std::string name;
  model::TensorId id;
  const TypeFacts* type;
  tensor::Shape shape;
  std::size_t shard;

  bool fits(const NameTest& test) const noexcept { return test.holds(id, name); }
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
