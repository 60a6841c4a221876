#include <algorithm>
#include <unordered_set>

#include "model/left_over.h"
#include "model/rows.h"

namespace model {

bool would_count(const ModelSpec& spec, std::string_view name) {
  const TensorId id = parse_tensor_name(name);
  const bool meaningful = id.role != Role::count && id.layer < static_cast<int>(spec.n_layer) &&
                          tensor_name(id.role, id.layer) == name;
  return meaningful || name.ends_with(".bias");
}

namespace {

using Level = base::Finding::Level;

bool has(const gguf::FileSet& files, Role role, int layer) {
  return files.find(tensor_name(role, layer)) != nullptr;
}

/// Whether everything that the derivation starts from is in the file.
bool derivable(const TensorRow& row, const gguf::FileSet& files) {
  switch (row.derivation) {
    case Derivation::none:
      return false;
    case Derivation::tied_to_token_embd:
      return has(files, Role::token_embd, -1);
    case Derivation::kv_b_from_split:
      return has(files, Role::attn_k_b, row.layer) && has(files, Role::attn_v_b, row.layer);
    case Derivation::k_b_from_kv_b:
    case Derivation::v_b_from_kv_b:
      return has(files, Role::attn_kv_b, row.layer);
    case Derivation::halves_of_gate_up:
      return has(files, Role::ffn_gate_up_exps, row.layer);
    case Derivation::stack_experts:
      return true;  // the pieces are rows of their own
  }
  return false;
}

std::string expected_shape(const TensorRow& row) {
  std::string text = row.shape.to_string();
  for (const tensor::Shape& s : row.also_shapes) text += " or " + s.to_string();
  return text;
}

using Errors = std::vector<base::Error>;

void check_shape(const TensorRow& row, const gguf::TensorInfo& info, Errors& errors) {
  const bool known = info.shape == row.shape ||
                     std::find(row.also_shapes.begin(), row.also_shapes.end(), info.shape) !=
                         row.also_shapes.end();
  if (known) return;
  errors.push_back(base::Error(base::Fault::bad_file, "a tensor has the wrong shape")
                       .at("tensor", row.name)
                       .at("found", info.shape.to_string())
                       .at("expected", expected_shape(row))
                       .hint("the hyper-parameters and the tensors contradict each other"));
}

void check_row(const TensorRow& row, const gguf::FileSet& files, Errors& errors,
               base::Findings& findings) {
  const gguf::TensorInfo* info = files.find(row.name);
  if (info == nullptr) {
    if (row.optional || !row.used || derivable(row, files)) return;
    errors.push_back(base::Error(base::Fault::bad_file, "a required tensor is missing")
                         .at("tensor", row.name)
                         .at("expected", expected_shape(row)));
    return;
  }
  check_shape(row, *info, errors);
  if (row.f32_only && info->codec->name != "f32") {
    findings.push_back({.level = Level::warning,
                        .where = row.name,
                        .text = "is " + std::string(info->codec->name) +
                                "; vectors are f32 in files of the public programs"});
  }
}

/// All that contradicts the spec goes to `errors`, in the order of the spec. A tensor left over
/// that would count is a finding of level `counting`.
base::Findings compare(const ModelSpec& spec, const gguf::FileSet& files, Level counting,
                       Errors& errors) {
  base::Findings findings = spec.findings;
  std::unordered_set<std::string_view> known{"output_extra.weight"};
  for (const TensorRow& row : spec.tensors) {
    known.insert(row.name);
    check_row(row, files, errors, findings);
  }
  for (const gguf::TensorInfo& info : files.tensors()) {
    if (known.count(info.name) != 0) continue;
    const bool counts = would_count(spec, info.name);
    findings.push_back({.level = counts ? counting : Level::warning,
                        .where = info.name,
                        .text = "is no tensor of architecture " + spec.architecture +
                                (counts ? "; it would change the results, and the file cannot run"
                                        : "; it is not used")});
  }
  return findings;
}

}  // namespace

base::Findings validate(const ModelSpec& spec, const gguf::FileSet& files) {
  Errors errors;
  base::Findings findings = compare(spec, files, Level::warning, errors);
  if (!errors.empty()) throw errors.front();
  return findings;
}

base::Findings examine(const ModelSpec& spec, const gguf::FileSet& files) {
  Errors errors;
  const base::Findings doubtful = compare(spec, files, Level::error, errors);
  base::Findings findings;
  for (const base::Error& e : errors) findings.push_back(base::finding_of(e));
  findings.insert(findings.end(), doubtful.begin(), doubtful.end());
  return findings;
}

}  // namespace model
