#include "recipe/tables.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "recipe/table_text.h"

namespace recipe {
namespace {

constexpr std::string_view kRoles =
#include "recipe/data/recipe_roles.tsv.inc"
    ;
constexpr std::string_view kRules =
#include "recipe/data/recipe_rules.tsv.inc"
    ;
constexpr std::string_view kMainlineRoles =
#include "recipe/data/recipe_lc_roles.tsv.inc"
    ;
constexpr std::string_view kMainlineRules =
#include "recipe/data/recipe_lc_rules.tsv.inc"
    ;
constexpr std::string_view kBump =
#include "recipe/data/recipe_bump.tsv.inc"
    ;
constexpr std::string_view kFallback =
#include "recipe/data/recipe_fallback.tsv.inc"
    ;
constexpr std::string_view kMainlineFallback =
#include "recipe/data/recipe_lc_fallback.tsv.inc"
    ;
constexpr std::string_view kInterleave =
#include "recipe/data/recipe_interleave.tsv.inc"
    ;
constexpr std::string_view kRepack =
#include "recipe/data/recipe_repack.tsv.inc"
    ;

/// Recipes with role lines of their own (docs/spec/recipes.md 5.1 and 13); the rest is "general".
struct Family {
  Policy policy;
  std::string_view name, recipes;
};
constexpr Family kFamilies[] = {
    {Policy::ik, "one_r4", "IQ1_S_R4|IQ1_M_R4"},
    {Policy::ik, "kt2", "IQ2_KT"},
    {Policy::ik, "low",
     "IQ1_S|IQ1_M|IQ2_XXS|IQ2_XS|IQ2_S|IQ2_M|IQ2_KS|IQ2_XXS_R4|IQ2_XS_R4|IQ2_M_R4"},
    {Policy::mainline, "moe4", "MXFP4_MOE"},
    {Policy::mainline, "low", "IQ1_S|IQ1_M|IQ2_XXS|IQ2_XS|IQ2_S|IQ2_M"},
};

std::string_view none_is_empty(std::string_view field) { return field == "-" ? "" : field; }

RoleRow role_row(const Fields& f) {
  return {.family = f.at(0),
          .role = f.at(1),
          .name = NameTest(f.at(2)),
          .guard = Condition::parse(f.at(3)),
          .counter = none_is_empty(f.at(4))};
}

PolicyTables parse_policy(std::string_view roles, std::string_view rules) {
  PolicyTables tables;
  for (const Fields& f : table_rows(roles)) tables.roles.push_back(role_row(f));
  std::size_t line = 0;
  for (const Fields& f : table_rows(rules)) {
    line = tables.rules.empty() || tables.rules.back().role != f.at(0) ? 1 : line + 1;
    tables.rules.push_back({.role = f.at(0),
                            .recipes = f.at(1) == "*" ? Fields{} : split(f.at(1), '|'),
                            .when = Condition::parse(f.at(2)),
                            .type = f.at(3),
                            .line = line});
  }
  return tables;
}

/// A table whose first two columns are types.
struct TypePair {
  const TypeFacts *from, *to;
};
std::vector<TypePair> parse_pairs(std::string_view text, std::size_t to_column) {
  std::vector<TypePair> out;
  for (const Fields& f : table_rows(text)) {
    const std::string_view to = f.at(to_column);
    out.push_back({&known_type(f.at(0)), to == "ERROR" ? nullptr : &known_type(to)});
  }
  return out;
}

const TypePair* find_pair(const std::vector<TypePair>& pairs, const TypeFacts& from) {
  const auto it =
      std::find_if(pairs.begin(), pairs.end(), [&](const TypePair& p) { return p.from == &from; });
  return it == pairs.end() ? nullptr : &*it;
}

}  // namespace

const PolicyTables& policy_tables(Policy policy) {
  static const PolicyTables ik = parse_policy(kRoles, kRules);
  static const PolicyTables mainline = parse_policy(kMainlineRoles, kMainlineRules);
  return policy == Policy::ik ? ik : mainline;
}

std::string_view role_family(Policy policy, const Recipe& recipe) noexcept {
  for (const Family& family : kFamilies) {
    if (family.policy != policy) continue;
    for (const std::string_view symbol : split(family.recipes, '|')) {
      if (symbol == recipe.symbol) return family.name;
    }
  }
  return "general";
}

const TypeFacts& one_step_up(const TypeFacts& type) {
  static const std::vector<TypePair> pairs = parse_pairs(kBump, 1);
  const TypePair* pair = find_pair(pairs, type);
  return pair == nullptr ? type : *pair->to;
}

Replacement row_replacement(Policy policy, const TypeFacts& type) {
  static const std::vector<TypePair> ik = parse_pairs(kFallback, 2);
  static const std::vector<TypePair> mainline = parse_pairs(kMainlineFallback, 1);
  const TypePair* pair = find_pair(policy == Policy::ik ? ik : mainline, type);
  // llama.cpp refuses what its table does not list; ik's table says so for the types it refuses.
  if (pair == nullptr) return {.type = nullptr, .refuse = policy == Policy::mainline};
  return {.type = pair->to, .refuse = pair->to == nullptr};
}

const TypeFacts& plain_type(const TypeFacts& type) {
  static const std::vector<TypePair> pairs = parse_pairs(kInterleave, 1);
  const TypePair* pair = find_pair(pairs, type);
  return pair == nullptr ? type : *pair->to;
}

const TypeFacts* repacked_type(const TypeFacts& type) {
  static const std::vector<TypePair> pairs = parse_pairs(kRepack, 1);
  const TypePair* pair = find_pair(pairs, type);
  return pair == nullptr ? nullptr : pair->to;
}

}  // namespace recipe
