#include "cook/pruned_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "model/pruning.h"
#include "recipe/table_text.h"

namespace cook {
namespace {

/// The source as a file that is described, not read.
gguf::FileSet planned(const TensorSource& source) {
  std::vector<gguf::TensorInfo> infos;
  for (const recipe::InputTensor& t : source.tensors()) {
    infos.push_back(
        {.name = t.name, .codec = quant::find_codec(t.type->id), .shape = t.shape, .shard = 0});
  }
  return gguf::FileSet::planned(source.metadata(), std::move(infos));
}

class PrunedSource final : public TensorSource {
 public:
  PrunedSource(std::unique_ptr<TensorSource> source, const model::LayerMap& map, bool allow_changes)
      : source_(std::move(source)), findings_(source_->findings()) {
    model::Pruned pruned = prune(map, allow_changes);
    metadata_ = std::move(pruned.metadata);
    for (base::Finding& f : pruned.findings) findings_.push_back(std::move(f));
    const std::vector<recipe::InputTensor>& all = source_->tensors();
    for (std::size_t i = 0; i < all.size(); ++i) {
      recipe::InputTensor tensor = all[i];
      if (tensor.id.layer >= 0) {
        if (!map.keeps(tensor.id.layer)) continue;
        tensor.id.layer = map.renumbered(tensor.id.layer);
        tensor.name = model::with_layer(tensor.name, tensor.id.layer);
      }
      tensors_.push_back(std::move(tensor));
      origins_.push_back(i);
    }
  }

  const gguf::Metadata& metadata() const noexcept override { return metadata_; }
  const gguf::Metadata& whole_metadata() const noexcept override {
    return source_->whole_metadata();
  }
  const std::vector<recipe::InputTensor>& tensors() const noexcept override { return tensors_; }
  const recipe::InputTensor& origin(std::size_t tensor) const noexcept override {
    return source_->origin(origins_[tensor]);
  }
  std::size_t n_shards() const noexcept override { return source_->n_shards(); }
  std::vector<std::filesystem::path> paths() const override { return source_->paths(); }
  const base::Findings& findings() const noexcept override { return findings_; }
  bool without_rows(std::size_t tensor) const noexcept override {
    return source_->without_rows(origins_[tensor]);
  }
  void read(std::size_t tensor, std::size_t offset, std::span<std::byte> out) const override {
    source_->read(origins_[tensor], offset, out);
  }
  void locate(std::size_t tensor, base::Error& e) const override {
    source_->locate(origins_[tensor], e);
  }
  void will_need(std::size_t tensor, std::size_t offset, std::size_t size) const noexcept override {
    source_->will_need(origins_[tensor], offset, size);
  }
  void require_unchanged() const override { source_->require_unchanged(); }

 private:
  model::Pruned prune(const model::LayerMap& map, bool allow_changes) const {
    try {
      return model::without_layers(planned(*source_), map, allow_changes);
    } catch (base::Error& e) {
      e.at("file", source_->paths().front().string());
      if (e.fault() == base::Fault::unsupported) {
        e.hint(
            "the architecture goes by layer numbers (rotation, window) and no key says otherwise: "
            "prune from the end, or as many layers in a row as its period has; --allow-broken does "
            "it nevertheless");
      }
      throw;
    }
  }

  std::unique_ptr<TensorSource> source_;
  gguf::Metadata metadata_;
  base::Findings findings_;
  std::vector<recipe::InputTensor> tensors_;
  std::vector<std::size_t> origins_;  ///< index of each in the source
};

}  // namespace

std::set<int> parse_layers(std::string_view option, std::string_view text) {
  std::set<int> out;
  for (const std::string_view piece : recipe::split(text, ',')) {
    int layer = 0;
    const char* end = piece.data() + piece.size();
    const auto [stop, code] = std::from_chars(piece.data(), end, layer);
    if (code != std::errc() || stop != end || layer < 0) {
      throw base::Error(base::Fault::bad_usage, fmt::format("{}: not a layer", option))
          .at("found", fmt::format("'{}'", piece))
          .expected("numbers of layers, separated by commas");
    }
    out.insert(layer);
  }
  return out;
}

std::unique_ptr<TensorSource> prune_layers(std::unique_ptr<TensorSource> source,
                                           const std::set<int>& layers, bool allow_changes) {
  const std::string arch(source->metadata().string("general.architecture").value_or(""));
  const std::string key = arch + ".block_count";
  constexpr std::int64_t kMostLayers = 100000;
  const std::int64_t n = source->metadata().integer(key).value_or(0);
  if (n < 1 || n > kMostLayers) {
    throw base::Error(base::Fault::bad_file, "the model does not tell how many layers it has")
        .at("key", key)
        .at("found", n);
  }
  if (!layers.empty() && *layers.rbegin() >= n) {
    throw base::Error(base::Fault::bad_usage, "a layer to prune is not there")
        .at("found", *layers.rbegin())
        .expected(fmt::format("0 to {}", n - 1));
  }
  if (static_cast<std::int64_t>(layers.size()) == n) {
    throw base::Error(base::Fault::bad_usage, "no layer would stay");
  }
  return std::make_unique<PrunedSource>(
      std::move(source), model::LayerMap(static_cast<int>(n), layers), allow_changes);
}

}  // namespace cook
