#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "gguf/value.h"
#include "tensor/tensor.h"

namespace gguf {

/// A tensor to be written: name, format and shape decide its size.
struct TensorPlan {
  std::string name;
  const quant::Codec* codec = nullptr;
  tensor::Shape shape;
};

/// Exact size in bytes of the file that Writer would produce.
std::size_t file_size(const Metadata& metadata, const std::vector<TensorPlan>& tensors);

/// Writes one file in canonical form (version 3, alignment 32, offsets in order, zero padding also
/// after the last tensor; a general.alignment key is dropped). Everything goes to a temporary file
/// beside `path`; `finish` syncs and renames it. Destroyed without finish, the temporary file is
/// removed and nothing appears under the final name.
class Writer {
 public:
  /// Throws Fault::io (cannot create, not enough room on the file system) or Fault::bad_input
  /// (names over 63 bytes or double, a shape that does not fit its format).
  Writer(const std::filesystem::path& path, const Metadata& metadata,
         const std::vector<TensorPlan>& tensors);
  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) = delete;
  ~Writer();

  /// Bytes of tensor `index` at `offset` inside it; any order, may be called from several threads
  /// at once for different ranges. Throws Fault::io.
  void write(std::size_t index, std::size_t offset, std::span<const std::byte> bytes);
  /// Throws Fault::io; every tensor must have been written whole.
  void finish();

  std::size_t size() const noexcept { return size_; }
  const std::filesystem::path& temporary_path() const noexcept { return temporary_; }

 private:
  std::filesystem::path path_, temporary_;
  int fd_ = -1;
  std::size_t size_ = 0;
  std::vector<std::size_t> offsets_, sizes_;
};

}  // namespace gguf
