#include "gguf/copy_range.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "gguf/layout.h"

namespace gguf {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 20;  // between two looks at the stop flag
constexpr std::size_t kBuffer = std::size_t{1} << 20;

base::Error failure(std::string_view what, const FilePlace& place, std::string_view why) {
  return base::Error(base::Fault::io, fmt::format("cannot {}: {}", what, why))
      .at("file", place.file.string())
      .at("offset", place.offset);
}

class OpenFile {
 public:
  OpenFile(const FilePlace& place, int flags, std::string_view what)
      : fd_(::open(place.file.c_str(), flags | O_CLOEXEC)) {
    if (fd_ < 0) throw failure(what, place, std::strerror(errno));
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { ::close(fd_); }
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

/// By hand, for what the system cannot do: all of it or an error.
void copy_through_memory(int in, FilePlace from, int out, FilePlace to, std::size_t size) {
  std::vector<char> buffer(std::min(size, kBuffer));
  while (size > 0) {
    const ssize_t n =
        ::pread(in, buffer.data(), std::min(size, buffer.size()), static_cast<off_t>(from.offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      throw failure("read", from, n < 0 ? std::strerror(errno) : "the file has become shorter");
    }
    for (ssize_t done = 0; done < n;) {
      const ssize_t m = ::pwrite(out, buffer.data() + done, static_cast<std::size_t>(n - done),
                                 static_cast<off_t>(to.offset + static_cast<std::size_t>(done)));
      if (m < 0 && errno == EINTR) continue;
      if (m < 0) throw failure("write file", to, std::strerror(errno));
      done += m;
    }
    from.offset += static_cast<std::size_t>(n);
    to.offset += static_cast<std::size_t>(n);
    size -= static_cast<std::size_t>(n);
  }
}

/// True if the system cannot copy between these files, though we can.
bool not_possible(int error) noexcept {
  return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP ||
         error == EPERM;
}

/// Blocks are shared whole: where both offsets are equally far from the next one, the way there is
/// a piece of its own.
std::size_t next_piece(std::size_t from, std::size_t to) noexcept {
  const std::size_t over = from % kBlockBytes;
  return over != 0 && over == to % kBlockBytes ? kBlockBytes - over : kPiece;
}

}  // namespace

void copy_range(const FilePlace& from, const FilePlace& to, std::size_t size,
                const base::StopFlag& stop) {
  const OpenFile in(from, O_RDONLY, "open");
  const OpenFile out(to, O_WRONLY, "write file");
  std::size_t done = 0;
  while (done < size) {
    stop.check();
    auto at_in = static_cast<loff_t>(from.offset + done);
    auto at_out = static_cast<loff_t>(to.offset + done);
    const std::size_t piece =
        std::min(next_piece(from.offset + done, to.offset + done), size - done);
    const ssize_t n = ::copy_file_range(in.fd(), &at_in, out.fd(), &at_out, piece, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && !not_possible(errno)) throw failure("write file", to, std::strerror(errno));
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      continue;
    }
    // Zero bytes: the end of the source, or a file system that does not copy; reading tells.
    const FilePlace rest_in{from.file, from.offset + done};
    const FilePlace rest_out{to.file, to.offset + done};
    copy_through_memory(in.fd(), rest_in, out.fd(), rest_out, piece);
    done += piece;
  }
}

bool share_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  {
    const OpenFile in({from, 0}, O_RDONLY, "open");
    const OpenFile out({to, 0}, O_WRONLY, "write file");
    if (::ioctl(out.fd(), FICLONE, in.fd()) == 0) return true;
  }
  // The link gets a name of its own first: there is no call that replaces a file by a link.
  const std::string link = to.string() + "-link";
  ::unlink(link.c_str());
  std::error_code unknown;
  const std::filesystem::path file = std::filesystem::canonical(from, unknown);
  if (unknown || ::link(file.c_str(), link.c_str()) != 0) return false;
  if (::rename(link.c_str(), to.c_str()) == 0) return true;
  ::unlink(link.c_str());
  return false;
}

}  // namespace gguf
