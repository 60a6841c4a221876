// general.file_type against the types of the tensors (docs/spec/recipes.md 1).
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "recipe/tables.h"
#include "surgery/check.h"

namespace surgery {
namespace {

constexpr std::string_view kKey = "general.file_type";

/// Bytes of matrices by type.
std::map<std::uint32_t, std::uint64_t> bytes_by_type(const gguf::FileSet& files) {
  std::map<std::uint32_t, std::uint64_t> out;
  for (const gguf::TensorInfo& t : files.tensors()) {
    if (t.shape.n_dims() > 1) out[t.flat != nullptr ? t.flat->id : t.codec->id] += t.size;
  }
  return out;
}

}  // namespace

void check_file_type(const gguf::FileSet& files, FoundList& found) {
  const gguf::Value* value = files.metadata().find(kKey);
  const auto* stated = value == nullptr ? nullptr : std::get_if<std::uint32_t>(value);
  if (stated == nullptr || (*stated & recipe::kGuessed) != 0) return;
  const std::map<std::uint32_t, std::uint64_t> types = bytes_by_type(files);
  if (types.empty()) return;
  // Numbers that the programs give to different recipes are right if either is.
  const recipe::Recipe* recipe = nullptr;
  for (const recipe::Policy policy : {recipe::Policy::ik, recipe::Policy::mainline}) {
    const recipe::Recipe* r = recipe::recipe_by_id(policy, *stated);
    if (r == nullptr) continue;
    if (types.contains(r->default_type->id)) return;
    recipe = recipe == nullptr ? r : recipe;
  }
  if (recipe == nullptr) return;
  const auto most = std::ranges::max_element(
      types, [](const auto& a, const auto& b) { return a.second < b.second; });
  const recipe::TypeFacts* type = recipe::find_type(most->first);
  found.push_back(
      {.part = Part::architecture,
       .finding = {
           base::Finding::Level::note, std::string(kKey),
           fmt::format("says {}, but no matrix is {}: most are {}; quern edit --set {}=N "
                       "changes it",
                       recipe->symbol, recipe->default_type->name,
                       type == nullptr ? std::to_string(most->first) : std::string(type->name),
                       kKey)}});
}

}  // namespace surgery
