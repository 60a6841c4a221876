#include "base/output_set.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace base {
namespace {

namespace fs = std::filesystem;

void remove_file(const fs::path& path) {
  std::error_code code;
  fs::remove(path, code);
  if (code) {
    throw Error(Fault::io, "cannot remove file: " + code.message()).at("file", path.string());
  }
}

/// Whether the file stands under this name.
bool is_there(const fs::path& path, const PendingName& file) {
  struct stat state {};
  return ::stat(path.c_str(), &state) == 0 && S_ISREG(state.st_mode) &&
         static_cast<std::uint64_t>(state.st_size) == file.size &&
         static_cast<std::uint64_t>(state.st_ino) == file.inode;
}

PendingName pending(const OutputFile& file) {
  struct stat state {};
  if (::stat(file.temporary_path().c_str(), &state) != 0) {
    throw Error(Fault::io, "a file that is written has vanished")
        .at("file", file.temporary_path().string());
  }
  return {.temporary = file.temporary_path(),
          .path = file.path(),
          .size = static_cast<std::uint64_t>(state.st_size),
          .inode = static_cast<std::uint64_t>(state.st_ino)};
}

/// Of a list that an earlier run has left.
std::vector<PendingName> names_on(const fs::path& list) {
  try {
    const std::optional<RenameList> content = read_rename_list(list);
    return content ? content->files : std::vector<PendingName>();
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

OutputSet::OutputSet(const fs::path& first, std::vector<OutputFile*> files, BeforeStep before_step)
    : list_(rename_list_path(first)),
      files_(std::move(files)),
      before_step_(std::move(before_step)) {}

OutputSet::~OutputSet() {
  std::error_code ignored;
  if (listed_ && !begun_) fs::remove(list_, ignored);
}

void OutputSet::seal() {
  for (OutputFile* file : files_) file->seal();
}

void OutputSet::rename(const std::string& job) {
  RenameList list{.job = job, .files = {}};
  for (const OutputFile* file : files_) list.files.push_back(pending(*file));
  const std::vector<PendingName> superseded = names_on(list_);
  step();
  write_rename_list(list_, list);
  listed_ = true;
  for (const PendingName& file : superseded) {  // nothing names them any more
    if (is_there(file.temporary, file)) ::unlink(file.temporary.c_str());
  }
  for (std::size_t i = files_.size(); i-- > 0;) {
    step();
    try {
      files_[i]->publish();
    } catch (Error& e) {
      if (begun_) {
        for (OutputFile* file : files_) file->leave();
        e.hint(
            "the other files of the set have their names already; the next run, or quern edit "
            "on the first of them, goes on");
      }
      throw;
    }
    begun_ = true;
  }
  step();
}

void OutputSet::finish() {
  remove_file(list_);
  step();
}

void commit_together(const fs::path& first, std::vector<OutputFile*> files, const std::string& job,
                     BeforeStep before_step) {
  if (files.size() == 1) {
    files.front()->commit();
    return;
  }
  OutputSet set(first, std::move(files), std::move(before_step));
  set.seal();
  set.rename(job);
  set.finish();
}

std::optional<UnfinishedSet> unfinished_set(const fs::path& first) {
  UnfinishedSet out{.list = rename_list_path(first), .content = {}};
  std::optional<RenameList> content = read_rename_list(out.list);
  if (!content) return std::nullopt;
  out.content = std::move(*content);
  return out;
}

void finish_names(const UnfinishedSet& set) {
  // All of them are looked at before one is touched.
  for (const PendingName& file : set.content.files) {
    if (is_there(file.temporary, file) || is_there(file.path, file)) continue;
    throw Error(Fault::bad_input, "a file of a set that was to get its name is gone")
        .at("file", file.path.string())
        .at("expected", file.temporary.string())
        .at("list", set.list.string())
        .hint("make the set again; without the list its files are taken as they are");
  }
  for (std::size_t i = set.content.files.size(); i-- > 0;) {
    const PendingName& file = set.content.files[i];
    if (is_there(file.path, file)) continue;
    std::error_code code;
    fs::rename(file.temporary, file.path, code);
    if (code) {
      throw Error(Fault::io, "cannot rename the finished file: " + code.message())
          .at("file", file.path.string())
          .at("temporary file", file.temporary.string());
    }
  }
  if (!set.content.files.empty()) sync_folder(set.content.files.front().path);
}

void remove_list(const UnfinishedSet& set) { remove_file(set.list); }

}  // namespace base
