// A model file that is changed where it stands.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

namespace surgery {

/// One file, open for reading and writing, held by a lock against a second edit.
class EditedFile {
 public:
  /// Throws Fault::io, Fault::bad_input if another process edits it.
  explicit EditedFile(const std::filesystem::path& path);
  EditedFile(EditedFile&& other) noexcept;
  EditedFile& operator=(EditedFile&&) = delete;
  ~EditedFile();

  const std::filesystem::path& path() const noexcept { return path_; }
  std::size_t size() const;
  /// The first n bytes; fewer if the file is shorter.
  std::vector<std::byte> read(std::size_t n) const;
  /// At the front, and to the disk.
  void write(std::span<const std::byte> bytes);
  /// Puts `n` bytes in front, or takes them away: whole blocks. Throws Fault::unsupported where the
  /// file system cannot.
  void insert(std::size_t n);
  void collapse(std::size_t n);

 private:
  void shift(int mode, std::size_t n);

  std::filesystem::path path_;
  int fd_;
};

}  // namespace surgery
