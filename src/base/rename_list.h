// A list on disk of files that are about to get their names: what a run that is killed between two
// renames leaves behind for the next one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace base {

/// One file of a set.
struct PendingName {
  std::filesystem::path temporary, path;  ///< while it is written, and its own
  std::uint64_t size = 0, inode = 0;      ///< tell whether `path` is that file already
};

struct RenameList {
  std::string job;  ///< what the run was to do, in the words of the one who wrote the list
  std::vector<PendingName> files;
};

/// "FILE.unfinished-set", beside what a link names; `first` stands for the set.
std::filesystem::path rename_list_path(const std::filesystem::path& first);
/// Appears whole or not at all. Throws Fault::io.
void write_rename_list(const std::filesystem::path& list, const RenameList& content);
/// Nullopt if there is none. Throws Fault::bad_file if it is damaged, Fault::io.
std::optional<RenameList> read_rename_list(const std::filesystem::path& list);

/// The temporary files that the lists of a folder name; damaged lists name none.
std::vector<std::filesystem::path> pending_files(const std::filesystem::path& folder);

}  // namespace base
