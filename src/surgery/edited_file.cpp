#include "surgery/edited_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace surgery {
namespace {

namespace fs = std::filesystem;

base::Error failure(std::string_view what, const fs::path& path) {
  return base::Error(base::Fault::io, fmt::format("{}: {}", what, std::strerror(errno)))
      .at("file", path.string());
}

}  // namespace

EditedFile::EditedFile(const fs::path& path)
    : path_(path), fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
  if (fd_ < 0) throw failure("cannot write file", path);
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(fd_);
    throw base::Error(base::Fault::bad_input, "the file is being edited by another process")
        .at("file", path.string());
  }
}

EditedFile::EditedFile(EditedFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

EditedFile::~EditedFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::size_t EditedFile::size() const {
  const off_t end = ::lseek(fd_, 0, SEEK_END);
  if (end < 0) throw failure("cannot read file", path_);
  return static_cast<std::size_t>(end);
}

std::vector<std::byte> EditedFile::read(std::size_t n) const {
  std::vector<std::byte> out(n);
  for (std::size_t done = 0; done < n;) {
    const ssize_t got = ::pread(fd_, out.data() + done, n - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw failure("cannot read file", path_);
    if (got == 0) {
      out.resize(done);
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  return out;
}

void EditedFile::write(std::span<const std::byte> bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n =
        ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw failure("cannot write file", path_);
    done += static_cast<std::size_t>(n);
  }
  if (::fsync(fd_) != 0) throw failure("cannot write file to disk", path_);
}

void EditedFile::insert(std::size_t n) { shift(FALLOC_FL_INSERT_RANGE, n); }
void EditedFile::collapse(std::size_t n) { shift(FALLOC_FL_COLLAPSE_RANGE, n); }

void EditedFile::shift(int mode, std::size_t n) {
  if (n == 0) return;
  if (::fallocate(fd_, mode, 0, static_cast<off_t>(n)) == 0) return;
  throw base::Error(base::Fault::unsupported,
                    fmt::format("the file system cannot shift the data: {}", std::strerror(errno)))
      .at("file", path_.string())
      .hint("ext4 and xfs can; without --grow the file is rewritten");
}

}  // namespace surgery
