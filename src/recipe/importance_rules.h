// Types and recipes that must not be made without importance data (docs/spec/recipes.md 8).
#pragma once

#include <string_view>

#include "recipe/options.h"

namespace recipe {

/// The recipe is refused when no importance data are in use at all.
bool recipe_needs_importance(Policy policy, const Recipe& recipe) noexcept;
/// The tensor, about to become `wanted`, is refused without data of its own.
bool tensor_needs_importance(Policy policy, const Recipe& recipe, const TypeFacts& wanted,
                             std::string_view tensor_name) noexcept;

}  // namespace recipe
