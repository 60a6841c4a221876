#include "recipe/importance_rules.h"

#include <algorithm>

namespace recipe {
namespace {

constexpr std::string_view kRecipes[] = {"IQ1_S",      "IQ1_M",    "IQ2_XXS",  "IQ2_XS",
                                         "IQ2_S",      "Q2_K_S",   "IQ1_S_R4", "IQ1_M_R4",
                                         "IQ2_XXS_R4", "IQ2_XS_R4"};

template <std::size_t N>
bool any_equal(const std::string_view (&list)[N], std::string_view text) noexcept {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

}  // namespace

bool recipe_needs_importance(Policy policy, const Recipe& recipe) noexcept {
  // llama.cpp has only the test by tensor, made before anything is written.
  return policy == Policy::ik && any_equal(kRecipes, recipe.symbol);
}

bool may_lack_importance(Policy policy, const InputTensor& tensor) noexcept {
  static const NameTest per_layer("eq:per_layer_token_embd.weight");
  return tensor.id.is(model::Role::token_embd) || tensor.id.is(model::Role::output) ||
         (policy == Policy::mainline && tensor.fits(per_layer));
}

bool type_needs_importance(Policy policy, const TypeFacts& type) noexcept {
  return policy == Policy::ik ? type.needs_importance_ik : type.needs_importance_lc;
}

bool tensor_needs_importance(Policy policy, const Recipe& recipe, const TypeFacts& wanted,
                             const InputTensor& tensor) noexcept {
  if (may_lack_importance(policy, tensor)) return false;
  if (wanted.symbol == "Q2_K" && recipe.symbol == "Q2_K_S") return true;
  return type_needs_importance(policy, wanted);
}

}  // namespace recipe
