// The list of recipes of each policy.
#include <algorithm>
#include <charconv>

#include "recipe/table_text.h"
#include "recipe/tables.h"

namespace recipe {
namespace {

constexpr std::string_view kList =
#include "recipe/data/recipe_list.tsv.inc"
    ;
constexpr std::string_view kMainlineList =
#include "recipe/data/recipe_lc_list.tsv.inc"
    ;
constexpr std::string_view kGuess =
#include "recipe/data/recipe_guess.tsv.inc"
    ;

/// Aliases of the command line for the `_M` recipes stand in the table; COPY does not, see cli.
std::vector<Recipe> parse(std::string_view text) {
  std::vector<Recipe> out;
  for (const Fields& f : table_rows(text)) {
    Recipe recipe{.id = 0, .symbol = f.at(1)};
    std::from_chars(f[0].data(), f[0].data() + f[0].size(), recipe.id);
    if (f.at(2) != "-") recipe.cli = split(f[2], '/');
    recipe.default_type = &known_type(f.at(3));
    recipe.display_name = f.at(4);
    if (f.at(5) != "-") recipe.repacked = f[5];
    out.push_back(std::move(recipe));
  }
  return out;
}

const std::vector<Recipe>& recipes(Policy policy) {
  static const std::vector<Recipe> ik = parse(kList);
  static const std::vector<Recipe> mainline = parse(kMainlineList);
  return policy == Policy::ik ? ik : mainline;
}

template <class Test>
const Recipe* first(Policy policy, Test test) {
  const std::vector<Recipe>& all = recipes(policy);
  const auto it = std::find_if(all.begin(), all.end(), test);
  return it == all.end() ? nullptr : &*it;
}

}  // namespace

std::string_view policy_name(Policy policy) noexcept {
  return policy == Policy::ik ? "ik" : "llama.cpp";
}

std::span<const Recipe> all_recipes(Policy policy) { return recipes(policy); }

const Recipe* recipe_by_symbol(Policy policy, std::string_view symbol) {
  return first(policy, [symbol](const Recipe& r) { return r.symbol == symbol; });
}

const Recipe* recipe_by_id(Policy policy, std::uint32_t id) {
  return first(policy, [id](const Recipe& r) { return r.id == (id & ~kGuessed); });
}

const Recipe* recipe_for_word(Policy policy, std::string_view word) {
  std::uint32_t id = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), id);
  if (code == std::errc() && end == word.data() + word.size()) {
    const Recipe* recipe = first(policy, [id](const Recipe& r) { return r.id == id; });
    return recipe == nullptr || recipe->cli.empty() ? nullptr : recipe;
  }
  return first(policy, [word](const Recipe& r) {
    return std::any_of(r.cli.begin(), r.cli.end(),
                       [word](std::string_view name) { return equal_ignoring_case(name, word); });
  });
}

const Recipe& guessed_recipe(const TypeFacts& most_frequent) {
  for (const Fields& f : table_rows(kGuess)) {
    if (f.at(0) == most_frequent.symbol) return *recipe_by_symbol(Policy::ik, f.at(1));
  }
  return *recipe_by_symbol(Policy::ik, "F32");
}

std::string file_type_text(std::uint32_t file_type) {
  const Recipe* recipe = recipe_by_id(Policy::ik, file_type);
  if (recipe == nullptr) recipe = recipe_by_id(Policy::mainline, file_type);
  std::string text(recipe == nullptr ? "unknown" : recipe->display_name);
  if (text == "-") text = recipe->symbol;
  if ((file_type & kGuessed) != 0) text += " (guessed)";
  return text;
}

}  // namespace recipe
