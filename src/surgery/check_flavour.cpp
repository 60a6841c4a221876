// Which flavour of MLA files the tensors make, and whether the keys say the same
// (docs/spec/models.md 3.1): the fault of edits that forget a key.
#include <fmt/format.h>

#include "surgery/check.h"
#include "surgery/mla.h"

namespace surgery {
namespace {

using Level = base::Finding::Level;

class FlavourCheck {
 public:
  FlavourCheck(const gguf::FileSet& files, const model::ModelSpec& spec, FoundList& found)
      : files_(files), spec_(spec), found_(found), layers_(mla_layers(files, spec)) {}

  void run() {
    if (layers_.empty()) return;
    for (const MlaTensors& layer : layers_) {
      n_whole_ += layer.kv_b != nullptr ? 1 : 0;
      n_parts_ += layer.k_b != nullptr && layer.v_b != nullptr ? 1 : 0;
    }
    check_layers();
    if (n_whole_ > 0) {
      check_whole_keys();
    } else {
      check_split_keys();
      check_dimensions();
    }
  }

 private:
  void add(Level level, std::string where, std::string text) {
    found_.push_back(
        {.part = Part::architecture, .finding = {level, std::move(where), std::move(text)}});
  }
  static std::string whole_name() {
    return std::string(model::role_name(model::Role::attn_kv_b).stem);
  }
  std::string key(std::string_view rest) const {
    return fmt::format("{}.attention.{}", spec_.architecture, rest);
  }

  void check_layers() {
    if (n_whole_ > 0 && n_parts_ > 0) {
      add(Level::note, whole_name(),
          "stands beside attn_k_b and attn_v_b: llama.cpp refuses the file");
    }
    if (n_whole_ > 0 && n_whole_ < layers_.size() && n_parts_ < layers_.size()) {
      add(Level::warning, whole_name(),
          fmt::format("is in {} of {} layers, the others have attn_k_b and attn_v_b: no public "
                      "program reads that; quern edit --mla makes them alike",
                      n_whole_, layers_.size()));
    }
  }

  void expect(std::string_view rest, std::size_t expected, std::string_view because) {
    const auto stated = files_.metadata().integer(key(rest));
    if (stated == static_cast<std::int64_t>(expected)) return;
    add(Level::warning, key(rest),
        fmt::format("{}, but with {} programs need {}; quern edit --mla {} sets it",
                    stated ? fmt::format("says {}", *stated) : "is missing", because, expected,
                    n_whole_ == 0   ? "split"
                    : n_parts_ == 0 ? "kv_b"
                                    : "both"));
  }

  void check_whole_keys() {
    const MlaSizes& s = layers_.front().sizes;
    // An array with one value a layer is read by the architecture.
    const gguf::Value* heads = files_.metadata().find(key("head_count_kv"));
    if (heads != nullptr && !std::holds_alternative<gguf::Array>(*heads)) {
      expect("head_count_kv", s.heads, "attn_kv_b");
    }
    for (const char* rest : {"key_length_mla", "value_length_mla"}) {
      if (!files_.metadata().has(key(rest))) continue;
      add(Level::warning, key(rest),
          "is there, but belongs to files without attn_kv_b; quern edit --mla removes it");
    }
  }

  void check_split_keys() {
    const MlaSizes& s = layers_.front().sizes;
    const std::size_t n_rot = spec_.layers.front().mla->rope.n_rot;
    constexpr std::string_view because = "attn_k_b and attn_v_b";
    expect("head_count_kv", 1, because);
    expect("key_length", s.rank + n_rot, because);
    expect("value_length", s.rank, because);
    expect("key_length_mla", s.nope + n_rot, because);
    expect("value_length_mla", s.value, because);
  }

  void check_dimensions() {
    for (const MlaTensors& layer : layers_) {
      if (layer.k_b == nullptr || layer.k_b->shape != layer.sizes.k_b_2d()) continue;
      if (layer.sizes.heads == 1) continue;  // both spellings are the same
      add(Level::warning, layer.k_b->name,
          "has two dimensions, though there is no attn_kv_b: no public program reads that; quern "
          "edit --mla split changes it");
      return;
    }
  }

  const gguf::FileSet& files_;
  const model::ModelSpec& spec_;
  FoundList& found_;
  std::vector<MlaTensors> layers_;
  std::size_t n_whole_ = 0, n_parts_ = 0;  ///< layers
};

}  // namespace

void check_flavour(const gguf::FileSet& files, const model::ModelSpec& spec, FoundList& found) {
  FlavourCheck(files, spec, found).run();
}

}  // namespace surgery
