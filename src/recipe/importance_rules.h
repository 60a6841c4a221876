// Types and recipes that must not be made without importance data (docs/spec/recipes.md 8).
#pragma once

#include "recipe/model_facts.h"
#include "recipe/options.h"

namespace recipe {

/// The recipe is refused when no importance data are in use at all.
bool recipe_needs_importance(Policy policy, const Recipe& recipe) noexcept;
/// The type is refused for tensors without data, whatever the recipe: what `types` shows.
bool type_needs_importance(Policy policy, const TypeFacts& type) noexcept;
/// Embeddings and output may always go without, whatever the type needs.
bool may_lack_importance(Policy policy, const InputTensor& tensor) noexcept;
/// The tensor, about to become `wanted`, is refused without data of its own.
bool tensor_needs_importance(Policy policy, const Recipe& recipe, const TypeFacts& wanted,
                             const InputTensor& tensor) noexcept;

}  // namespace recipe
