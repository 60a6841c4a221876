#include "cook/readable_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace cook {

ReadableFile::ReadableFile(const std::filesystem::path& path)
    : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (fd_ < 0) {
    throw base::Error(base::Fault::io, fmt::format("cannot open: {}", std::strerror(errno)))
        .at("file", path.string());
  }
  try {
    state_ = state_now();
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

ReadableFile::ReadableFile(ReadableFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), state_(other.state_) {}

ReadableFile::~ReadableFile() {
  if (fd_ >= 0) ::close(fd_);
}

void ReadableFile::read(std::size_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const char* why = n < 0 ? std::strerror(errno) : "the file has become shorter";
      throw base::Error(base::Fault::io, fmt::format("cannot read: {}", why))
          .at("file", path_.string())
          .at("offset", offset + done);
    }
    done += static_cast<std::size_t>(n);
  }
}

ReadableFile::State ReadableFile::state_of(const struct stat& found) noexcept {
  return {.size = static_cast<std::size_t>(found.st_size),
          .changed_s = found.st_mtim.tv_sec,
          .changed_ns = found.st_mtim.tv_nsec,
          .device = found.st_dev,
          .inode = found.st_ino};
}

ReadableFile::State ReadableFile::state_now() const {
  struct stat found {};
  if (::fstat(fd_, &found) != 0) {
    throw base::Error(base::Fault::io, fmt::format("cannot read: {}", std::strerror(errno)))
        .at("file", path_.string());
  }
  return state_of(found);
}

void ReadableFile::require_unchanged() const {
  const auto refuse = [&](base::Fault fault, const char* message, std::string_view found) {
    throw base::Error(fault, message)
        .at("file", path_.string())
        .at("found", found)
        .hint("another program writes it; begin again when that has ended");
  };
  const State now = state_now();
  if (now.size < state_.size) {
    refuse(base::Fault::io, "the file has become shorter while it was read",
           fmt::format("{} bytes, {} before", now.size, state_.size));
  }
  const char* const changed = "the file has changed while it was read";
  if (now.size != state_.size) refuse(base::Fault::bad_input, changed, "another size");
  if (now != state_) refuse(base::Fault::bad_input, changed, "a later time of its last change");
  struct stat named {};
  if (::stat(path_.c_str(), &named) != 0) return;  // moved or removed: what is open is the same
  if (static_cast<std::uint64_t>(named.st_dev) != state_.device ||
      static_cast<std::uint64_t>(named.st_ino) != state_.inode) {
    refuse(base::Fault::bad_input, changed, "another file under its name");
  }
}

void ReadableFile::will_need(std::size_t offset, std::size_t size) const noexcept {
  ::posix_fadvise(fd_, static_cast<off_t>(offset), static_cast<off_t>(size), POSIX_FADV_WILLNEED);
}

}  // namespace cook
