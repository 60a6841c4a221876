// Keys and tensors against what the architecture says (docs/spec/models.md).
#include <fmt/format.h>

#include "surgery/check.h"

namespace surgery {
namespace {

using Level = base::Finding::Level;

/// Rows of a table that is looked up must lie one after the other.
void check_lookup(const gguf::FileSet& files, const model::ModelSpec& spec, FoundList& found) {
  const model::TensorRow* row = spec.find(model::Role::token_embd, -1);
  const gguf::TensorInfo* t = row == nullptr ? nullptr : files.find(row->name);
  if (t == nullptr || t->codec->group_rows == 1) return;
  found.push_back(
      {.part = Part::architecture,
       .finding = {Level::error, t->name,
                   fmt::format("is {}: interleaved rows cannot be looked up", t->codec->name)},
       .file = files.shards()[t->shard].path().string()});
}

}  // namespace

std::optional<model::ModelSpec> check_architecture(const gguf::FileSet& files, FoundList& found) {
  const auto add = [&found](base::Finding finding) {
    found.push_back({.part = Part::architecture, .finding = std::move(finding)});
  };
  try {
    model::ModelSpec spec = model::describe(files);
    for (base::Finding& f : model::examine(spec, files)) add(std::move(f));
    check_lookup(files, spec, found);
    check_flavour(files, spec, found);
    return spec;
  } catch (const base::Error& e) {
    add(base::finding_of(e));
    if (e.fault() == base::Fault::unsupported) found.back().finding.level = Level::warning;
  }
  return std::nullopt;
}

}  // namespace surgery
