// Options about types that decide nothing, each a finding.
#pragma once

#include "recipe/model_facts.h"
#include "recipe/options.h"

namespace recipe {

/// Custom rules that decided no tensor; `hits`: one for each of Options::custom_rules.
void report_idle_rules(const Options& options, const std::vector<std::size_t>& hits,
                       const std::vector<InputTensor>& tensors, base::Findings& findings);

/// Types by role that decided no tensor, and why; `hits`: one for each of Options::role_types.
void report_idle_roles(const Options& options, const std::vector<std::size_t>& hits,
                       const std::vector<InputTensor>& tensors, base::Findings& findings);

/// Everything about types that is given to a run that chooses none: copy, repack, unpack.
void report_unused_types(const Options& options, const std::vector<InputTensor>& tensors,
                         base::Findings& findings);

}  // namespace recipe
