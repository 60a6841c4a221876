// An open file, read at offsets by any thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace cook {

class ReadableFile {
 public:
  /// Throws Fault::io with file and reason.
  explicit ReadableFile(const std::filesystem::path& path);
  ReadableFile(ReadableFile&& other) noexcept;
  ReadableFile(const ReadableFile&) = delete;
  ReadableFile& operator=(const ReadableFile&) = delete;
  ReadableFile& operator=(ReadableFile&&) = delete;
  ~ReadableFile();

  /// Throws Fault::io with file and offset, also when the file has become shorter.
  void read(std::size_t offset, std::span<std::byte> out) const;
  /// Tells the system that a part will be read soon.
  void will_need(std::size_t offset, std::size_t size) const noexcept;

 private:
  std::filesystem::path path_;
  int fd_;
};

}  // namespace cook
