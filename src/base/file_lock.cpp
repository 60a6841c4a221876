#include "base/file_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/output_file.h"

namespace base {
namespace {

namespace fs = std::filesystem;

int open_lock(const fs::path& path, const fs::path& output) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd >= 0) return fd;
  const int code = errno;
  if (code == EACCES) {  // left by another user: a lock needs no more than reading
    const int readable = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (readable >= 0) return readable;
  }
  std::error_code unknown;
  const bool left = code == EACCES && fs::exists(fs::symlink_status(path, unknown));
  throw Error(Fault::io, std::string("cannot make the lock file: ") + std::strerror(code))
      .at("file", path.string())
      .at("for", output.string())
      .hint(left ? "another user's run has left it: remove it if that run has ended"
                 : "does the folder exist and allow writing?");
}

/// The holder removes its file before it lets go: what was opened may have no name any more.
bool still_named(int fd, const fs::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

Error held(const fs::path& path, const fs::path& output) {
  const std::optional<pid_t> pid = process_in_lock(path);
  Error error(Fault::bad_input, "another run writes here");
  error.at("output", output.string()).at("lock", path.string());
  // Without leave to write the holder could not put its number in place of an older one.
  if (pid && (::kill(*pid, 0) == 0 || errno == EPERM)) error.at("process", *pid);
  return error.hint("wait until it ends, or name another output");
}

void write_pid(int fd) {
  const std::string text = std::to_string(::getpid()) + "\n";
  // Only for people and for the message of another run: without it the lock holds all the same.
  if (::ftruncate(fd, 0) != 0) return;
  [[maybe_unused]] const ssize_t n = ::pwrite(fd, text.data(), text.size(), 0);
}

}  // namespace

FileLock::FileLock(fs::path path, const fs::path& output) : path_(std::move(path)) {
  for (;;) {
    const int fd = open_lock(path_, output);
    const int code = ::flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    if (code == EWOULDBLOCK) {
      ::close(fd);
      throw held(path_, output);
    }
    if (code == 0 && !still_named(fd, path_)) {
      ::close(fd);
      continue;
    }
    fd_ = fd;
    write_pid(fd_);
    return;
  }
}

FileLock::FileLock(FileLock&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ < 0) return;
  if (still_named(fd_, path_)) ::unlink(path_.c_str());
  ::close(fd_);
}

FileLock FileLock::beside(const fs::path& output) {
  fs::path path = link_target(output);
  path += ".lock";
  return {std::move(path), output};
}

FileLock FileLock::inside(const fs::path& folder) { return {folder / ".lock", folder}; }

std::optional<pid_t> process_in_lock(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::array<char, 32> text{};
  const ssize_t n = ::read(fd, text.data(), text.size());
  ::close(fd);
  pid_t pid = 0;
  const char* end = text.data() + std::max<ssize_t>(0, n);
  const auto [stop, code] = std::from_chars(text.data(), end, pid);
  if (code != std::errc() || pid <= 0) return std::nullopt;
  return pid;
}

}  // namespace base
