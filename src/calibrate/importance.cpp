#include "calibrate/importance.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/output_file.h"
#include "calibrate/importance_file.h"
#include "gguf/layout.h"
#include "tensor/buffer.h"

namespace calibrate {

std::vector<float> Entry::means() const {
  std::vector<float> out(sums.size());
  for (std::size_t v = 0; v < n_vectors; ++v) {
    if (counts[v] == 0) continue;
    const auto count = static_cast<double>(counts[v]);
    for (std::size_t i = v * n_cols; i < (v + 1) * n_cols; ++i) {
      out[i] = static_cast<float>(sums[i] / count);
    }
  }
  return out;
}

std::vector<float> Entry::pooled_mean() const {
  std::vector<double> total(n_cols);
  for (std::size_t v = 0; v < n_vectors; ++v) {
    if (counts[v] == 0) continue;
    for (std::size_t j = 0; j < n_cols; ++j) total[j] += sums[v * n_cols + j];
  }
  const double count = std::accumulate(counts.begin(), counts.end(), 0.0,
                                       [](double a, auto c) { return a + static_cast<double>(c); });
  std::vector<float> out(n_cols);
  if (count == 0) return out;
  for (std::size_t j = 0; j < n_cols; ++j) out[j] = static_cast<float>(total[j] / count);
  return out;
}

bool Entry::has_data() const noexcept {
  return std::any_of(counts.begin(), counts.end(), [](std::int64_t c) { return c != 0; });
}

bool can_grow(const Entry& entry, std::size_t n_vectors) noexcept {
  return entry.open_ended && n_vectors > entry.n_vectors && n_vectors < 2 * entry.n_vectors;
}

Entry with_vectors(const Entry& entry, std::size_t n_vectors) {
  if (entry.n_vectors == n_vectors) return entry;
  if (can_grow(entry, n_vectors)) {
    Entry out = entry;
    out.n_vectors = n_vectors;
    out.sums.resize(n_vectors * out.n_cols);
    out.counts.resize(n_vectors);
    return out;
  }
  if (entry.n_vectors != 1 || n_vectors == 0 || entry.n_cols % n_vectors != 0) {
    throw base::Error(base::Fault::bad_input, "importance entry cannot be cut into vectors")
        .at("found", fmt::format("{} vectors of {} columns", entry.n_vectors, entry.n_cols))
        .expected(fmt::format("{} vectors", n_vectors));
  }
  Entry out;
  out.n_vectors = n_vectors;
  out.n_cols = entry.n_cols / n_vectors;
  out.sums = entry.sums;
  out.counts.assign(n_vectors, entry.counts[0]);
  const std::vector<float> means = entry.means();
  for (std::size_t v = 0; v < n_vectors; ++v) {
    const auto first = static_cast<std::ptrdiff_t>(v * out.n_cols);
    const auto last = first + static_cast<std::ptrdiff_t>(out.n_cols);
    if (!std::all_of(means.begin() + first, means.begin() + last, [](float m) { return m == 1; })) {
      continue;
    }
    out.counts[v] = 0;
    std::fill(out.sums.begin() + first, out.sums.begin() + last, 0.0);
  }
  return out;
}

const Entry* Importance::find(std::string_view name) const noexcept {
  const auto it = entries.find(name);
  return it == entries.end() ? nullptr : &it->second;
}

Dialect dialect_for(const std::filesystem::path& path) {
  return path.extension() == ".dat" ? Dialect::dat : Dialect::gguf;
}

namespace {
/// Squares of activations stay far below this; one value above it would outweigh all others.
void tell_absurd(Importance& importance) {
  constexpr double kMostMean = 1e30;
  for (const auto& [name, entry] : importance.entries) {
    std::size_t n = 0, first = 0;
    for (std::size_t i = 0; i < entry.sums.size(); ++i) {
      const auto count = static_cast<double>(entry.counts[i / entry.n_cols]);
      if (entry.sums[i] <= kMostMean * count || count == 0) continue;
      if (n++ == 0) first = i;
    }
    if (n == 0) continue;
    importance.findings.push_back(
        {base::Finding::Level::warning, name,
         fmt::format("{} of {} values are above {:g}, the first in column {}: no text gives such "
                     "importance, all other columns count for nothing; is the file damaged?",
                     n, entry.sums.size(), kMostMean, first % entry.n_cols)});
  }
}
}  // namespace

Importance parse_importance(std::span<const std::byte> bytes, const std::string& name,
                            std::uint32_t dat_chunk_size) {
  const bool is_gguf = bytes.size() >= gguf::kMagic.size() &&
                       std::equal(gguf::kMagic.begin(), gguf::kMagic.end(), bytes.begin());
  try {
    Importance importance = is_gguf ? parse_gguf(bytes, name) : parse_dat(bytes, dat_chunk_size);
    stack_experts(importance);
    tell_absurd(importance);
    return importance;
  } catch (base::Error& e) {
    e.at("file", name);
    throw;
  }
}

Importance load_importance(const std::filesystem::path& path, std::uint32_t dat_chunk_size) {
  const tensor::Mapping mapping(path);
  return parse_importance(mapping.bytes(), path.string(), dat_chunk_size);
}

void save_importance(const Importance& importance, const std::filesystem::path& path,
                     Dialect dialect, MissingExperts rule) {
  try {
    if (dialect == Dialect::gguf) {
      save_gguf(importance, path);
    } else {
      base::write_file(path, dat_bytes(importance, rule));
    }
  } catch (base::Error& e) {
    e.at("file", path.string());
    throw;
  }
}

}  // namespace calibrate
