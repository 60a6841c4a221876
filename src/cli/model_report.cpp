#include "cli/model_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/printable.h"
#include "cli/text_table.h"
#include "gguf/flat_rows.h"
#include "recipe/tables.h"

namespace cli {
namespace {

using Level = base::Finding::Level;

void add_tensor(TensorGroup& g, const gguf::TensorInfo& t, int layer) {
  ++g.n_tensors;
  g.weights += t.shape.elements();
  g.bytes += t.size;
  g.types.emplace(t.type_name());
  g.shapes.insert(t.shape.to_string());
  if (layer >= 0) g.layers.insert(layer);
}

TensorGroup& group_in(std::vector<TensorGroup>& groups, std::string_view name) {
  const auto it = std::find_if(groups.begin(), groups.end(),
                               [&](const TensorGroup& g) { return g.name == name; });
  if (it != groups.end()) return *it;
  groups.push_back({.name = std::string(name)});
  return groups.back();
}

/// Without a description of the architecture, tensors whose names differ in numbers only belong
/// together: "blk.*.attn_q.weight".
std::string without_numbers(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && out.ends_with('*')) continue;
    out += digit && (out.ends_with('.') || out.empty()) ? '*' : c;
  }
  return out;
}

void group_tensors(const gguf::FileSet& files, ModelReport& report) {
  for (const gguf::TensorInfo& t : files.tensors()) {
    const model::TensorRow* row = report.spec ? report.spec->find(t.name) : nullptr;
    const int layer = row == nullptr ? -1 : row->layer;
    std::string role = without_numbers(t.name);
    if (row != nullptr) {
      const model::RoleName name = model::role_name(row->role);
      role = fmt::format("{}{}", name.stem, name.suffix == ".weight" ? "" : name.suffix);
    }
    add_tensor(report.total, t, layer);
    add_tensor(group_in(report.roles, role), t, layer);
    add_tensor(group_in(report.types, t.type_name()), t, layer);
  }
  std::stable_sort(report.types.begin(), report.types.end(),
                   [](const TensorGroup& a, const TensorGroup& b) { return a.bytes > b.bytes; });
}

void describe_model(const gguf::FileSet& files, ModelReport& report) {
  try {
    report.spec = model::describe(files);
    report.findings.insert(report.findings.end(), report.spec->findings.begin(),
                           report.spec->findings.end());
    const base::Findings found = model::validate(*report.spec, files);
    report.findings.insert(report.findings.end(), found.begin(), found.end());
  } catch (const base::Error& e) {
    report.findings.push_back(base::finding_of(e));
    if (e.fault() == base::Fault::unsupported) report.findings.back().level = Level::warning;
  }
}

void check_readers(const ModelReport& report, base::Findings& findings) {
  for (const TensorGroup& g : report.types) {
    const quant::Codec* codec = quant::find_codec(g.name);
    const bool ik = codec->readers == quant::Readers::ik_only;
    const bool mainline = codec->readers == quant::Readers::mainline_only;
    if (!ik && !mainline) continue;
    findings.push_back({Level::note, g.name,
                        fmt::format("{} tensors of a type that only {} reads", g.n_tensors,
                                    ik ? "ik_llama.cpp" : "llama.cpp")});
  }
}

void check_quantization(const gguf::FileSet& files, const ModelReport& report,
                        base::Findings& findings) {
  const gguf::Metadata& m = files.metadata();
  const bool quantized = std::any_of(report.types.begin(), report.types.end(), [](const auto& g) {
    return !quant::find_codec(g.name)->is_float();
  });
  if (quantized && !m.has("general.quantization_version")) {
    findings.push_back({Level::note, "general.quantization_version", "is missing"});
  }
  const bool with_importance = m.has("quantize.imatrix.file");
  for (const TensorGroup& g : report.types) {
    const quant::Codec* codec = quant::find_codec(g.name);
    if (codec->bpw() >= 3 || codec->is_float() || with_importance || g.layers.empty()) continue;
    findings.push_back(
        {Level::note, g.name,
         fmt::format("{} tensors below 3 bits, and no sign that an importance matrix "
                     "was used",
                     g.n_tensors)});
  }
}

void check_file_type(const gguf::FileSet& files, const ModelReport& report,
                     base::Findings& findings) {
  if (report.types.empty()) return;
  if (!files.metadata().has("general.file_type")) {
    findings.push_back({Level::note, "general.file_type", "is missing"});
    return;
  }
  const std::int64_t id = files.metadata().integer("general.file_type").value_or(-1);
  const recipe::Recipe* recipe = nullptr;
  for (const auto policy : {recipe::Policy::ik, recipe::Policy::mainline}) {
    if (recipe == nullptr && id >= 0 && id < 0xffff) {
      recipe = recipe::recipe_by_id(policy, static_cast<std::uint32_t>(id));
    }
  }
  if (recipe == nullptr) {
    findings.push_back({Level::note, "general.file_type", fmt::format("{} is not known", id)});
    return;
  }
  const bool has_default =
      std::any_of(report.types.begin(), report.types.end(), [&](const TensorGroup& g) {
        return recipe->default_type != nullptr && g.name == recipe->default_type->name;
      });
  if (has_default) return;
  findings.push_back({Level::note, "general.file_type",
                      fmt::format("says {}, but no tensor has that recipe's main type; most bytes "
                                  "are {}",
                                  recipe->symbol, report.types.front().name)});
}

/// Builds the tokenizer: what it refuses is an error of the file, what it tolerates a finding.
void check_vocabulary(const gguf::FileSet& files, ModelReport& report) {
  const gguf::Metadata& m = files.metadata();
  if (!m.has("tokenizer.ggml.model")) {
    if (files.tensors().empty()) return;
    report.findings.push_back(
        {Level::warning, "tokenizer.ggml.model", "is missing: no tokenizer, texts cannot be read"});
    return;
  }
  try {
    const auto tokenizer = text::make_tokenizer(m);
    report.findings.insert(report.findings.end(), tokenizer->findings().begin(),
                           tokenizer->findings().end());
    report.tokenizer =
        TokenizerFacts{.kind = std::string(m.string("tokenizer.ggml.model").value_or("")),
                       .n_tokens = tokenizer->size(),
                       .bos = tokenizer->bos(),
                       .eos = tokenizer->eos()};
  } catch (const base::Error& e) {
    report.findings.push_back(finding_of(e));
    if (e.fault() == base::Fault::unsupported) report.findings.back().level = Level::warning;
  }
  for (const auto& [key, value] : m.pairs()) {
    if (key.starts_with("tokenizer.chat_template")) report.has_chat_template = true;
  }
}

void check_lookup(const gguf::FileSet& files, const ModelReport& report, base::Findings& findings) {
  if (files.tensors().empty()) {
    findings.push_back({Level::note, "file", "no tensors: a vocabulary only"});
    return;
  }
  if (!report.spec) return;
  for (const gguf::TensorInfo& t : files.tensors()) {
    const model::TensorRow* row = report.spec->find(t.name);
    if (row == nullptr || row->role != model::Role::token_embd || t.codec->group_rows == 1)
      continue;
    findings.push_back({Level::error, t.name,
                        fmt::format("is {}: interleaved rows cannot be looked up", t.codec->name)});
  }
}

}  // namespace

bool ModelReport::has_errors() const noexcept {
  return std::any_of(findings.begin(), findings.end(),
                     [](const base::Finding& f) { return f.level == Level::error; });
}

ModelReport report_model(const gguf::FileSet& files) {
  ModelReport report;
  report.findings = files.findings();
  for (const gguf::File& f : files.shards()) report.file_bytes += f.bytes().size();
  if (!files.tensors().empty()) describe_model(files, report);
  check_vocabulary(files, report);
  group_tensors(files, report);
  check_lookup(files, report, report.findings);
  check_readers(report, report.findings);
  check_quantization(files, report, report.findings);
  check_file_type(files, report, report.findings);
  return report;
}

namespace {

/// The first bad block of a tensor.
std::optional<base::Finding> bad_block(const gguf::TensorInfo& t, const tensor::TensorView& view) {
  const std::size_t group = t.codec->group_rows;
  const std::size_t rows = t.shape.rows();
  const std::size_t row_bytes = view.row_bytes();
  for (std::size_t r = 0; r < rows; r += group) {
    const auto bad = t.codec->check(view.rows(r, group), t.shape.cols());
    if (!bad) continue;
    return base::Finding{Level::error, base::printable(t.name),
                         fmt::format("{} (row {}, block {}, byte {} of the file)", bad->what, r,
                                     bad->block, t.offset + r * row_bytes + bad->offset)};
  }
  return std::nullopt;
}

/// The first bad row of a tensor that is stored without rows.
std::optional<base::Finding> bad_flat_row(const gguf::FileSet& files, const gguf::TensorInfo& t) {
  std::vector<std::byte> row(t.codec->row_bytes(t.shape.cols()));
  for (std::size_t r = 0; r < t.shape.rows(); ++r) {
    gguf::read_flat_rows(files, t, r, row);
    const auto bad = t.codec->check(row, t.shape.cols());
    if (!bad) continue;
    return base::Finding{Level::error, base::printable(t.name),
                         fmt::format("{} (row {}, tensor of type {} at byte {} of the file)",
                                     bad->what, r, t.type_name(), t.offset)};
  }
  return std::nullopt;
}

}  // namespace

void check_blocks(const gguf::FileSet& files, base::Progress& progress, base::Findings& findings) {
  std::uint64_t done = 0, total = 0;
  for (const gguf::TensorInfo& t : files.tensors()) total += t.size;
  for (const gguf::TensorInfo& t : files.tensors()) {
    progress.update("check", done, total, "bytes", t.name);
    if (t.flat != nullptr) {
      if (auto finding = bad_flat_row(files, t)) findings.push_back(std::move(*finding));
    } else if (t.codec->check != nullptr) {
      if (auto finding = bad_block(t, files.view(t))) findings.push_back(std::move(*finding));
    }
    done += t.size;
  }
  progress.update("check", total, total, "bytes", "");
}

}  // namespace cli
