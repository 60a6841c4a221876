// Bytes from file to file inside the system.
#pragma once

#include <cstddef>
#include <filesystem>

#include "base/progress.h"

namespace gguf {

struct FilePlace {
  const std::filesystem::path& file;
  std::size_t offset = 0;
};

/// Copies `size` bytes into a file that exists. Where the file system shares blocks between files
/// and the offsets allow it, nothing is copied; else the system copies, or, between file systems
/// that it cannot copy between, we do. Throws Fault::io with file and offset, also when the source
/// is too short; Fault::interrupted.
void copy_range(const FilePlace& from, const FilePlace& to, std::size_t size,
                const base::StopFlag& stop);

/// Gives the file `to`, which exists and is empty, the whole content of `from` without copying: it
/// shares the blocks where the file system can (xfs, btrfs), else it is replaced by a second name
/// (hard link) of the same file. False if neither is possible (another disk, no links): nothing has
/// happened then.
bool share_file(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace gguf
