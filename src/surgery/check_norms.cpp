// Weights of norms that no training gives: one of them drowns everything behind it.
#include <fmt/format.h>

#include <cmath>

#include "base/printable.h"
#include "cook/readable_file.h"
#include "surgery/check.h"

namespace surgery {
namespace {

constexpr float kLargest = 1e6F;  // those of published models stay below 1e3

bool is_norm(const model::TensorRow& row) {
  return row.f32_only && model::role_name(row.role).stem.find("norm") != std::string_view::npos;
}

/// The values of a vector; none if the disk cannot read them, which check_data tells.
std::vector<float> values_of(const gguf::FileSet& files, const gguf::TensorInfo& t) {
  std::vector<std::byte> bytes(t.size);
  std::vector<float> values(t.shape.elements());
  try {
    cook::ReadableFile(files.shards()[t.shard].path()).read(t.offset, bytes);
  } catch (const base::Error&) {
    return {};
  }
  tensor::decode_rows({t.codec, t.shape, bytes}, 0, t.shape.rows(), values);
  return values;
}

}  // namespace

void check_norms(const gguf::FileSet& files, const model::ModelSpec& spec, FoundList& found) {
  for (const model::TensorRow& row : spec.tensors) {
    const gguf::TensorInfo* t = is_norm(row) ? files.find(row.name) : nullptr;
    if (t == nullptr || t->flat != nullptr || !t->codec->is_float()) continue;
    const std::vector<float> values = values_of(files, *t);
    std::size_t n = 0, first = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i]) && std::abs(values[i]) > kLargest && n++ == 0) first = i;
    }
    if (n == 0) continue;
    const std::size_t offset = t->offset + first * (t->size / values.size());
    std::string text = fmt::format("element {} is {:g}, norms are near 1", first, values[first]);
    if (n > 1) text += fmt::format(" ({} such elements)", n);
    found.push_back(
        {.part = Part::blocks,
         .finding = {base::Finding::Level::warning, base::printable(t->name), std::move(text)},
         .file = files.shards()[t->shard].path().string(),
         .offset = offset,
         .count = n});
  }
}

}  // namespace surgery
