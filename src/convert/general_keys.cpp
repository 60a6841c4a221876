#include "convert/general_keys.h"

#include <fmt/format.h>

#include <cmath>

namespace convert {
namespace {

std::string rounded(double n) {
  struct Unit {
    double size;
    char letter;
  };
  constexpr Unit kUnits[] = {{1e12, 'T'}, {1e9, 'B'}, {1e6, 'M'}, {1e3, 'K'}};
  Unit unit = kUnits[3];
  for (const Unit& u : kUnits) {
    if (n > u.size) {
      unit = u;
      break;
    }
  }
  const double scaled = n / unit.size;
  return fmt::format("{:.{}f}{}", scaled, std::round(scaled) < 10 ? 1 : 0, unit.letter);
}

/// The folder's name; of a hub's cache, .../models--ORG--NAME/snapshots/COMMIT, the model's NAME.
std::string name_of_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  const std::filesystem::path whole = std::filesystem::canonical(path, ignored);
  const std::filesystem::path snapshots = whole.parent_path();
  const std::string cache = snapshots.parent_path().filename().string();
  const std::size_t cut = cache.rfind("--");
  if (snapshots.filename() == "snapshots" && cache.starts_with("models--") &&
      cut + 2 < cache.size()) {
    return cache.substr(cut + 2);
  }
  return whole.filename().string();
}

}  // namespace

std::string size_label(std::uint64_t shared, std::uint64_t expert, std::uint64_t n_expert) {
  if (n_expert == 0) return rounded(static_cast<double>(shared));
  const std::uint64_t active = shared + expert / n_expert;
  return fmt::format("{}x{}", n_expert, rounded(static_cast<double>(active)));
}

gguf::Metadata general_keys(const ModelFolder& folder, const TensorPlan& plan,
                            const std::string& name) {
  gguf::Metadata out;
  out.set("general.architecture", std::string(plan.architecture->name));
  out.set("general.type", std::string("model"));
  const std::string folder_name = name_of_folder(folder.path());
  if (!name.empty() || !folder_name.empty()) {
    out.set("general.name", name.empty() ? folder_name : name);
  }
  std::uint64_t shared = 0, expert = 0, n_expert = 0;
  for (const OutTensor& t : plan.tensors) {
    const bool stacked = t.axis == model::Axis::expert;
    (stacked ? expert : shared) += t.shape.elements();
    if (stacked) n_expert = t.shape.ne[2];
  }
  out.set("general.size_label", size_label(shared, expert, n_expert));
  return out;
}

}  // namespace convert
