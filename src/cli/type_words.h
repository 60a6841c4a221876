// The words of the command line that name a recipe or a type.
#pragma once

#include <string>
#include <string_view>

#include "cli/options.h"
#include "quant/codec.h"
#include "recipe/tables.h"

namespace cli {

/// --policy. Throws Fault::bad_usage.
recipe::Policy policy_of(const Args& args);

/// A recipe in the spelling of the list, "COPY" too; empty if the word is none of the policy.
std::string canonical_recipe(recipe::Policy policy, std::string_view word);

/// Throws Fault::bad_usage if only the other policy has this recipe. `hint`: what to do about it,
/// after which the name of that policy stands, e.g. "add --policy".
void refuse_other_policy(recipe::Policy policy, std::string_view word, std::string_view hint);

/// A recipe of the policy or a tensor type, whichever is spelt most like the word: "did you mean
/// Q4_K_M? `quern types` lists the names".
std::string hint_for_type(recipe::Policy policy, std::string_view word);

/// The recipe that stands for a type in general.file_type: that which a file of this type is taken
/// for, or any of either program whose mix begins with it. Null: none.
const recipe::Recipe* recipe_of_type(const recipe::TypeFacts& type);

/// The format that `option` names, in any letter case. Throws Fault::bad_usage for other words,
/// telling what they are: a recipe, a number, a type that holds no weights, a near name.
const quant::Codec& codec_for_option(std::string_view option, const std::string& word);
/// The same for what is to be encoded: formats that are only read are refused, too.
const quant::Codec& encoder_for_option(std::string_view option, const std::string& word);

}  // namespace cli
