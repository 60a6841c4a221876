// cook/: the quantize pipeline: source, recipe, importance, encoders, ordered output. It must not
// know commands or how results are shown.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "recipe/model_facts.h"

namespace cook {

/// Where tensors come from. Reads are plain copies into the caller's memory, so that a file that
/// shrinks or fails under our feet gives an error and not a signal.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  TensorSource(const TensorSource&) = delete;
  TensorSource& operator=(const TensorSource&) = delete;

  virtual const gguf::Metadata& metadata() const noexcept = 0;
  virtual const std::vector<recipe::InputTensor>& tensors() const noexcept = 0;
  virtual std::size_t n_shards() const noexcept = 0;
  /// Files that must not be overwritten.
  virtual std::vector<std::filesystem::path> paths() const = 0;

  /// Bytes [offset, offset + out.size()) of a tensor. May be called from several threads. Throws
  /// Fault::io with file, tensor and offset.
  virtual void read(std::size_t tensor, std::size_t offset, std::span<std::byte> out) const = 0;
  /// Tells that a part of a tensor will be read soon.
  virtual void will_need(std::size_t tensor, std::size_t offset,
                         std::size_t size) const noexcept = 0;

 protected:
  TensorSource() = default;
};

/// A file or a split set. Throws as gguf::FileSet::open.
std::unique_ptr<TensorSource> open_gguf_source(const std::filesystem::path& path);

}  // namespace cook
