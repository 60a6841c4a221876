#pragma once

#include <memory>
#include <string>
#include <vector>

#include "convert/tensor_plan.h"
#include "cook/source.h"

namespace convert {

/// A model folder as a source of tensors for cook/: every tensor of the GGUF file, with all changes
/// done, in the type that holds its values without loss.
class HfSource final : public cook::TensorSource {
 public:
  HfSource(ModelFolder folder, TensorPlan plan);

  const gguf::Metadata& metadata() const noexcept override { return plan_.metadata; }
  const std::vector<recipe::InputTensor>& tensors() const noexcept override { return inputs_; }
  std::size_t n_shards() const noexcept override { return n_shards_; }
  std::vector<std::filesystem::path> paths() const override { return folder_.shards(); }
  void read(std::size_t tensor, std::size_t offset, std::span<std::byte> out) const override;
  void locate(std::size_t tensor, base::Error& e) const override;
  void will_need(std::size_t tensor, std::size_t offset, std::size_t size) const noexcept override;
  void require_unchanged() const override { folder_.require_unchanged(); }

  const ModelFolder& folder() const noexcept { return folder_; }
  const TensorPlan& plan() const noexcept { return plan_; }
  /// Files that the output is to have, and which tensor goes into which (kept by
  /// cook::Request::keep_split).
  void set_shards(const std::vector<std::size_t>& shard_of_tensor, std::size_t n_shards);

 private:
  ModelFolder folder_;
  TensorPlan plan_;
  std::vector<recipe::InputTensor> inputs_;
  std::size_t n_shards_ = 1;
};

struct Options {
  PlanOptions plan = {};
  std::string name = {};  ///< general.name; empty: the folder's
  std::string pre = {};   ///< tokenizer.ggml.pre; empty: recognised
};

/// Opens a folder, plans its tensors, reads its vocabulary. Throws what ModelFolder::open,
/// plan_tensors and read_vocabulary throw.
std::unique_ptr<HfSource> open_hf_source(const std::filesystem::path& folder,
                                         const Options& options);

/// With these keys changed the file can still be read: its architecture describes it and has a
/// place for every tensor (else Fault::bad_input), its tokenizer can be made. Throws what
/// model::describe, model::validate and text::make_tokenizer throw, and Fault::bad_usage as
/// cook::apply_override.
void check_overrides(const HfSource& source, const std::vector<cook::Override>& overrides);

}  // namespace convert
