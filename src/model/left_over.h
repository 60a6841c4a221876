// Tensors that a file has beyond its architecture: harmless, or of a variant that is not known.
#pragma once

#include <string_view>

#include "model/spec.h"

namespace model {

/// Whether a tensor that no row of the spec covers would change what the model computes: one that
/// means something in a layer that runs, in whatever architecture, or a bias. A file with such a
/// tensor is not run; `examine` reports it as an error, `validate` as doubtful, since writers of
/// files may keep it.
bool would_count(const ModelSpec& spec, std::string_view name);

}  // namespace model
