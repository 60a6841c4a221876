// One writer at a time: a lock file beside an output or in an output folder.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

namespace base {

/// Holds the lock file `path` (an flock, so that it ends with the process, however that ends) and
/// removes it when destroyed. Threads of one process exclude each other as well. On a file system
/// without locks everybody gets it.
class FileLock {
 public:
  /// Throws Fault::bad_input if another run holds it ("another run writes here", with its process
  /// number) and Fault::io if the lock file cannot be made. One that another user left is taken if
  /// it can be read. `output` is what the error names.
  FileLock(std::filesystem::path path, const std::filesystem::path& output);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

  /// For an output file: "NAME.lock" beside it; beside what it names if it is a link.
  static FileLock beside(const std::filesystem::path& output);
  /// For a folder that exists: ".lock" in it.
  static FileLock inside(const std::filesystem::path& folder);

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

/// The process that a lock file names, if it holds a number.
std::optional<pid_t> process_in_lock(const std::filesystem::path& path);

}  // namespace base
