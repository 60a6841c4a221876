// An open file, read at offsets by any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

struct stat;

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

  std::size_t size() const noexcept { return state_.size; }  ///< when it was opened
  /// Holds size, time of the last change and place on the disk against those at the opening; what
  /// has been read is then of one state of the file. One that lost its name is unchanged. Throws
  /// Fault::io if it has become shorter, else Fault::bad_input: another size or content, or another
  /// file under its name.
  void require_unchanged() const;

 private:
  struct State {
    std::size_t size = 0;
    std::int64_t changed_s = 0, changed_ns = 0;
    std::uint64_t device = 0, inode = 0;

    bool operator==(const State&) const = default;
  };
  static State state_of(const struct stat& found) noexcept;
  State state_now() const;

  std::filesystem::path path_;
  int fd_;
  State state_;
};

}  // namespace cook
