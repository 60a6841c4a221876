// "FILE.undo": what the header of a file was before edits in place, the last one on top. The files
// of a split set have one each; what one edit did to several of them bears one number.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace surgery {

/// One edit of one file.
struct UndoRecord {
  bool done = false;                     ///< else the file may be anything between old and new
  std::uint64_t file_size = 0;           ///< before the edit
  std::uint64_t inserted = 0;            ///< bytes in front of the data
  std::uint64_t edit = 0;                ///< counts the edits of the model, from 1 on
  std::uint64_t n_files = 1;             ///< that the edit changed
  std::vector<std::byte> before, after;  ///< headers; equally long unless bytes were inserted
};

/// "FILE.undo", beside what a link names.
std::filesystem::path undo_path(const std::filesystem::path& file);

/// An undo file as a stack of records.
class UndoFile {
 public:
  /// Of a model file; empty if there is none. Throws Fault::io, Fault::bad_file if it is damaged.
  explicit UndoFile(const std::filesystem::path& file);

  std::vector<UndoRecord>& records() noexcept { return records_; }
  const std::vector<UndoRecord>& records() const noexcept { return records_; }
  /// Number of the last edit, 0 if there is none.
  std::uint64_t last_edit() const noexcept { return records_.empty() ? 0 : records_.back().edit; }
  /// The whole file again: it is small beside the model. Its content is whole at any moment;
  /// without records it vanishes. Throws Fault::io.
  void save() const;

 private:
  void read(std::span<const std::byte> bytes);

  std::filesystem::path path_;
  std::vector<UndoRecord> records_;
};

}  // namespace surgery
