// Room on the disk for importance matrices, asked for before the work.
#pragma once

#include <cstddef>
#include <filesystem>

#include "calibrate/collect.h"

namespace cli {

/// The result, `n_copies` more of it, and the state that is saved on the way fit beside `out`; of
/// two saves the new state is whole before the old one goes. Not counted: headers, hidden states of
/// the layer loop. Throws Fault::io with the bytes needed and there.
void check_importance_room(const model::ModelSpec& spec, const calibrate::CollectOptions& options,
                           std::size_t n_windows, std::size_t n_copies,
                           const std::filesystem::path& out);

}  // namespace cli
