// What `quern survey --types` names.
#pragma once

#include <string>
#include <vector>

#include "recipe/tables.h"

namespace cli {

/// One row to measure.
struct SurveyTarget {
  std::string word;  ///< as in the list of types or of recipes
  const recipe::Recipe* recipe = nullptr;
  bool pure = true;  ///< a type; else a recipe, which decides for each tensor
  bool importance = false;
};

/// Every type and recipe of the list once without and once with importance; plain floats once.
/// Throws Fault::bad_usage for a name that is neither, and for an empty list.
std::vector<SurveyTarget> survey_targets(const std::string& list);

}  // namespace cli
