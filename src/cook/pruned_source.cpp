#include "cook/pruned_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "recipe/table_text.h"

namespace cook {
namespace {

/// Old layers 0 to n - 1 and what becomes of them.
class LayerMap {
 public:
  LayerMap(int n_layers, const std::set<int>& pruned) : pruned_(pruned), n_layers_(n_layers) {}

  bool keeps(int layer) const { return pruned_.count(layer) == 0; }
  int renumbered(int layer) const { return layer - n_pruned(0, layer); }
  int n_layers() const noexcept { return n_layers_; }
  /// Of [first, end).
  int n_pruned(int first, int end) const {
    return static_cast<int>(std::count_if(
        pruned_.begin(), pruned_.end(), [&](int layer) { return layer >= first && layer < end; }));
  }

 private:
  std::set<int> pruned_;
  int n_layers_;
};

gguf::Array kept_values(const gguf::Array& array, const LayerMap& map) {
  gguf::Array out{.type = array.type, .fixed = {}, .strings = {}};
  const std::size_t width = array.strings.empty() ? array.fixed.size() / array.size() : 0;
  for (int layer = 0; layer < map.n_layers(); ++layer) {
    if (!map.keeps(layer)) continue;
    const auto i = static_cast<std::ptrdiff_t>(layer);
    if (!array.strings.empty()) out.strings.push_back(array.strings[static_cast<std::size_t>(i)]);
    const auto from = array.fixed.begin() + i * static_cast<std::ptrdiff_t>(width);
    out.fixed.insert(out.fixed.end(), from, from + static_cast<std::ptrdiff_t>(width));
  }
  return out;
}

/// Keeps the type that the key has.
void set_count(gguf::Metadata& metadata, const std::string& key, int value) {
  if (!metadata.has(key)) return;
  apply_override(metadata,
                 {.key = key, .kind = Override::Kind::integer, .integer = value, .text = {}});
}

gguf::Metadata pruned_metadata(const gguf::Metadata& input, const std::string& arch,
                               const LayerMap& map) {
  gguf::Metadata out = input;
  const int n = map.n_layers();
  for (const auto& [key, value] : input.pairs()) {
    const auto* array = std::get_if<gguf::Array>(&value);
    const bool by_layer = array != nullptr && key.starts_with(arch + ".") &&
                          array->size() == static_cast<std::size_t>(n);
    if (by_layer) out.set(key, kept_values(*array, map));
  }
  const auto count = [&](const char* key) {
    return static_cast<int>(std::clamp<std::int64_t>(input.integer(arch + key).value_or(0), 0, n));
  };
  const int dense = count(".leading_dense_block_count");
  const int nextn = count(".nextn_predict_layers");
  set_count(out, arch + ".block_count", n - map.n_pruned(0, n));
  set_count(out, arch + ".leading_dense_block_count", dense - map.n_pruned(0, dense));
  set_count(out, arch + ".nextn_predict_layers", nextn - map.n_pruned(n - nextn, n));
  return out;
}

class PrunedSource final : public TensorSource {
 public:
  PrunedSource(std::unique_ptr<TensorSource> source, const std::string& arch, const LayerMap& map)
      : source_(std::move(source)), metadata_(pruned_metadata(source_->metadata(), arch, map)) {
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
  const std::vector<recipe::InputTensor>& tensors() const noexcept override { return tensors_; }
  const recipe::InputTensor& origin(std::size_t tensor) const noexcept override {
    return source_->origin(origins_[tensor]);
  }
  std::size_t n_shards() const noexcept override { return source_->n_shards(); }
  std::vector<std::filesystem::path> paths() const override { return source_->paths(); }
  const base::Findings& findings() const noexcept override { return source_->findings(); }
  void read(std::size_t tensor, std::size_t offset, std::span<std::byte> out) const override {
    source_->read(origins_[tensor], offset, out);
  }
  void will_need(std::size_t tensor, std::size_t offset, std::size_t size) const noexcept override {
    source_->will_need(origins_[tensor], offset, size);
  }

 private:
  std::unique_ptr<TensorSource> source_;
  gguf::Metadata metadata_;
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
                                           const std::set<int>& layers) {
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
  return std::make_unique<PrunedSource>(std::move(source), arch,
                                        LayerMap(static_cast<int>(n), layers));
}

}  // namespace cook
