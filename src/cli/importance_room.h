// Room on the disk for importance matrices, asked for before the work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "calibrate/collect.h"

namespace cli {

/// What a run writes besides its state.
struct ImportanceFiles {
  std::filesystem::path output;
  std::size_t output_every = 0;  ///< chunks after which it is saved on the way; 0: at the end only
  std::size_t copy_every = 0;    ///< chunks after which a copy stays; 0: never
};

/// Bytes that the files of a run still need at most, as check_importance_room counts them.
std::uint64_t importance_room(const model::ModelSpec& spec, const eval::Windows& windows,
                              const calibrate::CollectOptions& options,
                              const ImportanceFiles& files);

/// The result, its copies, and the state and hidden states that are saved on the way fit beside the
/// output; of two saves the new one is whole before the old one goes. Hidden states that are
/// spilled count where they go to the same disk; another one is asked when they are. Not counted:
/// headers. Throws Fault::io with the bytes needed and there.
void check_importance_room(const model::ModelSpec& spec, const eval::Windows& windows,
                           const calibrate::CollectOptions& options, const ImportanceFiles& files);

}  // namespace cli
