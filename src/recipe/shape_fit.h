// What to do when a tensor's shape does not suit the chosen type (docs/spec/recipes.md 6, 13).
#pragma once

#include <string>

#include "recipe/model_facts.h"

namespace recipe {

/// A type, and why it is not the one asked for (empty if it is).
struct Fitted {
  const TypeFacts* type = nullptr;
  std::string why;
};

/// The type if rows of this length can be stored in it, else its replacement, else F16. Throws
/// Fault::bad_input for types that must not be replaced.
Fitted fit_row(Policy policy, const TypeFacts& type, const InputTensor& tensor);
/// The plain type when the rows of a matrix do not fill whole groups.
Fitted fit_groups(const TypeFacts& type, const InputTensor& tensor);
/// token_embd and per_layer_token_embd: rows are looked up one at a time, so never interleaved.
bool is_row_lookup(const InputTensor& tensor) noexcept;

}  // namespace recipe
