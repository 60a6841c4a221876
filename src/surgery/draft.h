// A model as it will be: metadata and tensors of each file, and where the bytes of each tensor come
// from. Changes are made here; nothing is read or written before `publish`.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "runtime/runtime.h"

namespace surgery {

/// Bytes that are computed, tensor by tensor.
class MadeTensor {
 public:
  virtual ~MadeTensor() = default;
  /// The whole tensor. Called once.
  virtual std::vector<std::byte> make(runtime::Team& team) = 0;
};

/// One tensor of the result.
struct DraftTensor {
  std::string name;
  const quant::Codec* codec = nullptr;
  tensor::Shape shape;
  /// Its bytes as they lie in a file (the model itself or a donor); null if they are made.
  const gguf::FileSet* from = nullptr;
  const gguf::TensorInfo* info = nullptr;
  std::shared_ptr<MadeTensor> made = {};

  /// As gguf::TensorInfo::flat.
  const quant::FlatFormat* flat() const noexcept { return info == nullptr ? nullptr : info->flat; }
};

/// One file of the result.
struct DraftFile {
  gguf::Metadata metadata;
  std::vector<DraftTensor> tensors;
};

/// A model in work. `source` must outlive it.
class Draft {
 public:
  explicit Draft(const gguf::FileSet& source);

  const gguf::FileSet& source() const noexcept { return *source_; }
  /// Of the first file: that of the model.
  gguf::Metadata& metadata() noexcept { return files_.front().metadata; }
  const gguf::Metadata& metadata() const noexcept { return files_.front().metadata; }
  std::vector<DraftFile>& files() noexcept { return files_; }
  const std::vector<DraftFile>& files() const noexcept { return files_; }
  std::size_t n_tensors() const noexcept;

  /// Null if there is none.
  DraftTensor* find(std::string_view name) noexcept;
  /// In the same file as tensor `neighbour`, in front of it or behind it.
  void insert_before(std::string_view neighbour, DraftTensor tensor);
  void insert_after(std::string_view neighbour, DraftTensor tensor);
  /// At the end of the last file.
  void append(DraftTensor tensor) { files_.back().tensors.push_back(std::move(tensor)); }
  /// Throws Fault::bad_input if there is no such tensor.
  void remove(std::string_view name);

  /// As if it were a file: for asking what a model the result is. Views are empty.
  gguf::FileSet planned() const;
  /// split.tensors.count of every file of a set follows the tensors.
  void settle_counts();

 private:
  void insert(std::string_view neighbour, std::ptrdiff_t step, DraftTensor tensor);

  const gguf::FileSet* source_;
  std::vector<DraftFile> files_;
};

}  // namespace surgery
