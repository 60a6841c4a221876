#include "cook/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace cook {
namespace {

/// An open file, read at offsets.
class ReadableFile {
 public:
  explicit ReadableFile(const std::filesystem::path& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) {
      throw base::Error(base::Fault::io, fmt::format("cannot open: {}", std::strerror(errno)))
          .at("file", path.string());
    }
  }
  ReadableFile(ReadableFile&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  ReadableFile(const ReadableFile&) = delete;
  ReadableFile& operator=(const ReadableFile&) = delete;
  ReadableFile& operator=(ReadableFile&&) = delete;
  ~ReadableFile() {
    if (fd_ >= 0) ::close(fd_);
  }

  void read(std::size_t offset, std::span<std::byte> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t n =
          ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) fail(offset + done, n < 0 ? std::strerror(errno) : "the file has become shorter");
      done += static_cast<std::size_t>(n);
    }
  }
  void will_need(std::size_t offset, std::size_t size) const noexcept {
    ::posix_fadvise(fd_, static_cast<off_t>(offset), static_cast<off_t>(size), POSIX_FADV_WILLNEED);
  }

 private:
  [[noreturn]] void fail(std::size_t offset, const char* why) const {
    throw base::Error(base::Fault::io, fmt::format("cannot read: {}", why))
        .at("file", path_.string())
        .at("offset", offset);
  }

  std::filesystem::path path_;
  int fd_;
};

class GgufSource final : public TensorSource {
 public:
  explicit GgufSource(const std::filesystem::path& path) : files_(gguf::FileSet::open(path)) {
    for (const gguf::File& shard : files_.shards()) readable_.emplace_back(shard.path());
    for (const gguf::TensorInfo& t : files_.tensors()) {
      tensors_.push_back({.name = t.name,
                          .type = recipe::find_type(t.codec->id),
                          .shape = t.shape,
                          .shard = t.shard});
    }
  }

  const gguf::Metadata& metadata() const noexcept override { return files_.metadata(); }
  const std::vector<recipe::InputTensor>& tensors() const noexcept override { return tensors_; }
  std::size_t n_shards() const noexcept override { return readable_.size(); }
  std::vector<std::filesystem::path> paths() const override {
    std::vector<std::filesystem::path> out;
    for (const gguf::File& shard : files_.shards()) out.push_back(shard.path());
    return out;
  }

  void read(std::size_t tensor, std::size_t offset, std::span<std::byte> out) const override {
    const gguf::TensorInfo& info = files_.tensors()[tensor];
    try {
      readable_[info.shard].read(info.offset + offset, out);
    } catch (base::Error& e) {
      e.at("tensor", info.name);
      throw;
    }
  }
  void will_need(std::size_t tensor, std::size_t offset, std::size_t size) const noexcept override {
    const gguf::TensorInfo& info = files_.tensors()[tensor];
    readable_[info.shard].will_need(info.offset + offset, size);
  }

 private:
  gguf::FileSet files_;
  std::vector<ReadableFile> readable_;  // one a shard
  std::vector<recipe::InputTensor> tensors_;
};

}  // namespace

std::unique_ptr<TensorSource> open_gguf_source(const std::filesystem::path& path) {
  return std::make_unique<GgufSource>(path);
}

}  // namespace cook
