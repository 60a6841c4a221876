#include "cli/type_words.h"

#include <fmt/format.h>

#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "base/printable.h"
#include "recipe/table_text.h"

namespace cli {

using recipe::Policy;

recipe::Policy policy_of(const Args& args) {
  const std::string name = args.str("policy");
  if (name == "ik" || name == "ik_llama.cpp") return Policy::ik;
  if (name == "llama.cpp" || name == "mainline") return Policy::mainline;
  throw base::Error(base::Fault::bad_usage, "unknown policy")
      .at("found", name)
      .expected("ik or llama.cpp");
}

std::string canonical_recipe(Policy policy, std::string_view word) {
  if (recipe::equal_ignoring_case(word, "COPY")) return "COPY";
  const recipe::Recipe* recipe = recipe::recipe_for_word(policy, word);
  if (recipe == nullptr) return "";
  for (const std::string_view name : recipe->cli) {
    if (recipe::equal_ignoring_case(name, word)) return std::string(name);
  }
  return std::string(recipe->symbol);
}

void refuse_other_policy(Policy policy, std::string_view word, std::string_view hint) {
  const Policy other = policy == Policy::ik ? Policy::mainline : Policy::ik;
  const std::string there = canonical_recipe(other, word);
  if (there.empty() || !canonical_recipe(policy, word).empty()) return;
  const std::string_view name = recipe::policy_name(other);
  throw base::Error(base::Fault::bad_usage,
                    fmt::format("{} is a recipe of --policy {}", there, name))
      .hint(fmt::format("{} {}", hint, name));
}

std::string hint_for_type(Policy policy, std::string_view word) {
  std::vector<std::string_view> names;
  for (const recipe::Recipe& r : recipe::all_recipes(policy)) {
    names.insert(names.end(), r.cli.begin(), r.cli.end());
  }
  for (const recipe::TypeFacts& t : recipe::all_types()) names.push_back(t.name);
  const std::string guess = base::did_you_mean(word, names);
  return guess + (guess.empty() ? "" : " ") + "`quern types` lists the names";
}

const recipe::Recipe* recipe_of_type(const recipe::TypeFacts& type) {
  const recipe::Recipe& guess = recipe::guessed_recipe(type);
  if (guess.default_type == &type) return &guess;
  for (const Policy policy : {Policy::ik, Policy::mainline}) {
    for (const recipe::Recipe& r : recipe::all_recipes(policy)) {
      if (r.default_type == &type) return &r;
    }
  }
  return guess.symbol == "F32" ? nullptr : &guess;
}

const quant::Codec& codec_for_option(std::string_view option, const std::string& word) {
  const bool number = word.find_first_not_of("0123456789") == std::string::npos;
  if (recipe::type_by_name(word) == nullptr && !number) {
    for (const Policy policy : {Policy::ik, Policy::mainline}) {
      const recipe::Recipe* mix = recipe::recipe_for_word(policy, word);
      if (mix == nullptr || canonical_recipe(policy, word) == "COPY") continue;
      throw base::Error(base::Fault::bad_usage,
                        fmt::format("{}: a recipe of quantize, not a format", option))
          .at("found", base::printable(word))
          .hint(fmt::format("did you mean {}, the format that most of it is in?",
                            mix->default_type->name));
    }
  }
  const recipe::TypeFacts& type = recipe::type_for_option(option, word);
  const quant::Codec* codec = quant::find_codec(type.id);
  if (codec != nullptr) return *codec;
  throw base::Error(base::Fault::bad_usage,
                    fmt::format("{}: {} is no format of weights", option, type.name))
      .hint("`quern types` lists the names");
}

const quant::Codec& encoder_for_option(std::string_view option, const std::string& word) {
  const quant::Codec& codec = codec_for_option(option, word);
  if (codec.encode != nullptr) return codec;
  throw base::Error(base::Fault::unsupported, fmt::format("{}: this format is only read", option))
      .at("found", codec.name);
}

}  // namespace cli
