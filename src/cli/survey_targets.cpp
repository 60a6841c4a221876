#include "cli/survey_targets.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/nearest.h"
#include "base/printable.h"
#include "cli/type_words.h"
#include "quant/registry.h"
#include "recipe/types.h"

namespace cli {
namespace {

std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at <= list.size()) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    constexpr std::string_view kBlanks = " \t\r\n";
    const std::size_t first = list.find_first_not_of(kBlanks, at);
    if (first < end) {
      const std::size_t last = list.find_last_not_of(kBlanks, end - 1);
      out.push_back(list.substr(first, last + 1 - first));
    }
    at = end + 1;
  }
  return out;
}

/// A type, or a recipe of the default policy. Throws Fault::bad_usage.
SurveyTarget target_of(const std::string& word) {
  const recipe::TypeFacts* type = recipe::type_by_name(word);
  if (type != nullptr) {
    const quant::Codec* codec = quant::find_codec(type->id);
    const recipe::Recipe* r = recipe_of_type(*type);
    if (codec != nullptr && codec->encode != nullptr && r != nullptr && r->default_type == type) {
      return {.word = std::string(codec->name), .recipe = r};
    }
  }
  refuse_other_policy(recipe::Policy::ik, word,
                      "a survey makes only those of ik; `quantize` has --policy");
  const std::string name = canonical_recipe(recipe::Policy::ik, word);
  if (!name.empty() && name != "COPY") {
    return {
        .word = name, .recipe = recipe::recipe_for_word(recipe::Policy::ik, word), .pure = false};
  }
  std::vector<std::string_view> names;
  for (const quant::Codec* c : quant::all_codecs()) names.push_back(c->name);
  for (const recipe::Recipe& r : recipe::all_recipes(recipe::Policy::ik)) {
    names.insert(names.end(), r.cli.begin(), r.cli.end());
  }
  const std::string guess = base::did_you_mean(word, names);
  throw base::Error(base::Fault::bad_usage, "unknown type in --types")
      .at("found", base::printable(word))
      .hint(guess + (guess.empty() ? "" : " ") + "`quern types` lists the names");
}

}  // namespace

std::vector<SurveyTarget> survey_targets(const std::string& list) {
  std::vector<SurveyTarget> out;
  for (const std::string& word : split_list(list)) {
    SurveyTarget target = target_of(word);
    const bool is_float = quant::find_codec(target.recipe->default_type->id)->is_float();
    for (const bool importance : {false, true}) {
      const bool known = std::any_of(out.begin(), out.end(), [&](const SurveyTarget& t) {
        return t.word == target.word && t.importance == importance;
      });
      target.importance = importance;
      if (!known && !(importance && is_float)) out.push_back(target);
    }
  }
  if (out.empty()) {
    throw base::Error(base::Fault::bad_usage, "--types names no type").at("found", list);
  }
  return out;
}

}  // namespace cli
