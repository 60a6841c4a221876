// A draft becomes files: with the least that has to be written.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/output_set.h"
#include "base/progress.h"
#include "runtime/runtime.h"
#include "surgery/draft.h"
#include "surgery/header_edit.h"

namespace surgery {

struct PublishOptions {
  /// A file, or for a split set the prefix of its files or the name of the first; nullopt: the
  /// model itself is changed.
  std::optional<std::filesystem::path> output = {};
  bool in_place = true;  ///< headers are replaced where they stand if nothing else changes
  bool grow = false;     ///< a header that is too long pushes the data back by whole blocks
  /// Headers of files that are written anew are filled up (gguf::kRoomKey), so that file systems
  /// that can share blocks need not copy what stays in front of the first change. A file that does
  /// not change shares all of them, or becomes a second name (hard link) of that of the model.
  bool share_blocks = false;
  bool undo = true;  ///< keep what a replaced header said
  base::BeforeStep before_step = {};
};

enum class Action : std::uint8_t {
  keep,     ///< the file stays as it is
  header,   ///< its header is replaced where it stands
  rewrite,  ///< written anew, then renamed
  copy,     ///< unchanged, under another name
};

/// What happens to one file.
struct FilePlan {
  std::size_t file = 0;  ///< index into Draft::files()
  Action action = Action::keep;
  std::filesystem::path path;    ///< of the result
  std::size_t bytes = 0;         ///< size of the result
  NewHeader header = {};         ///< for Action::header
  gguf::Metadata metadata = {};  ///< for Action::rewrite
  std::string reason = {};       ///< why it is not changed in place
};

/// Settles the counts of a split set and decides; reads nothing but what `draft` has read. Throws
/// Fault::bad_input (names and shapes that cannot be written, an output that is the model or a
/// donor).
std::vector<FilePlan> plan_publish(Draft& draft, const PublishOptions& options);

/// Whether `publish` will leave a record of the edit. What a new file replaces is gone: then no
/// other file of the set can go back either.
bool can_undo(const std::vector<FilePlan>& plan, const PublishOptions& options) noexcept;

/// Carries it out. Room for all files that are written is asked for first, unless blocks are to be
/// shared. When they are whole, headers are replaced, then the new files get their names; if the
/// first of them does not, headers are as before. Killed before the first has its name, headers
/// come back by Undo; killed behind that, finish_publish goes on. A model of which a file is
/// written anew in its place loses the records of earlier edits. Throws Fault::io,
/// Fault::interrupted, Fault::bad_input if an input has changed since it was opened, and what made
/// tensors throw.
void publish(const Draft& draft, const std::vector<FilePlan>& plan, const PublishOptions& options,
             runtime::Team& team, base::Progress& progress, const base::StopFlag& stop);

/// What a killed run has left of a set whose files were getting their names (also of `split` and
/// `quantize`): nullopt if nothing. `file`: any of the set; it need not be there.
std::optional<base::UnfinishedSet> unfinished_publish(const std::filesystem::path& file);
/// Gives the rest their names. Records for Undo that those files had do not fit them any more and
/// go. Throws as base::finish_names.
void finish_publish(const base::UnfinishedSet& set, const std::filesystem::path& file);

}  // namespace surgery
