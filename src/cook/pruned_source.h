// A model without some of its layers (docs/spec/recipes.md 13, --prune-layers).
#pragma once

#include <set>

#include "cook/source.h"

namespace cook {

/// "0,3,17": Throws Fault::bad_usage.
std::set<int> parse_layers(std::string_view option, std::string_view text);

/// The layers that stay are numbered anew and the keys follow (model::without_layers). Importance
/// is looked up under the old names. Throws Fault::bad_usage when a layer is not there or none
/// stays, Fault::bad_file when the model does not tell its layers, Fault::unsupported when no key
/// can say how a renumbered layer is computed (with `allow_changes` a finding).
std::unique_ptr<TensorSource> prune_layers(std::unique_ptr<TensorSource> source,
                                           const std::set<int>& layers, bool allow_changes = false);

}  // namespace cook
