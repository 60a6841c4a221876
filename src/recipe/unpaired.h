// What --repack and --unpack leave as it is.
#pragma once

#include "recipe/plan.h"

namespace recipe {

/// One note for each type of matrices that could be meant but stay: those without a partner, 16-bit
/// floats, rows that are no whole groups. `choices` in any order. Source: docs/spec/recipes.md 9.
void report_unpaired(const Options& options, const std::vector<InputTensor>& tensors,
                     const std::vector<Choice>& choices, base::Findings& findings);

}  // namespace recipe
