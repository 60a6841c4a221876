#include "convert/unknown_architecture.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/nearest.h"
#include "base/printable.h"
#include "convert/packing.h"

namespace convert {
namespace {

/// Enough to tell families apart, in a folder of any size.
constexpr std::size_t kMostNames = 20000;

std::vector<std::string_view> known_classes() {
  std::vector<std::string_view> out;
  for (const model::Architecture* a : model::all_architectures()) {
    if (a->hugging_face == nullptr) continue;
    out.insert(out.end(), a->hugging_face->classes.begin(), a->hugging_face->classes.end());
  }
  return out;
}

bool has_place(const model::HuggingFaceForm& form, std::string_view name) {
  return std::any_of(form.tensors.begin(), form.tensors.end(), [name](const auto& group) {
    return std::any_of(group.begin(), group.end(), [name](const model::HfTensor& row) {
      return model::hf_match(row.name, name).has_value();
    });
  });
}

/// Names of the folder that an architecture has no place for.
struct Misfit {
  const model::Architecture* architecture = nullptr;
  std::vector<std::string_view> names = {};
};

/// The one whose class is spelt most like `hf_class`; the first one if none is.
const Misfit& spelt_alike(std::span<const Misfit> fits, std::string_view hf_class) {
  std::vector<std::string_view> classes;
  for (const Misfit& fit : fits) {
    const auto& own = fit.architecture->hugging_face->classes;
    classes.insert(classes.end(), own.begin(), own.end());
  }
  const std::string_view nearest = base::nearest(hf_class, classes);
  for (const Misfit& fit : fits) {
    const auto& own = fit.architecture->hugging_face->classes;
    if (std::find(own.begin(), own.end(), nearest) != own.end()) return fit;
  }
  return fits.front();
}

std::vector<std::string> language_names(const ModelFolder& folder) {
  std::vector<std::string> out;
  for (const ModelFolder::Tensor& t : folder.tensors()) {
    if (out.size() == kMostNames) break;
    auto name = language_name(folder, t.info.name);
    if (name && !is_of_packing(folder, t.info.name)) out.push_back(std::move(*name));
  }
  return out;
}

Misfit best_fit(const ModelFolder& folder, std::span<const std::string> names) {
  std::vector<Misfit> best;  // equally good ones; there is always one
  for (const model::Architecture* a : model::all_architectures()) {
    if (a->hugging_face == nullptr) continue;
    Misfit one{.architecture = a};
    for (const std::string& name : names) {
      if (!has_place(*a->hugging_face, name)) one.names.emplace_back(name);
    }
    if (!best.empty() && one.names.size() > best.front().names.size()) continue;
    if (!best.empty() && one.names.size() < best.front().names.size()) best.clear();
    best.push_back(std::move(one));
  }
  return spelt_alike(best, folder.hf_class());
}

/// What an architecture cannot read or say of a config.json; empty if nothing.
std::string unread_keys(const model::Architecture& architecture, const model::HfConfig& config) {
  gguf::Metadata metadata;
  base::Findings findings;
  model::HfKeys keys(std::string(architecture.name), model::MlaForm::split, metadata, findings);
  try {
    architecture.hugging_face->metadata(config, keys);
  } catch (const base::Error& e) {
    const base::Finding f = base::finding_of(e);
    return f.where + ": " + f.text;
  }
  return "";
}

}  // namespace

std::optional<std::string> language_name(const ModelFolder& folder, const std::string& name) {
  if (!folder.has_vision()) return name;
  constexpr std::string_view kOuter = "language_model.", kInner = "model.language_model.";
  if (name.starts_with(kInner)) return "model." + name.substr(kInner.size());
  if (name.starts_with(kOuter)) return name.substr(kOuter.size());
  return name == "lm_head.weight" ? std::optional(name) : std::nullopt;
}

base::Error unknown_architecture(const ModelFolder& folder) {
  base::Error e(base::Fault::unsupported, "this kind of model cannot be converted");
  e.at("found", fmt::format("{} (model_type {})", base::printable(folder.hf_class()),
                            base::printable(folder.model_type())))
      .at("expected", fmt::format("one of {}", fmt::join(known_classes(), ", ")));
  const std::vector<std::string> names = language_names(folder);
  const Misfit nearest = best_fit(folder, names);
  if (nearest.names.size() < names.size()) {
    const model::Architecture& a = *nearest.architecture;
    e.at("nearest", fmt::format("{} ({})", a.name, a.hugging_face->classes.front()));
    if (!nearest.names.empty()) {
      e.at("without a place there",
           fmt::format("{} of {} tensors, the first {}", nearest.names.size(), names.size(),
                       base::printable(nearest.names.front())));
    }
    const std::string keys = unread_keys(a, folder.config());
    if (!keys.empty()) e.at("unlike there", keys);
  }
  e.hint("its file in src/model/arch would have to tell names and keys; see CONTRIBUTING.md");
  return e;
}

}  // namespace convert
