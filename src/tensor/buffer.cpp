#include "tensor/buffer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace tensor {
namespace {
constexpr std::size_t kAlignment = 64;

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw base::Error(base::Fault::io, std::string(what) + ": " + std::strerror(errno))
      .at("file", path.string());
}

const char* kind_text(mode_t mode) noexcept {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  return S_ISSOCK(mode) ? "a socket" : "a device";
}

/// A descriptor that closes itself.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};
}  // namespace

Buffer::Buffer(std::size_t size) : size_(size) {
  if (size == 0) return;
  const std::size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
  data_ =
      rounded < size ? nullptr : static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded));
  if (data_ == nullptr) {
    throw base::Error(base::Fault::io, "not enough memory").at("bytes", size);
  }
}
Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}
Buffer::~Buffer() { std::free(data_); }

Mapping::Mapping(const std::filesystem::path& path) {
  // Opening a named pipe would wait for a writer.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) fail(path, "cannot open file");
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) fail(path, "cannot look at file");
  if (!S_ISREG(info.st_mode)) {
    throw base::Error(base::Fault::io, "not a regular file")
        .at("file", path.string())
        .at("found", kind_text(info.st_mode));
  }
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ == 0) return;
  void* p = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.fd, 0);
  if (p == MAP_FAILED) fail(path, "cannot map file");
  data_ = static_cast<const std::byte*>(p);
}
Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}
Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

namespace {
void advise(const std::byte* data, std::size_t total, std::size_t offset, std::size_t size,
            int advice) noexcept {
  if (data == nullptr || offset >= total) return;
  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t begin = offset / page * page;
  const std::size_t end = std::min(total, offset + size);
  ::madvise(const_cast<std::byte*>(data) + begin, end - begin, advice);
}
}  // namespace

void Mapping::will_need(std::size_t offset, std::size_t size) const noexcept {
  advise(data_, size_, offset, size, MADV_WILLNEED);
}
void Mapping::dont_need(std::size_t offset, std::size_t size) const noexcept {
  advise(data_, size_, offset, size, MADV_DONTNEED);
}

}  // namespace tensor
