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
    check_output();
    check_layers();
    check_parts_of_whole();
    if (n_whole_ > 0) {
      check_whole_keys();
    } else {
      check_split_keys();
      check_dimensions();
    }
  }

 private:
  /// Of the tensors: Part::mla. Of the keys: Part::architecture.
  void add(Level level, std::string where, std::string text, Part part = Part::mla) {
    found_.push_back({.part = part, .finding = {level, std::move(where), std::move(text)}});
  }
  static std::string whole_name() {
    return std::string(model::role_name(model::Role::attn_kv_b).stem);
  }
  std::string key(std::string_view rest) const {
    return fmt::format("{}.attention.{}", spec_.architecture, rest);
  }

  /// A tied output, or what an edit leaves that drops too much (docs/spec/models.md 1.2).
  void check_output() {
    const model::TensorRow* row = spec_.find(model::Role::output, -1);
    if (row == nullptr || files_.find(row->name) != nullptr) return;
    add(Level::note, row->name,
        "is not there: token_embd takes its place; ik_llama.cpp refuses such files",
        Part::architecture);
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

  /// What may stand beside attn_kv_b: both others, of two dimensions (flavour B). ik_llama.cpp
  /// makes the one that is missing, llama.cpp counts the tensors.
  void check_parts_of_whole() {
    const gguf::TensorInfo *stacked = nullptr, *alone = nullptr;
    for (const MlaTensors& layer : layers_) {
      if (layer.kv_b == nullptr) continue;
      for (const gguf::TensorInfo* part : {layer.k_b, layer.v_b}) {
        // With one head both spellings are the same.
        const bool is_stacked = part != nullptr && part->shape.ne[2] > 1;
        if (is_stacked && stacked == nullptr) stacked = part;
      }
      if ((layer.k_b == nullptr) == (layer.v_b == nullptr) || alone != nullptr) continue;
      alone = layer.k_b != nullptr ? layer.k_b : layer.v_b;
    }
    if (stacked != nullptr) {
      add(Level::warning, stacked->name,
          "has three dimensions and stands beside attn_kv_b: no public program reads that; quern "
          "edit --mla split, both or kv_b mends it");
    } else if (alone != nullptr) {
      add(Level::warning, alone->name,
          fmt::format(
              "stands beside attn_kv_b without attn_{}_b: llama.cpp refuses the file; "
              "quern edit --mla both or kv_b mends it",
              model::parse_tensor_name(alone->name).role == model::Role::attn_k_b ? "v" : "k"));
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
                                    : "both"),
        Part::architecture);
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
          "is there, but belongs to files without attn_kv_b; quern edit --mla removes it",
          Part::architecture);
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
