#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "gguf/value.h"
#include "tensor/buffer.h"
#include "tensor/tensor.h"

namespace gguf {

/// One tensor of a file, checked: type known, shape fits, bytes inside the file, no overlap.
struct TensorInfo {
  std::string name;
  const quant::Codec* codec = nullptr;  ///< of its rows
  /// Not null where the file holds the tensor in a format without rows: then its bytes are not
  /// those of `codec`, and read_rows gives the rows.
  const quant::FlatFormat* flat = nullptr;
  tensor::Shape shape;
  std::size_t offset = 0;  ///< absolute, in its shard
  std::size_t size = 0;    ///< bytes without padding
  std::size_t shard = 0;   ///< index into FileSet::shards()

  /// Of the bytes in the file.
  std::string_view type_name() const noexcept { return flat != nullptr ? flat->name : codec->name; }
};

/// One file: header parsed and checked (every condition of docs/spec/gguf.md 1.2), data mapped.
class File {
 public:
  /// Throws Fault::io or Fault::bad_file with file, tensor or key, byte offset, found and expected.
  static File open(const std::filesystem::path& path);
  /// The same on bytes in memory (tests, fuzzing); `name` stands for the path in messages.
  static File parse(std::span<const std::byte> bytes, const std::string& name);

  /// A file that is not written yet: what it will say, without any bytes.
  static File planned(Metadata metadata, std::vector<TensorInfo> tensors);

  const std::filesystem::path& path() const noexcept { return path_; }
  std::uint32_t version() const noexcept { return version_; }
  std::size_t alignment() const noexcept { return alignment_; }
  std::size_t data_start() const noexcept { return data_start_; }
  const Metadata& metadata() const noexcept { return metadata_; }
  const std::vector<TensorInfo>& tensors() const noexcept { return tensors_; }
  const base::Findings& findings() const noexcept { return findings_; }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  const tensor::Mapping& mapping() const noexcept { return mapping_; }

 private:
  friend class HeaderReader;
  friend class FileSet;
  std::filesystem::path path_;
  tensor::Mapping mapping_;
  std::span<const std::byte> bytes_;
  std::uint32_t version_ = 0;
  std::size_t alignment_ = 32;
  std::size_t data_start_ = 0;
  Metadata metadata_;
  std::vector<TensorInfo> tensors_;
  base::Findings findings_;
};

/// A model in one file or in a split set, seen as one list of tensors (shard order, then file
/// order).
class FileSet {
 public:
  /// `path` is the file or shard 1 of a set; the siblings are found by name in the same folder only
  /// and checked (split.no, split.count, split.tensors.count, duplicate names).
  static FileSet open(const std::filesystem::path& path);
  /// A model that is not written yet, for those who only look at names, shapes and metadata (views
  /// are empty). Throws Fault::bad_file for double names.
  static FileSet planned(Metadata metadata, std::vector<TensorInfo> tensors);

  /// Metadata of shard 0, split keys included.
  const Metadata& metadata() const noexcept { return shards_.front().metadata(); }
  /// As if shard 0 said so: for asking what a model would be under changed keys.
  void set_metadata(Metadata metadata) { shards_.front().metadata_ = std::move(metadata); }
  const std::vector<File>& shards() const noexcept { return shards_; }
  const std::vector<TensorInfo>& tensors() const noexcept { return tensors_; }
  /// Null if there is no such tensor.
  const TensorInfo* find(std::string_view name) const noexcept;
  /// The bytes in the file.
  std::span<const std::byte> bytes(const TensorInfo& info) const noexcept;
  /// Its rows as they stand in the file; info.flat == nullptr.
  tensor::TensorView view(const TensorInfo& info) const noexcept;
  const base::Findings& findings() const noexcept { return findings_; }

 private:
  /// Gathers tensors and findings of all shards; refuses double names.
  void index();

  std::vector<File> shards_;
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string_view, std::size_t> by_name_;  ///< views into tensors_
  base::Findings findings_;
};

}  // namespace gguf
