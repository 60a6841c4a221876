#pragma once

#include <filesystem>

namespace convert {

/// Whether a folder of a model holds this file. What is there but cannot be reached is no absence:
/// Fault::io for a link to nowhere (a hub's cache whose blobs are gone) and for a folder that may
/// not be read.
bool is_there(const std::filesystem::path& file);

}  // namespace convert
