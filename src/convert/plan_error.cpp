#include "convert/plan_error.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"

namespace convert {
namespace {

std::string fact(const base::Error& e, std::string_view key) {
  const auto at = std::find_if(e.facts().begin(), e.facts().end(),
                               [&](const auto& f) { return f.first == key; });
  return at == e.facts().end() ? std::string() : at->second;
}

/// The name that the tensor of a row would have in the folder; "" if the form knows none.
std::string name_in_folder(const TensorPlan& plan, const model::TensorRow& row) {
  for (const auto& group : plan.architecture->hugging_face->tensors) {
    for (const model::HfTensor& t : group) {
      if (t.role == row.role) return model::hf_name(t.name, {.layer = row.layer, .expert = 0});
    }
  }
  return "";
}

void add_source(const std::string& name, const ModelFolder& folder, const TensorPlan& plan,
                base::Error& e) {
  for (const OutTensor& t : plan.tensors) {
    if (t.name != name || t.pieces.empty()) continue;
    const ModelFolder::Tensor& first = folder.tensors()[t.pieces.front()];
    e.at("source", base::printable(first.info.name))
        .at("file", folder.shards()[first.shard].string());
    return;
  }
  for (const model::TensorRow& row : plan.spec.tensors) {
    if (row.name != name) continue;
    const std::string source = name_in_folder(plan, row);
    if (!source.empty()) e.at("source", source);
    e.at("file", folder.path().string());
    return;
  }
}

/// A key of GGUF that was made from one of config.json.
base::Error in_config_words(const base::Error& e, std::string_view config_key,
                            const std::string& key) {
  const bool missing = fact(e, "found").empty();
  base::Error out(e.fault(), missing ? "config.json lacks a key" : e.message());
  out.at("key", config_key).at("GGUF key", key);
  for (const auto& [name, value] : e.facts()) {
    if (name != "key") out.at(name, value);
  }
  if (!missing) out.hint(e.hint_text());
  return out;
}

}  // namespace

base::Error in_words_of_folder(const base::Error& e, const ModelFolder& folder,
                               const TensorPlan& plan) {
  base::Error out = e;
  const std::string config = (folder.path() / "config.json").string();
  const std::string key = fact(e, "key"), prefix = std::string(plan.architecture->name) + ".";
  if (key.starts_with(prefix)) {
    const std::string_view known = model::hf_key_of(std::string_view(key).substr(prefix.size()));
    // Some architectures make the key of others, which config.json then has instead.
    const bool usable = !known.empty() && (fact(e, "found").empty() ||
                                           folder.config().has(known.substr(0, known.find('.'))));
    if (usable) out = in_config_words(e, known, key);
    out.at("file", config);
    return out;
  }
  const std::string tensor = fact(e, "tensor");
  if (!tensor.empty()) add_source(tensor, folder, plan, out);
  out.at("config", config);
  return out;
}

void add_place(base::Error& e, const ModelFolder& folder) {
  const std::string config = (folder.path() / "config.json").string();
  const std::string tensor = fact(e, "tensor");
  if (tensor.empty()) {
    e.at("file", config);
  } else {
    const auto index = folder.find(tensor);
    e.at("file",
         index ? folder.shards()[folder.tensors()[*index].shard].string() : folder.path().string());
    e.at("config", config);
  }
  if (e.fault() != base::Fault::bad_file) return;
  if (tensor.empty()) {
    e.hint("is it the model's own config.json? fetch it again");
  } else {
    e.hint("config.json and the tensors contradict each other: is one of them of another model?");
  }
}

}  // namespace convert
