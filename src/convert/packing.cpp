#include "convert/packing.h"

namespace convert {
namespace {

constexpr std::string_view kFp8Scales[] = {"_scale_inv", "_scale"};
constexpr std::string_view kActivations[] = {".activation_scale", ".input_scale"};

bool is_fp8(const ModelFolder& folder, const std::string& name) {
  const auto index = folder.find(name);
  return index && folder.tensors()[*index].info.dtype->name == "F8_E4M3";
}

std::string without(std::string_view name, std::string_view suffix) {
  return std::string(name.substr(0, name.size() - suffix.size()));
}

}  // namespace

std::optional<std::size_t> find_fp8_scales(const ModelFolder& folder, const std::string& name) {
  for (const std::string_view suffix : kFp8Scales) {
    if (const auto index = folder.find(name + std::string(suffix))) return index;
  }
  return std::nullopt;
}

bool is_of_packing(const ModelFolder& folder, std::string_view name) {
  for (const std::string_view suffix : kActivations) {
    if (name.ends_with(suffix) && is_fp8(folder, without(name, suffix) + ".weight")) return true;
  }
  for (const std::string_view suffix : kFp8Scales) {
    if (name.ends_with(suffix) && is_fp8(folder, without(name, suffix))) return true;
  }
  return name.ends_with(kScales) &&
         folder.find(without(name, kScales) + std::string(kBlocks)).has_value();
}

}  // namespace convert
