// What a plan will take before it is carried out: room on the disk, memory, time.
#pragma once

#include <filesystem>

#include "cook/plan.h"

namespace cook {

/// The file system of the output.
struct Room {
  std::filesystem::path folder;  ///< the nearest folder that exists
  std::size_t needed = 0;        ///< bytes of all files that will be written
  std::size_t free = 0;          ///< bytes that may be taken; SIZE_MAX if the system does not tell

  bool suffices() const noexcept { return needed <= free; }
};
Room room_for(const Plan& plan);
/// Of a folder of encoded tensors, there or not: what the plan adds to it at most.
Room room_for_cache(const Plan& plan, const std::filesystem::path& folder);
/// Throws Fault::io naming folder, bytes free and bytes needed.
void check_room(const Plan& plan);

/// Upper bound of the bytes that run_plan takes for buffers and importance vectors, beyond what the
/// process holds already.
std::size_t working_memory(const Plan& plan, std::size_t n_threads);
/// As many threads as fit `budget` bytes together with the `held` ones, at most `n_threads`. Throws
/// Fault::bad_input with the numbers and the tensor that takes most when not even one fits.
std::size_t threads_within(const Plan& plan, std::size_t n_threads, std::size_t budget,
                           std::size_t held);

/// Seconds of decoding and encoding on so many threads that have a core each, from short trials of
/// every type in the plan on made-up rows, by the time that the trial computes; nothing is read.
/// Reading, writing and finished bytes in a cache are not counted.
double encode_seconds(const Plan& plan, std::size_t n_threads);

}  // namespace cook
