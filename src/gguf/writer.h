#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "base/output_file.h"
#include "base/progress.h"
#include "gguf/value.h"
#include "tensor/tensor.h"

namespace gguf {

/// A tensor to be written: name, format and shape decide its size.
struct TensorPlan {
  std::string name;
  const quant::Codec* codec = nullptr;
  tensor::Shape shape;
  const quant::FlatFormat* flat = nullptr;  ///< instead of codec
};

/// Exact size in bytes of the file that Writer would produce. Throws as the constructor of Writer.
std::size_t file_size(const Metadata& metadata, const std::vector<TensorPlan>& tensors);

/// Writes one file in canonical form (version 3, alignment 32, offsets in order, zero padding also
/// after the last tensor; a general.alignment key is dropped; without tensors the file ends behind
/// the last pair). Everything goes to a temporary file beside `path`; `finish` syncs and renames
/// it. Destroyed without finish, the temporary file is removed and nothing appears under the final
/// name.
class Writer {
 public:
  /// Throws Fault::io (cannot create, not enough room on the file system) or Fault::bad_input
  /// (keys or names that are empty, double or too long, a shape that does not fit its format).
  Writer(const std::filesystem::path& path, const Metadata& metadata,
         const std::vector<TensorPlan>& tensors);
  Writer(Writer&&) noexcept = default;
  Writer& operator=(Writer&&) = delete;

  /// Bytes of tensor `index` at `offset` inside it; any order, may be called from several threads
  /// at once for different ranges. Throws Fault::io.
  void write(std::size_t index, std::size_t offset, std::span<const std::byte> bytes);
  /// The whole tensor `index` out of another file, from `source_offset` on, without a way through
  /// our memory where the system can; file systems that can share blocks do. Throws Fault::io, also
  /// when that file is too short.
  void copy(std::size_t index, const std::filesystem::path& source, std::size_t source_offset,
            const base::StopFlag& stop);
  /// Throws Fault::io. Every tensor must have been written whole, each byte once; else
  /// Fault::bad_input naming the tensor.
  void finish();
  /// The same without the name, for files that get their names together (base/output_set.h): whole,
  /// and still this writer's.
  base::OutputFile& whole();

  std::size_t size() const noexcept { return size_; }
  const std::filesystem::path& temporary_path() const noexcept { return file_.temporary_path(); }

 private:
  struct Place {
    std::string name;
    std::size_t offset = 0;  ///< absolute
    std::size_t size = 0;    ///< bytes without padding
  };

  base::OutputFile file_;
  std::size_t size_ = 0;
  std::vector<Place> places_;
  std::vector<std::atomic<std::size_t>> written_;  // [places_.size()], bytes
};

}  // namespace gguf
