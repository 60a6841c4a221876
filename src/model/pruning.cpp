#include "model/pruning.h"

#include <algorithm>

namespace model {

int LayerMap::n_pruned(int first, int end) const {
  return static_cast<int>(std::count_if(pruned_.begin(), pruned_.end(),
                                        [&](int layer) { return layer >= first && layer < end; }));
}

namespace {

constexpr std::string_view kPattern = ".attention.sliding_window_pattern";
constexpr std::string_view kWindow = ".attention.sliding_window";
constexpr std::string_view kScale = ".attention.scale";

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

/// Keeps the type that the key has; the count only falls, so it fits.
void set_count(gguf::Metadata& metadata, const std::string& key, int count) {
  const gguf::Value* value = metadata.find(key);
  if (value == nullptr) return;
  metadata.set(key, std::visit(
                        [&](const auto& old) -> gguf::Value {
                          using T = std::decay_t<decltype(old)>;
                          if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
                            return static_cast<T>(count);
                          } else {
                            return old;
                          }
                        },
                        *value));
}

gguf::Metadata renumbered_keys(const gguf::Metadata& input, const std::string& arch,
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

std::vector<gguf::TensorInfo> renumbered_tensors(const gguf::FileSet& whole, const LayerMap& map) {
  std::vector<gguf::TensorInfo> out;
  for (const gguf::TensorInfo& info : whole.tensors()) {
    const int layer = parse_tensor_name(info.name).layer;
    if (layer >= map.n_layers() || (layer >= 0 && !map.keeps(layer))) continue;
    out.push_back(info);
    out.back().shard = 0;
    if (layer >= 0) out.back().name = with_layer(info.name, map.renumbered(layer));
  }
  return out;
}

/// The plan of each layer that runs and stays, under its old number.
using Plans = std::vector<std::pair<int, const LayerPlan*>>;
Plans kept_plans(const ModelSpec& spec, const LayerMap& map) {
  Plans out;
  for (std::size_t l = 0; l < spec.layers.size(); ++l) {
    const int layer = static_cast<int>(l);
    if (map.keeps(layer)) out.emplace_back(layer, &spec.layers[l]);
  }
  return out;
}

/// Old number of the first layer that would be computed otherwise; -1 if there is none.
int first_changed(const Plans& wanted, const ModelSpec& now) {
  for (std::size_t l = 0; l < wanted.size(); ++l) {
    if (l >= now.layers.size() || *wanted[l].second != now.layers[l]) return wanted[l].first;
  }
  return -1;
}

/// Says by keys what follows from numbers of layers otherwise.
void write_out(const Plans& wanted, const std::string& arch, gguf::Metadata& metadata) {
  std::vector<bool> slides;
  std::uint32_t window = 0;
  const AttentionPlan* attention = nullptr;
  for (const auto& [layer, plan] : wanted) {
    if (!plan->attention) return;
    attention = &*plan->attention;
    slides.push_back(attention->window != 0);
    window = std::max(window, attention->window);
  }
  if (attention == nullptr) return;
  metadata.set(arch + std::string(kPattern), gguf::Array::of_flags(slides));
  if (!metadata.has(arch + std::string(kWindow))) metadata.set(arch + std::string(kWindow), window);
  if (!metadata.has(arch + std::string(kScale))) {
    metadata.set(arch + std::string(kScale), attention->scale);
  }
}

/// Takes away again what write_out said needlessly; returns the keys that had to change.
std::vector<std::string> drop_idle(gguf::FileSet& planned, const Plans& wanted,
                                   const std::string& arch, const gguf::Metadata& before) {
  std::vector<std::string> needed;
  for (const std::string_view end : {kPattern, kWindow, kScale}) {
    const std::string key = arch + std::string(end);
    const gguf::Metadata full = planned.metadata();
    gguf::Metadata fewer = full;
    if (const gguf::Value* old = before.find(key)) {
      fewer.set(key, *old);
    } else {
      fewer.erase(key);
    }
    if (fewer.pairs() == full.pairs()) continue;
    planned.set_metadata(std::move(fewer));
    if (first_changed(wanted, describe(planned)) < 0) continue;
    planned.set_metadata(full);
    needed.push_back(key);
  }
  return needed;
}

base::Error cannot_tell(const std::string& arch, int layer, int number) {
  return base::Error(base::Fault::unsupported,
                     "a layer that stays would be computed otherwise under its new number")
      .at("layer", layer)
      .at("becomes", number)
      .at("architecture", arch);
}

std::optional<ModelSpec> known(const gguf::FileSet& whole) {
  try {
    return describe(whole);
  } catch (const base::Error&) {
    return std::nullopt;  // told, or let pass, by whoever opened the model
  }
}

}  // namespace

Pruned without_layers(const gguf::FileSet& whole, const LayerMap& map, bool allow_changes) {
  const std::string arch(whole.metadata().string("general.architecture").value_or(""));
  const gguf::Metadata renumbered = renumbered_keys(whole.metadata(), arch, map);
  const std::optional<ModelSpec> old = known(whole);
  if (!old) return {.metadata = renumbered, .findings = {}};
  const Plans wanted = kept_plans(*old, map);
  if (wanted.empty()) {
    throw base::Error(base::Fault::bad_usage, "no layer of the forward pass would stay");
  }
  gguf::FileSet planned = gguf::FileSet::planned(renumbered, renumbered_tensors(whole, map));
  if (first_changed(wanted, describe(planned)) < 0) return {.metadata = renumbered, .findings = {}};
  gguf::Metadata told = renumbered;
  write_out(wanted, arch, told);
  planned.set_metadata(std::move(told));
  if (const int changed = first_changed(wanted, describe(planned)); changed >= 0) {
    if (!allow_changes) throw cannot_tell(arch, changed, map.renumbered(changed));
    return {.metadata = renumbered,
            .findings = {{.where = "layer " + std::to_string(changed),
                          .text = "is computed otherwise as layer " +
                                  std::to_string(map.renumbered(changed)) +
                                  ", and others may be; no key can say how it was"}}};
  }
  Pruned out;
  for (const std::string& key : drop_idle(planned, wanted, arch, renumbered)) {
    out.findings.push_back(
        {.where = key,
         .text = "written because layers were numbered anew; llama.cpp and ik_llama.cpp go by the "
                 "layer's number and compute another model"});
  }
  out.metadata = planned.metadata();
  return out;
}

}  // namespace model
