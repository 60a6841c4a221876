#include "calibrate/collector.h"

#include <fmt/format.h>

#include <cmath>

namespace calibrate {
namespace {
constexpr auto kRoles = static_cast<std::size_t>(model::Role::count);
// Columns a task sums: enough for one thread to be busy, a multiple of every vector width.
constexpr std::size_t kTaskCols = 256;
constexpr std::size_t kParallelFrom = std::size_t{1}
                                      << 16;  // values below which one thread is faster
}  // namespace

bool is_weight_matrix(const model::TensorRow& row) noexcept {
  switch (row.role) {
    case model::Role::token_embd:
    case model::Role::nextn_embed_tokens:
      return false;
    case model::Role::ffn_gate_inp_shexp:
      return row.used;
    default:
      return row.used && row.shape.ne[1] > 1 && !row.f32_only;
  }
}

Collector::Collector(const model::ModelSpec& spec, bool with_output)
    : n_layer_(spec.n_layer), slots_((spec.n_layer + 1) * kRoles) {
  for (const model::TensorRow& row : spec.tensors) {
    // Experts of files with one tensor each are collected under the stacked tensor's name.
    if (!is_weight_matrix(row) || row.piece >= 0) continue;
    if (row.layer < 0 && !(with_output && row.role == model::Role::output)) continue;
    if (row.layer >= static_cast<int>(n_layer_)) continue;
    Slot& s = *slot(row.layer, row.role);
    s.name = row.name;
    s.entry.n_cols = row.shape.ne[0];
    s.entry.n_vectors = row.axis == model::Axis::none ? 1 : row.shape.ne[2];
    s.entry.sums.assign(s.entry.n_cols * s.entry.n_vectors, 0.0);
    s.entry.counts.assign(s.entry.n_vectors, 0);
  }
}

Collector::Slot* Collector::slot(int layer, model::Role role) noexcept {
  const std::size_t row = layer < 0 ? n_layer_ : static_cast<std::size_t>(layer);
  return &slots_[row * kRoles + static_cast<std::size_t>(role)];
}
const Collector::Slot* Collector::slot(int layer, model::Role role) const noexcept {
  return const_cast<Collector*>(this)->slot(layer, role);
}

bool Collector::wants(int layer, model::Role role) const {
  return layer < static_cast<int>(n_layer_) && !slot(layer, role)->name.empty();
}

void Collector::observe(const runtime::Site& site, const runtime::Rows& rows,
                        runtime::Runtime& runtime) {
  if (!wants(site.layer, site.role)) return;
  Slot& s = *slot(site.layer, site.role);
  if (rows.cols != s.entry.n_cols || site.matrix >= s.entry.n_vectors) {
    throw base::Error(base::Fault::bad_input, "activations do not fit the tensor")
        .at("tensor", s.name)
        .at("found", fmt::format("{} columns, matrix {}", rows.cols, site.matrix))
        .expected(fmt::format("{} columns, {} matrices", s.entry.n_cols, s.entry.n_vectors));
  }
  double* sums = s.entry.sums.data() + site.matrix * s.entry.n_cols;
  const auto add = [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = 0; r < rows.n; ++r) {
      runtime.kernels.add_squares(sums + begin, rows.row(r) + begin, end - begin);
    }
  };
  // A column belongs to one task and its rows are added in order, whatever the number of threads.
  if (rows.n * rows.cols < kParallelFrom) {
    add(0, rows.cols);
  } else {
    runtime.team.run((rows.cols + kTaskCols - 1) / kTaskCols, [&](std::size_t i, std::size_t) {
      add(i * kTaskCols, std::min(rows.cols, (i + 1) * kTaskCols));
    });
  }
  s.entry.counts[site.matrix] += static_cast<std::int64_t>(rows.n);
  for (std::size_t j = 0; j < rows.cols; ++j) {
    if (std::isfinite(sums[j])) continue;
    throw base::Error(base::Fault::bad_input, "an activation is NaN or infinite")
        .at("tensor", s.name)
        .at("matrix", site.matrix)
        .at("column", j)
        .hint(
            "the model is damaged, or its arithmetic overflows; look at it with `quern info "
            "--check`");
  }
}

std::map<std::string, Entry, std::less<>> Collector::entries() const {
  std::map<std::string, Entry, std::less<>> out;
  for (const Slot& s : slots_) {
    if (s.name.empty()) continue;
    const bool any = std::any_of(s.entry.counts.begin(), s.entry.counts.end(),
                                 [](std::int64_t c) { return c > 0; });
    if (any) out.emplace(s.name, s.entry);
  }
  return out;
}

std::map<std::string, Entry, std::less<>> Collector::all_entries() const {
  std::map<std::string, Entry, std::less<>> out;
  for (const Slot& s : slots_) {
    if (!s.name.empty()) out.emplace(s.name, s.entry);
  }
  return out;
}

void Collector::restore(const std::map<std::string, Entry, std::less<>>& entries) {
  for (Slot& s : slots_) {
    if (s.name.empty()) continue;
    const auto it = entries.find(s.name);
    if (it == entries.end()) continue;
    if (it->second.n_cols != s.entry.n_cols || it->second.n_vectors != s.entry.n_vectors) {
      throw base::Error(base::Fault::bad_input, "saved sums are of another model")
          .at("tensor", s.name);
    }
    s.entry = it->second;
  }
}

}  // namespace calibrate
