// cook/: the quantize pipeline: source, recipe, importance, encoders, ordered output. It must not
// know commands or how results are shown.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "cook/metadata.h"
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
  /// As it was before layers were left out: what the mixes of llama.cpp go by.
  virtual const gguf::Metadata& whole_metadata() const noexcept { return metadata(); }
  virtual const std::vector<recipe::InputTensor>& tensors() const noexcept = 0;
  /// The tensor as importance files name it; another one where layers were renumbered.
  virtual const recipe::InputTensor& origin(std::size_t tensor) const noexcept {
    return tensors()[tensor];
  }
  virtual std::size_t n_shards() const noexcept = 0;
  /// Files that must not be overwritten.
  virtual std::vector<std::filesystem::path> paths() const = 0;
  /// What was odd about it.
  virtual const base::Findings& findings() const noexcept;

  /// True if the file holds the tensor in a format without rows (gguf::TensorInfo::flat): the bytes
  /// that are read here are not those of the file.
  virtual bool without_rows(std::size_t) const noexcept { return false; }

  /// Bytes [offset, offset + out.size()) of a tensor. May be called from several threads. Throws
  /// Fault::io with file, tensor and offset.
  virtual void read(std::size_t tensor, std::size_t offset, std::span<std::byte> out) const = 0;
  /// Adds to an error about a tensor's values where they lie (file, name there), and a hint if it
  /// has none yet.
  virtual void locate(std::size_t, base::Error&) const {}
  /// Tells that a part of a tensor will be read soon.
  virtual void will_need(std::size_t tensor, std::size_t offset,
                         std::size_t size) const noexcept = 0;
  /// All files are as they were when the source was opened, so that everything read is of one
  /// model. Asked after the last read, from any thread. Throws as ReadableFile::require_unchanged.
  virtual void require_unchanged() const = 0;

 protected:
  TensorSource() = default;
};

/// A file or a split set, roles of its tensors by their names. Throws as gguf::FileSet::open.
std::unique_ptr<TensorSource> open_gguf_source(const std::filesystem::path& path);

/// How strictly a model is looked at.
struct ModelCheck {
  std::vector<Override> overrides = {};  ///< what the metadata will say
  bool allow_broken = false;             ///< errors become warnings
};

/// The same for a whole model, held against the description of its architecture, which then tells
/// the roles. Throws Fault::bad_file when hyper-parameters or tensors contradict it, when there is
/// no tensor or no architecture. An unknown architecture and what is merely doubtful are findings.
std::unique_ptr<TensorSource> open_gguf_model(const std::filesystem::path& path,
                                              const ModelCheck& check);

}  // namespace cook
