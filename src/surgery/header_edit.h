// The header of a file replaced where it stands, so that the data is not touched; with a record
// from which the old one comes back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "gguf/file.h"
#include "gguf/writer.h"
#include "surgery/edited_file.h"
#include "surgery/undo_file.h"

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

/// The file under this path still says what was read from it. Throws Fault::bad_input if not.
void require_unchanged(const gguf::File& file);

/// No edit of these files broke off. Throws Fault::bad_input.
void require_no_broken_edit(std::span<const gguf::File> model);

/// A header and the file of a model that gets it.
struct HeaderChange {
  std::size_t file = 0;  ///< index
  const NewHeader* header = nullptr;
};

/// One edit in place of a model: the headers of some of its files. Destroyed before `finish`, it
/// puts back what it has written.
class HeaderSwap {
 public:
  /// Locks the files that change and looks whether all files of the model are what was read from
  /// them; writes nothing yet. All must live as long as this. Throws Fault::io; Fault::bad_input if
  /// a file has changed or an earlier edit broke off.
  HeaderSwap(std::span<const gguf::File> model, std::vector<HeaderChange> changes);
  HeaderSwap(const HeaderSwap&) = delete;
  HeaderSwap& operator=(const HeaderSwap&) = delete;
  ~HeaderSwap();

  /// The old headers go to the undo files, then the new ones to the files. Throws Fault::io;
  /// Fault::unsupported if blocks are to be inserted where the file system cannot.
  void write();
  /// Now the edit can be undone, or, without undo, nothing that was done to this model until now.
  void finish(bool with_undo);
  /// Nothing is put back any more, and the records stay: files that belong to the new headers have
  /// got their names.
  void keep() noexcept { written_ = false; }

 private:
  void take_back() noexcept;

  std::vector<HeaderChange> changes_;
  std::vector<EditedFile> targets_;  // one a change
  std::vector<UndoFile> undo_;       // one a file of the model
  bool written_ = false;
};

/// An edit of a model in one file.
void write_header(const gguf::File& file, const NewHeader& header, bool with_undo);

/// The files of the model to which this one belongs by its name: itself, or all of a split set that
/// are there, in order.
std::vector<std::filesystem::path> model_files(const std::filesystem::path& file);
/// The first of them, there or not.
std::filesystem::path first_of_model(const std::filesystem::path& file);

/// What stands in the undo files of a model.
struct UndoState {
  std::size_t n_edits = 0;
  bool broke_off = false;  ///< the last edit did not reach its end
};
/// Nullopt if there are none. `file`: any of the model. Throws Fault::bad_file if one is damaged.
std::optional<UndoState> undo_state(const std::filesystem::path& file);

/// The last edit of a model, to be taken back: of a split set in all files that it changed.
class Undo {
 public:
  /// `file`: any of the model. Locks its files and changes nothing yet. Throws Fault::bad_input if
  /// there is nothing to undo, or a file is not as that edit left it, or not all of them can
  /// follow.
  explicit Undo(const std::filesystem::path& file);

  /// That will change.
  std::vector<std::filesystem::path> files() const;
  /// Takes the edit back and removes it from the undo files, which vanish with their last one.
  void run();

 private:
  struct Part {
    EditedFile target;
    UndoFile undo;
  };
  std::vector<Part> parts_;
};

void undo_last(const std::filesystem::path& file);

}  // namespace surgery
