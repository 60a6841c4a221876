#include "base/output_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/rename_list.h"

namespace base {
namespace {

namespace fs = std::filesystem;

Error failure(const char* what, const fs::path& path, int code) {
  return Error(Fault::io, std::string(what) + ": " + std::strerror(code)).at("file", path.string());
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// A device or a folder under the final name must not be replaced by a rename.
void check_replaceable(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (!fs::exists(status) || fs::is_regular_file(status)) return;
  throw Error(Fault::bad_input, "output is not a regular file")
      .at("file", path.string())
      .at("found", fs::is_directory(status) ? "a folder" : "a device or pipe")
      .expected("a file name");
}

constexpr std::string_view kMark = ".unfinished-";

/// The parts of "NAME.unfinished-PID" or "NAME.unfinished-PID-2"; no process if it is none.
struct TemporaryName {
  std::string_view name;
  pid_t process = 0;
};
TemporaryName temporary_name(std::string_view file) {
  const std::size_t mark = file.rfind(kMark);
  if (mark == std::string_view::npos) return {};
  TemporaryName out{.name = file.substr(0, mark)};
  pid_t pid = 0;
  const char* end = file.data() + file.size();
  const auto [stop, code] = std::from_chars(file.data() + mark + kMark.size(), end, pid);
  if (code == std::errc() && pid > 0 && (stop == end || *stop == '-')) out.process = pid;
  return out;
}

/// A file of this user that no OutputFile has open.
bool is_abandoned(const fs::path& path, std::size_t& bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return false;
  struct stat state {};
  const bool ours =
      ::fstat(fd, &state) == 0 && S_ISREG(state.st_mode) && state.st_uid == ::geteuid();
  const bool locked = ::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  bytes = static_cast<std::size_t>(state.st_blocks) * 512;
  ::close(fd);
  return ours && !locked;
}

/// A zombie, which only waits for its parent to ask how it ended, has let go of its files.
bool is_running(pid_t pid) {
  if (::kill(pid, 0) != 0) return errno != ESRCH;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("State:")) return line.find_first_of("ZX") == std::string::npos;
  }
  return true;
}

/// Creates "PATH.unfinished-PID" or, if that is taken, "...-PID-2" and so on.
int create_beside(const fs::path& path, fs::path& temporary) {
  const std::string stem = path.string() + std::string(kMark) + std::to_string(::getpid());
  for (int n = 1; n < 100; ++n) {
    temporary = n == 1 ? stem : stem + "-" + std::to_string(n);
    const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) {
      ::flock(fd, LOCK_EX | LOCK_NB);  // without locks the number of the process must do
      return fd;
    }
    if (errno != EEXIST) break;
  }
  const int code = errno;
  throw failure("cannot create file", path, code)
      .hint(code == ENAMETOOLONG ? "its temporary name, " + std::string(kMark) +
                                       "PID longer, has more than 255 bytes: give it a shorter name"
                                 : "does the folder exist and allow writing?");
}

Error no_room(const fs::path& path, std::size_t size) {
  std::error_code ignored;
  const fs::space_info space = fs::space(folder_of(path), ignored);
  return Error(Fault::io, "not enough room on the file system")
      .at("file", path.string())
      .at("found", std::to_string(space.available) + " bytes free")
      .expected(std::to_string(size) + " bytes")
      .hint("free some space or write to another disk");
}

}  // namespace

void sync_folder(const fs::path& file) noexcept {
  const int fd = ::open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

void require_room(const fs::path& file, std::size_t bytes) {
  const fs::path target = link_target(file);
  std::error_code unknown;
  const fs::space_info space = fs::space(folder_of(target), unknown);
  if (!unknown && space.available < bytes) throw no_room(target, bytes);
}

fs::path link_target(fs::path path) {
  constexpr int kMostLinks = 40;
  std::error_code error;
  for (int n = 0; n < kMostLinks && fs::is_symlink(fs::symlink_status(path, error)); ++n) {
    const fs::path target = fs::read_symlink(path, error);
    if (error) break;
    path = folder_of(path) / target;  // an absolute target replaces the folder
  }
  return path;
}

OutputFile::OutputFile(const fs::path& path, LeftOvers left_overs) : path_(link_target(path)) {
  check_replaceable(path_);
  if (left_overs == LeftOvers::remove) remove_unfinished(path_);
  fd_ = create_beside(path_, temporary_);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)) {}

OutputFile::~OutputFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void OutputFile::reserve(std::size_t size) {
  if (size == 0) return;
  const auto length = static_cast<off_t>(size);
  struct stat now {};
  const bool known = ::fstat(fd_, &now) == 0;
  const std::size_t held = known ? static_cast<std::size_t>(now.st_blocks) * 512 : 0;
  std::error_code unknown;
  const fs::space_info space = fs::space(folder_of(path_), unknown);
  // Asked first: some file systems take all that is left before they say that it is not enough.
  const bool lacks = !unknown && size > held && space.available < size - held;
  if (length < 0 || lacks) throw no_room(path_, size);
  if (::fallocate(fd_, 0, 0, length) == 0) return;
  if (errno == ENOSPC) throw no_room(path_, size);
  if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR) {
    throw failure("cannot reserve room for file", path_, errno);
  }
  // A file system without preallocation: a sparse file.
  if (::ftruncate(fd_, length) != 0) throw failure("cannot set size of file", path_, errno);
}

void OutputFile::write(std::size_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw failure("cannot write file", path_, errno).at("offset", offset);
    offset += static_cast<std::size_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

void OutputFile::commit() {
  seal();
  publish();
}

void OutputFile::seal() {
  if (::fsync(fd_) != 0) throw failure("cannot write file to disk", path_, errno);
}

void OutputFile::leave() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void OutputFile::publish() {
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    throw failure("cannot rename the finished file", path_, errno)
        .at("temporary file", temporary_.string());
  }
  // A second name of the file that has this name already is not renamed but stays.
  ::unlink(temporary_.c_str());
  ::close(std::exchange(fd_, -1));
  sync_folder(path_);
}

std::vector<Unfinished> remove_unfinished(const fs::path& output) {
  const fs::path path = link_target(output);
  return remove_unfinished_in(
      folder_of(path), [name = path.filename().string()](std::string_view n) { return n == name; });
}

std::vector<Unfinished> remove_unfinished_in(
    const fs::path& folder, const std::function<bool(std::string_view name)>& wanted) {
  std::vector<Unfinished> removed;
  std::vector<fs::path> found;
  std::error_code unreadable;
  for (fs::directory_iterator i(folder, unreadable), end; !unreadable && i != end;
       i.increment(unreadable)) {
    const std::string file = i->path().filename().string();
    const TemporaryName parts = temporary_name(file);
    if (parts.process == 0 || !wanted(parts.name)) continue;
    if (!is_running(parts.process)) found.push_back(i->path());
  }
  if (found.empty()) return removed;
  const std::vector<fs::path> kept = pending_files(folder);
  for (const fs::path& file : found) {
    std::size_t bytes = 0;
    const auto same_name = [&](const fs::path& p) { return p.filename() == file.filename(); };
    if (std::any_of(kept.begin(), kept.end(), same_name)) continue;
    if (is_abandoned(file, bytes) && ::unlink(file.c_str()) == 0) removed.push_back({file, bytes});
  }
  return removed;
}

void write_file(const fs::path& path, std::span<const std::byte> bytes) {
  OutputFile file(path);
  file.reserve(bytes.size());
  file.write(0, bytes);
  file.commit();
}

}  // namespace base
