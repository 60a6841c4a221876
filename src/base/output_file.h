// A file that appears whole or not at all: written under a temporary name in the same folder, then
// synced and renamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace base {

/// What killed runs have left under the temporary names of a file that is to be written.
enum class LeftOvers : std::uint8_t { remove, keep };

/// Owner of the temporary file "NAME.unfinished-PID" beside the final one. Destroyed without
/// `commit`, it removes the temporary file and leaves whatever stood under the final name. After a
/// SIGKILL only the temporary file can remain; the next OutputFile of that name removes it. A link
/// stays: what it names is written, with the temporary file beside that.
class OutputFile {
 public:
  /// Throws Fault::bad_input if something that is not a regular file has the final name, Fault::io
  /// if the file cannot be created.
  /// Removing looks at every file of the folder: not for one of many files.
  explicit OutputFile(const std::filesystem::path& path, LeftOvers left_overs = LeftOvers::remove);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  /// Sets the size; new bytes are zero. Disk space is taken now, so that a full disk is known
  /// before the work. Throws Fault::io with the bytes needed and there.
  void reserve(std::size_t size);

  /// Writes at an offset; may be called from several threads for different ranges. Throws
  /// Fault::io.
  void write(std::size_t offset, std::span<const std::byte> bytes);

  /// Makes the file durable and gives it its final name. Throws Fault::io.
  void commit();
  /// The two halves of commit, for files that get their names together (output_set.h).
  void seal();
  void publish();
  /// The temporary file stays when this is destroyed.
  void leave() noexcept;

  const std::filesystem::path& path() const noexcept { return path_; }
  const std::filesystem::path& temporary_path() const noexcept { return temporary_; }

 private:
  std::filesystem::path path_, temporary_;
  int fd_ = -1;
};

/// Where a chain of links ends, whether or not a file is there; a path that is no link as it is.
std::filesystem::path link_target(std::filesystem::path path);

/// A temporary file that a killed process left.
struct Unfinished {
  std::filesystem::path path;
  std::size_t bytes = 0;  ///< that it took on the disk
};

/// Removes the temporary files of `output` whose process is gone: they belong to this user, no
/// process of that number is alive, and nobody holds the lock that an OutputFile has on its file
/// (so those of other machines or containers stay). Those of a set that is to be finished
/// (output_set.h) stay, too. Tells what was removed; never throws for files
/// that cannot be removed. The constructor of OutputFile does the same in silence.
std::vector<Unfinished> remove_unfinished(const std::filesystem::path& output);
/// The same for all files of a folder with names that are `wanted`.
std::vector<Unfinished> remove_unfinished_in(
    const std::filesystem::path& folder, const std::function<bool(std::string_view name)>& wanted);

/// Renames are durable only once the folder of the file is synced; a failure does no harm.
void sync_folder(const std::filesystem::path& file) noexcept;

/// The file system of `file`, which need not be there, has room for so many bytes: for files that
/// are known together before the first is written. Throws Fault::io with the bytes needed and free.
void require_room(const std::filesystem::path& file, std::size_t bytes);

/// The whole content of a small file at once, through OutputFile.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace base
