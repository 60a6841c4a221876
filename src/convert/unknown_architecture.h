#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "convert/folder.h"

namespace convert {

/// Name of a tensor in the language part; a vision model's carries a prefix. Nothing: it belongs to
/// another part.
std::optional<std::string> language_name(const ModelFolder& folder, const std::string& name);

/// The error for a class that no architecture has: with the nearest one, that is the one that knows
/// most of the tensors (among equals the one whose class is spelt most alike), the tensors that it
/// has no place for, and what of config.json it cannot read.
base::Error unknown_architecture(const ModelFolder& folder);

}  // namespace convert
