// Hidden states of all tokens between two layers: in memory, or in a spill file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "tensor/buffer.h"

namespace runtime {

/// n_rows rows of `cols` floats. Move-only; the spill file is removed with the object.
class HiddenStore {
 public:
  /// `spill` empty: memory. Throws Fault::io when the file cannot be made.
  HiddenStore(std::size_t n_rows, std::size_t cols, const std::filesystem::path& spill);
  HiddenStore(const HiddenStore&) = delete;
  HiddenStore& operator=(const HiddenStore&) = delete;
  ~HiddenStore();

  /// Rows [first, first + n), to be changed in place; valid until put() or the next get().
  float* get(std::size_t first, std::size_t n);
  /// Keeps what was changed in the rows of the last get().
  void put();

  /// Copies all rows to a file, which appears whole or not at all. Throws Fault::io.
  void save(const std::filesystem::path& path);
  /// Takes all rows from such a file. Throws Fault::bad_file when its size is another.
  void load(const std::filesystem::path& path);

 private:
  std::size_t n_rows_, cols_;
  tensor::Buffer memory_;  ///< all rows, or the piece in work
  std::filesystem::path path_;
  int fd_ = -1;
  std::size_t offset_ = 0, size_ = 0;  ///< bytes of the piece in work
};

}  // namespace runtime
