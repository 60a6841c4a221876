// quern info on an importance file of either kind.
#include <fmt/format.h>

#include "base/printable.h"
#include "calibrate/coverage.h"
#include "calibrate/statistics.h"
#include "cli/info.h"
#include "cli/text_table.h"
#include "gguf/layout.h"
#include "model/spec.h"
#include "tensor/buffer.h"

namespace cli {
namespace {

using calibrate::Coverage;
using calibrate::Entry;
using calibrate::Importance;
using nlohmann::json;

Coverage covered(const Importance& importance, const InfoOptions& options) {
  if (!options.model) return calibrate::coverage(importance);
  const gguf::FileSet files = gguf::FileSet::open(*options.model);
  return calibrate::coverage(importance, model::describe(files), files);
}

bool has_errors(const Coverage& c) {
  return std::any_of(c.findings.begin(), c.findings.end(),
                     [](const base::Finding& f) { return f.level == base::Finding::Level::error; });
}

std::string_view dialect_name(const std::filesystem::path& path) {
  const tensor::Mapping file(path);
  const auto bytes = file.bytes();
  const bool is_gguf = bytes.size() >= gguf::kMagic.size() &&
                       std::equal(gguf::kMagic.begin(), gguf::kMagic.end(), bytes.begin());
  return is_gguf ? "GGUF" : "legacy (.dat)";
}

std::size_t count_vectors(const Importance& m) {
  std::size_t n = 0;
  for (const auto& [name, e] : m.entries) n += e.n_vectors;
  return n;
}

std::string overview(const Importance& m, const InfoOptions& options) {
  TextTable table("ll");
  table.add({"kind", fmt::format("importance matrix, {}", dialect_name(options.path))});
  table.add({"entries", fmt::format("{} with {} vectors", m.entries.size(), count_vectors(m))});
  table.add({"text", fmt::format("{} of {} tokens{}", counted(m.chunk_count, "chunk"), m.chunk_size,
                                 dialect_name(options.path) == "GGUF" ? "" : " (assumed)")});
  for (const std::string& d : m.datasets) table.add({"data set", base::printable(d)});
  return table.text();
}

std::string kinds_text(const Coverage& c, bool with_model) {
  TextTable table(with_model ? "lrrrrrrrr" : "lrrrrrrr");
  std::vector<std::string> head = {"kind",    "entries", "missing",  "vectors",
                                   "no data", "flat",    "max/mean", "flatness"};
  if (with_model) head.insert(head.begin() + 3, "wrong size");
  table.add(head);
  for (const calibrate::KindCoverage& k : c.kinds) {
    std::vector<std::string> row = {base::printable(k.kind),
                                    std::to_string(k.n_entries),
                                    std::to_string(k.n_missing),
                                    std::to_string(k.n_vectors),
                                    std::to_string(k.n_empty),
                                    std::to_string(k.n_flat),
                                    fmt::format("{:.1f}", k.max_to_mean),
                                    fmt::format("{:.3f}", k.flatness)};
    if (with_model) row.insert(row.begin() + 3, std::to_string(k.n_wrong_size));
    table.add(std::move(row));
  }
  return fmt::format(
      "\nby kind of tensor (max/mean: largest of all vectors;\nflatness: mean of entropy / log2 of "
      "the length)\n{}",
      table.text());
}

/// The same tensor one layer before; null for layer 0 and what lies outside the layers.
const Entry* layer_before(const Importance& m, std::string_view name) {
  const int layer = model::parse_tensor_name(name).layer;
  return layer < 1 ? nullptr : m.find(model::with_layer(name, layer - 1));
}

template <class Visit>
void matching(const Importance& m, const InfoOptions& options, Visit visit) {
  for (const auto& [name, entry] : m.entries) {
    if (options.tensors && options.tensors->search(name)) visit(name, entry);
  }
}

std::string counts_text(const calibrate::EntryStatistics& s) {
  if (s.min_count == s.max_count) return std::to_string(s.min_count);
  return fmt::format("{}-{}", s.min_count, s.max_count);
}

std::string list_text(const Importance& m, const InfoOptions& options) {
  TextTable table("llrrrrrrrrr");
  table.add({"entry", "vectors", "rows", "mean", "deviation", "min", "max", "max/mean", "flatness",
             "z > 1", "like layer before"});
  table.may_lack({4, 5, 9, 2, 6, 3});
  matching(m, options, [&](const std::string& name, const Entry& e) {
    const calibrate::EntryStatistics s = calibrate::statistics(e);
    const Entry* before = layer_before(m, name);
    table.add({base::printable(name), fmt::format("{} x {}", e.n_vectors, e.n_cols), counts_text(s),
               fmt::format("{:.4g}", s.mean), fmt::format("{:.4g}", s.deviation),
               fmt::format("{:.3g}", s.min), fmt::format("{:.3g}", s.max),
               fmt::format("{:.1f}", s.max_to_mean), fmt::format("{:.3f}", s.flatness),
               fmt::format("{:.1f} %", 100 * s.outliers),
               before == nullptr ? "-" : fmt::format("{:.4f}", calibrate::cosine(e, *before))});
  });
  return fmt::format("\n{} of {} entries\n", table.size() - 1, m.entries.size()) + table.text();
}

json entry_json(const Importance& m, const std::string& name, const Entry& e) {
  const calibrate::EntryStatistics s = calibrate::statistics(e);
  json out = {{"name", json_text(name)},
              {"columns", e.n_cols},
              {"vectors", e.n_vectors},
              {"counts", e.counts},
              {"sum", s.sum},
              {"mean", s.mean},
              {"min", s.min},
              {"max", s.max},
              {"deviation", s.deviation},
              {"active", s.active},
              {"entropy", s.entropy},
              {"flatness", s.flatness},
              {"outliers", s.outliers},
              {"max_to_mean", s.max_to_mean},
              {"empty_vectors", s.n_empty},
              {"flat_vectors", s.n_flat}};
  if (const Entry* before = layer_before(m, name)) {
    out["cosine_to_layer_before"] = calibrate::cosine(e, *before);
  }
  return out;
}

json report_json(const Importance& m, const Coverage& c, const InfoOptions& options) {
  json out = {{"file", json_text(options.path.string())},
              {"kind", "importance"},
              {"dialect", dialect_name(options.path)},
              {"entries", m.entries.size()},
              {"vectors", count_vectors(m)},
              {"chunk_count", m.chunk_count},
              {"chunk_size", m.chunk_size},
              {"datasets", json::array()},
              {"kinds", json::array()},
              {"findings", findings_json(c.findings)}};
  for (const std::string& d : m.datasets) out["datasets"].push_back(json_text(d));
  for (const calibrate::KindCoverage& k : c.kinds) {
    json kind = {{"kind", json_text(k.kind)},    {"entries", k.n_entries},
                 {"missing", k.n_missing},       {"vectors", k.n_vectors},
                 {"empty_vectors", k.n_empty},   {"flat_vectors", k.n_flat},
                 {"max_to_mean", k.max_to_mean}, {"flatness", k.flatness}};
    if (options.model) kind["wrong_size"] = k.n_wrong_size;
    out["kinds"].push_back(std::move(kind));
  }
  if (!options.tensors) return out;
  out["list"] = json::array();
  matching(m, options, [&](const std::string& name, const Entry& e) {
    out["list"].push_back(entry_json(m, name, e));
  });
  return out;
}

}  // namespace

int info_importance(const InfoOptions& options) {
  const Importance importance = calibrate::load_importance(options.path);
  const Coverage coverage = covered(importance, options);
  if (options.json) {
    fmt::print("{}\n", report_json(importance, coverage, options).dump(2));
  } else {
    fmt::print("{}\n{}", base::printable(options.path.string(), 1000),
               overview(importance, options));
    fmt::print("{}", options.tensors ? list_text(importance, options)
                                     : kinds_text(coverage, options.model.has_value()));
    fmt::print("\n{}", findings_text(coverage.findings));
  }
  return has_errors(coverage) ? 1 : 0;
}

}  // namespace cli
