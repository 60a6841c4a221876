#include "runtime/hidden_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>

#include "base/checked.h"
#include "base/output_file.h"

namespace runtime {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw base::Error(base::Fault::io, what)
      .at("file", path.string())
      .at("reason", std::strerror(errno));
}

/// Calls the system until all bytes are moved.
template <class Call>
void transfer(std::byte* data, std::size_t size, std::size_t offset,
              const std::filesystem::path& path, const char* what, const Call& call) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = call(data + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(path, what);
    done += static_cast<std::size_t>(n);
  }
}

}  // namespace

HiddenStore::HiddenStore(std::size_t n_rows, std::size_t cols, const std::filesystem::path& spill)
    : n_rows_(n_rows), cols_(cols), path_(spill) {
  const std::size_t bytes = base::checked_mul(base::checked_mul(n_rows, cols), sizeof(float));
  if (spill.empty()) {
    memory_ = tensor::Buffer(bytes);
    return;
  }
  fd_ = ::open(spill.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd_ < 0) fail(spill, "cannot create the file for hidden states");
  ::unlink(spill.c_str());  // only the descriptor keeps it, so that no exit leaves it behind
  if (const int code = ::posix_fallocate(fd_, 0, static_cast<off_t>(bytes)); code != 0) {
    errno = code;
    ::close(fd_);
    fail(spill, "no room for the hidden states");
  }
}

HiddenStore::~HiddenStore() {
  if (fd_ >= 0) ::close(fd_);
}

float* HiddenStore::get(std::size_t first, std::size_t n) {
  offset_ = first * cols_ * sizeof(float);
  size_ = n * cols_ * sizeof(float);
  if (fd_ < 0) return memory_.floats().data() + first * cols_;
  if (memory_.size() < size_) memory_ = tensor::Buffer(size_);
  transfer(memory_.data(), size_, offset_, path_, "cannot read hidden states",
           [this](std::byte* p, std::size_t m, off_t at) { return ::pread(fd_, p, m, at); });
  return memory_.floats().data();
}

namespace {
constexpr std::size_t kRowsAtOnce = 1024;
}

void HiddenStore::save(const std::filesystem::path& path) {
  base::OutputFile out(path);
  for (std::size_t first = 0; first < n_rows_; first += kRowsAtOnce) {
    const std::size_t n = std::min(kRowsAtOnce, n_rows_ - first);
    const float* rows = get(first, n);
    out.write(first * cols_ * sizeof(float), std::as_bytes(std::span(rows, n * cols_)));
  }
  out.commit();
}

void HiddenStore::load(const std::filesystem::path& path) {
  const tensor::Mapping file(path);
  const auto bytes = file.bytes();
  if (bytes.size() != n_rows_ * cols_ * sizeof(float)) {
    throw base::Error(base::Fault::bad_file, "saved hidden states have the wrong size")
        .at("file", path.string())
        .at("found", bytes.size())
        .expected(std::to_string(n_rows_ * cols_ * sizeof(float)))
        .hint("delete the saved state to begin again");
  }
  for (std::size_t first = 0; first < n_rows_; first += kRowsAtOnce) {
    const std::size_t n = std::min(kRowsAtOnce, n_rows_ - first);
    std::memcpy(get(first, n), bytes.data() + first * cols_ * sizeof(float),
                n * cols_ * sizeof(float));
    put();
  }
}

void HiddenStore::put() {
  if (fd_ < 0) return;
  transfer(memory_.data(), size_, offset_, path_, "cannot write hidden states",
           [this](std::byte* p, std::size_t m, off_t at) { return ::pwrite(fd_, p, m, at); });
}

}  // namespace runtime
