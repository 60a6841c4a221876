// The recipe tables of docs/spec/recipes.md, parsed. They are data/*.tsv, embedded in the program.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recipe/condition.h"
#include "recipe/name_test.h"
#include "recipe/types.h"

namespace recipe {

/// Whose decisions are followed.
enum class Policy : std::uint8_t { ik, mainline };
std::string_view policy_name(Policy policy) noexcept;  ///< "ik", "llama.cpp"

/// One value of general.file_type: a default type and the rules that its name selects.
struct Recipe {
  std::uint32_t id = 0;
  std::string_view symbol = {};            ///< "Q4_K_M"
  std::vector<std::string_view> cli = {};  ///< names on the command line; empty: read only
  const TypeFacts* default_type = nullptr;
  std::string_view display_name = {};  ///< "Q4_K - Medium"; "-" where ik has none
  std::string_view repacked = {};      ///< symbol of the recipe after --repack; empty = same
};

std::span<const Recipe> all_recipes(Policy policy);
const Recipe* recipe_by_symbol(Policy policy, std::string_view symbol);
/// By id, bit 1024 ("guessed") cleared. Null if unknown.
const Recipe* recipe_by_id(Policy policy, std::uint32_t id);
/// A TYPE word of the command line: a name in any letter case or a decimal id. Null if unknown.
/// "COPY" is not a recipe of its own and gives F32.
const Recipe* recipe_for_word(Policy policy, std::string_view word);
/// `file_type` names the flag for recipes that were inferred from the tensors.
constexpr std::uint32_t kGuessed = 1024;
/// Recipe of a file without general.file_type, by the most frequent tensor type.
const Recipe& guessed_recipe(const TypeFacts& most_frequent);
/// For people: the display name, with " (guessed)" when the bit is set.
std::string file_type_text(std::uint32_t file_type);

/// How a role is recognised. Tried in order; the first whose name test and guard hold wins.
struct RoleRow {
  std::string_view family = {}, role = {};
  NameTest name;
  Condition guard = {};
  std::string_view counter = {};  ///< empty: none
};

/// A line of a role: when the recipe is listed (or the list is empty) and the condition holds,
/// `type` decides: a symbol, "=" (keep), "@x" (option x), "bump", or "v_post:" before one of them.
struct RuleRow {
  std::string_view role;
  std::vector<std::string_view> recipes;
  Condition when;
  std::string_view type;
  std::size_t line = 0;  ///< 1-based inside its role, as printed in the spec
};

struct PolicyTables {
  std::vector<RoleRow> roles;
  std::vector<RuleRow> rules;
};
const PolicyTables& policy_tables(Policy policy);
/// Family of roles that a recipe selects, beside "any".
std::string_view role_family(Policy policy, const Recipe& recipe) noexcept;

/// One step up for attn_v under grouped queries; the same type when not listed.
const TypeFacts& one_step_up(const TypeFacts& type);
/// Type for rows whose length does not fit `type`. Null: nothing listed; `refuse`: must be an
/// error.
struct Replacement {
  const TypeFacts* type = nullptr;
  bool refuse = false;
};
Replacement row_replacement(Policy policy, const TypeFacts& type);
/// The plain type of an interleaved one; the type itself otherwise.
const TypeFacts& plain_type(const TypeFacts& type);
/// The interleaved partner for --repack; null if there is none.
const TypeFacts* repacked_type(const TypeFacts& type);

}  // namespace recipe
