#include "cli/model_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/printable.h"
#include "cli/text_table.h"
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

/// The type of a group of tensors; `rows` is what stands for a format without rows.
struct GroupType {
  const quant::Codec* rows;
  quant::Readers readers;
};
GroupType type_of(const TensorGroup& group) {
  if (const auto* flat = quant::find_flat_format(std::string_view(group.name))) {
    return {flat->rows, flat->readers};
  }
  const quant::Codec* codec = quant::find_codec(std::string_view(group.name));
  return {codec, codec->readers};
}

void check_readers(const ModelReport& report, base::Findings& findings) {
  for (const TensorGroup& g : report.types) {
    const quant::Readers readers = type_of(g).readers;
    const bool ik = readers == quant::Readers::ik_only;
    const bool mainline = readers == quant::Readers::mainline_only;
    if (!ik && !mainline) continue;
    findings.push_back({Level::note, g.name,
                        fmt::format("{} tensors of a type that only {} reads", g.n_tensors,
                                    ik ? "ik_llama.cpp" : "llama.cpp")});
  }
}

void check_quantization(const gguf::FileSet& files, const ModelReport& report,
                        base::Findings& findings) {
  const gguf::Metadata& m = files.metadata();
  const bool quantized = std::any_of(report.types.begin(), report.types.end(),
                                     [](const auto& g) { return !type_of(g).rows->is_float(); });
  if (quantized && !m.has("general.quantization_version")) {
    findings.push_back({Level::note, "general.quantization_version", "is missing"});
  }
  const bool with_importance = m.has("quantize.imatrix.file");
  for (const TensorGroup& g : report.types) {
    const quant::Codec* codec = type_of(g).rows;
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
  // Vectors are F32 in every file, so that one such tensor proves nothing.
  const auto packed =
      std::find_if(report.types.begin(), report.types.end(), [](const TensorGroup& g) {
        const recipe::TypeFacts* type = recipe::type_by_name(g.name);
        return type != nullptr && !type->is_float() && type->use == recipe::Use::weight;
      });
  if (has_default && recipe->default_type->is_float() && packed != report.types.end()) {
    findings.push_back({Level::note, "general.file_type",
                        fmt::format("says {}, but {} tensors are {}", recipe->symbol,
                                    packed->n_tensors, packed->name)});
  }
  if (has_default) return;
  findings.push_back({Level::note, "general.file_type",
                      fmt::format("says {}, but no tensor has that recipe's main type; most bytes "
                                  "are {}",
                                  recipe->symbol, report.types.front().name)});
}

/// What `info` shows of the tokenizer; why it cannot be built is told by check_tokenizer.
void describe_tokenizer(const gguf::Metadata& m, ModelReport& report) {
  for (const auto& [key, value] : m.pairs()) {
    if (key.starts_with("tokenizer.chat_template")) report.has_chat_template = true;
  }
  try {
    const auto tokenizer = text::make_tokenizer(m);
    report.tokenizer =
        TokenizerFacts{.kind = std::string(m.string("tokenizer.ggml.model").value_or("")),
                       .n_tokens = tokenizer->size(),
                       .bos = tokenizer->bos(),
                       .eos = tokenizer->eos(),
                       .states_bos = m.has("tokenizer.ggml.bos_token_id"),
                       .states_eos = m.has("tokenizer.ggml.eos_token_id")};
  } catch (const base::Error&) {
    report.tokenizer.reset();
  }
}

}  // namespace

bool ModelReport::has_errors() const noexcept {
  return std::any_of(findings.begin(), findings.end(),
                     [](const base::Finding& f) { return f.level == Level::error; });
}

void add_findings(const surgery::FoundList& found, base::Findings& findings) {
  for (const surgery::Found& f : found) findings.push_back(f.finding);
}

ModelReport report_model(const gguf::FileSet& files) {
  ModelReport report;
  report.findings = files.findings();
  for (const gguf::File& f : files.shards()) report.file_bytes += f.bytes().size();
  surgery::FoundList found;
  std::uint64_t n_rows = 0;
  if (files.tensors().empty()) {
    report.findings.push_back({Level::note, "file", "no tensors: a vocabulary only"});
  } else {
    report.spec = surgery::check_architecture(files, found);
    n_rows = report.spec ? report.spec->n_vocab : 0;
  }
  surgery::check_tokenizer(files.metadata(), n_rows, found);
  add_findings(found, report.findings);
  describe_tokenizer(files.metadata(), report);
  group_tensors(files, report);
  check_readers(report, report.findings);
  check_quantization(files, report, report.findings);
  check_file_type(files, report, report.findings);
  return report;
}

}  // namespace cli
