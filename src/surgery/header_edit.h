// The header of a file replaced where it stands, so that the data is not touched; with a record
// from which the old one comes back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "gguf/file.h"
#include "gguf/writer.h"

namespace surgery {

/// A new header for a file whose data stays.
struct NewHeader {
  std::vector<std::byte> bytes;  ///< up to the data section, padding included
  std::size_t inserted = 0;      ///< bytes put in front of the data, a multiple of 4096
};

/// A header that has become shorter is filled up with gguf::kRoomKey; the next edit uses the room.
/// The header that says `metadata` and `tensors` (of which each stands for the one at the same
/// place of the file) and ends where the data of `file` begins. Nullopt if it is too long for that;
/// if `may_insert`, it may be longer by whole blocks instead. Throws Fault::bad_input as
/// gguf::Writer.
std::optional<NewHeader> header_for(const gguf::File& file, gguf::Metadata metadata,
                                    const std::vector<gguf::TensorPlan>& tensors, bool may_insert);

/// "FILE.undo", beside what a link names.
std::filesystem::path undo_path(const std::filesystem::path& file);

/// Writes the header over the old one. If `with_undo`, the old one is first appended to the undo
/// file. Throws Fault::io; Fault::unsupported if blocks are to be inserted where the file system
/// cannot; Fault::bad_input if an earlier edit broke off.
void write_header(const gguf::File& file, const NewHeader& header, bool with_undo);

/// What stands in an undo file.
struct UndoState {
  std::size_t n_edits = 0;
  bool broke_off = false;  ///< the last edit did not reach its end
};
/// Nullopt if there is none. Throws Fault::bad_file if it is damaged.
std::optional<UndoState> undo_state(const std::filesystem::path& file);

/// Takes the last edit back and removes it from the undo file, which vanishes with its last one.
/// Throws Fault::bad_input if there is nothing to undo, or the file is not as that edit left it.
void undo_last(const std::filesystem::path& file);

}  // namespace surgery
