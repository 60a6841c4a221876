// Files that belong together get their names together, also if the process is killed meanwhile.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/output_file.h"
#include "base/rename_list.h"

namespace base {

/// Told before every step that changes names on the disk: a test that ends the process in it sees
/// what a kill at that moment leaves.
using BeforeStep = std::function<void()>;

/// Whole files on their way to their names. The order: `seal`, `rename`, `finish`. Killed before
/// `rename`, none has its name; killed behind `finish`, all have; between, a list tells the next
/// run (finish_output_set). Destroyed without a rename, the list goes and nothing has happened.
class OutputSet {
 public:
  /// `first` stands for the set: the list lies beside it. `files` must live as long as this; they
  /// get their names from the last one on, so that a new set has no first file before all others.
  OutputSet(const std::filesystem::path& first, std::vector<OutputFile*> files,
            BeforeStep before_step = {});
  OutputSet(const OutputSet&) = delete;
  OutputSet& operator=(const OutputSet&) = delete;
  ~OutputSet();

  /// To the disk with all of them. Throws Fault::io.
  void seal();
  /// Writes the list and renames. Throws Fault::io; if that happens after the first rename, the
  /// list and the temporary files stay for finish_output_set.
  void rename(const std::string& job);
  /// Some files have their names.
  bool begun() const noexcept { return begun_; }
  /// Removes the list. Throws Fault::io.
  void finish();

 private:
  void step() const {
    if (before_step_) before_step_();
  }

  std::filesystem::path list_;
  std::vector<OutputFile*> files_;
  BeforeStep before_step_;
  bool listed_ = false, begun_ = false;
};

/// All of it, for files without anything else that must happen at the same time. A single file
/// needs no list.
void commit_together(const std::filesystem::path& first, std::vector<OutputFile*> files,
                     const std::string& job, BeforeStep before_step = {});

/// A set of which a killed run has not given all files their names.
struct UnfinishedSet {
  std::filesystem::path list;
  RenameList content;
};
/// Nullopt if there is none whose first file is `first`. Throws as read_rename_list.
std::optional<UnfinishedSet> unfinished_set(const std::filesystem::path& first);
/// Gives the files the names that they do not have yet; the list stays. Throws Fault::bad_input,
/// naming the file, if one is neither under its temporary name nor under its own; Fault::io.
void finish_names(const UnfinishedSet& set);
/// Removes the list. Throws Fault::io.
void remove_list(const UnfinishedSet& set);

}  // namespace base
