#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "convert/safetensors.h"
#include "cook/readable_file.h"
#include "model/hugging_face.h"

namespace convert {

/// A model folder: config.json and the tensors of its safetensors files, in the order in which the
/// public converter visits them: file by file, names sorted. Immutable; read from several threads.
class ModelFolder {
 public:
  struct Tensor {
    SafeTensor info;
    std::size_t shard = 0;  ///< index into shards()
  };

  /// Throws Fault::io and Fault::bad_file: no config.json, no tensors, an index that names files
  /// outside the folder, files or tensors that the index and the files do not agree on.
  static ModelFolder open(const std::filesystem::path& folder);

  const std::filesystem::path& path() const noexcept { return path_; }
  /// config.json; of a vision model the language part, over what stands beside it.
  const model::HfConfig& config() const noexcept { return config_; }
  /// Class and model type that decide the architecture.
  const std::string& hf_class() const noexcept { return class_; }
  const std::string& model_type() const noexcept { return type_; }
  /// The language part of a vision model: other tensors are left out.
  bool has_vision() const noexcept { return vision_; }

  const std::vector<std::filesystem::path>& shards() const noexcept { return shards_; }
  const std::vector<Tensor>& tensors() const noexcept { return tensors_; }
  /// Index of a tensor; nothing if there is none.
  std::optional<std::size_t> find(std::string_view name) const;
  const base::Findings& findings() const noexcept { return findings_; }

  /// Bytes of a tensor from `offset` on. Throws Fault::io with file, tensor and offset.
  void read(std::size_t tensor, std::size_t offset, std::span<std::byte> out) const;
  void will_need(std::size_t tensor, std::size_t offset, std::size_t size) const noexcept;
  /// The files of tensors are as they were. Throws as cook::ReadableFile::require_unchanged.
  void require_unchanged() const;

 private:
  explicit ModelFolder(std::filesystem::path path);
  void read_config();
  void read_shards();
  std::vector<std::string> shard_names(std::unordered_map<std::string, std::string>& index);
  void add_shard(const std::string& name);
  void check_index(const std::unordered_map<std::string, std::string>& index);

  std::filesystem::path path_;
  model::HfConfig config_;
  std::string class_, type_;
  bool vision_ = false;
  std::vector<std::filesystem::path> shards_;
  std::vector<cook::ReadableFile> files_;  // one a shard
  std::vector<Tensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> by_name_;  // views into tensors_
  base::Findings findings_;
};

}  // namespace convert
