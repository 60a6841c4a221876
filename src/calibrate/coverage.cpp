#include "calibrate/coverage.h"

#include <fmt/format.h>

#include <set>

#include "calibrate/statistics.h"

namespace calibrate {
namespace {

using Level = base::Finding::Level;
using model::Role;
using Kinds = std::map<std::string, KindCoverage>;

KindCoverage& kind_in(Kinds& kinds, const std::string& name) {
  KindCoverage& k = kinds[name];
  k.kind = name;
  return k;
}

void add_entry(const std::string& name, const Entry& entry, Kinds& kinds) {
  KindCoverage& k = kind_in(kinds, kind_of(name).kind);
  const EntryStatistics s = statistics(entry);
  ++k.n_entries;
  k.n_vectors += entry.n_vectors;
  k.n_empty += s.n_empty;
  k.n_flat += s.n_flat;
  k.max_to_mean = std::max(k.max_to_mean, s.max_to_mean);
  k.flatness += s.flatness;
}

void note_quality(const Kinds& kinds, base::Findings& findings) {
  for (const auto& [name, k] : kinds) {
    if (k.n_empty > 0) {
      findings.push_back({Level::warning, name,
                          fmt::format("{} of {} vectors have no data: the text was too short, or "
                                      "these experts are never chosen",
                                      k.n_empty, k.n_vectors)});
    }
    if (k.n_flat > 0) {
      findings.push_back({Level::warning, name,
                          fmt::format("{} of {} vectors hold one value only, probably in place of "
                                      "missing data",
                                      k.n_flat, k.n_vectors)});
    }
  }
}

Coverage finished(Kinds kinds, base::Findings findings) {
  Coverage out;
  out.findings = std::move(findings);
  note_quality(kinds, out.findings);
  for (auto& entry : kinds) {
    KindCoverage& k = entry.second;
    if (k.n_entries > 0) k.flatness /= static_cast<double>(k.n_entries);
    out.kinds.push_back(std::move(k));
  }
  return out;
}

}  // namespace

EntryKind kind_of(std::string_view name) {
  return {.layer = model::parse_tensor_name(name).layer, .kind = model::kind_name(name)};
}

namespace {

/// Latent attention leaves marks; without one of its products the public program lost them.
void check_latent(const Importance& importance, base::Findings& findings) {
  bool latent = false, covered = false;
  for (const auto& [name, entry] : importance.entries) {
    const Role role = model::parse_tensor_name(name).role;
    latent = latent || role == Role::attn_kv_a_mqa;
    covered =
        covered || role == Role::attn_kv_b || role == Role::attn_k_b || role == Role::attn_v_b;
  }
  if (!latent || covered) return;
  findings.push_back(
      {Level::warning, "attn_kv_b, attn_k_b, attn_v_b",
       "no entries though the model has latent attention: ik_llama.cpp loses them by "
       "default; collect again, or keep these tensors at 5 to 8 bits"});
}

void count_holes(const Importance& importance, Kinds& kinds) {
  std::map<std::string, std::set<int>> layers;
  for (const auto& [name, entry] : importance.entries) {
    const EntryKind k = kind_of(name);
    if (k.layer >= 0) layers[k.kind].insert(k.layer);
  }
  for (const auto& [name, present] : layers) {
    const auto span = static_cast<std::size_t>(*present.rbegin() - *present.begin()) + 1;
    kind_in(kinds, name).n_missing = span - present.size();
  }
}

}  // namespace

Coverage coverage(const Importance& importance) {
  Kinds kinds;
  base::Findings findings = importance.findings;
  for (const auto& [name, entry] : importance.entries) add_entry(name, entry, kinds);
  count_holes(importance, kinds);
  for (const auto& [name, k] : kinds) {
    if (k.n_missing == 0) continue;
    findings.push_back(
        {Level::warning, name, fmt::format("{} layers in between have no entry", k.n_missing)});
  }
  check_latent(importance, findings);
  return finished(std::move(kinds), std::move(findings));
}

namespace {

/// Whether the quantizer wants an entry for this tensor.
bool wants_entry(const model::TensorRow& row, const gguf::FileSet& files) {
  return row.used && !row.f32_only && row.layer >= 0 && row.shape.n_dims() > 1 &&
         files.find(row.name) != nullptr;
}

std::string wrong_size_text(const model::TensorRow& row, const Entry& entry) {
  const std::uint64_t cols = row.shape.ne[0];
  const std::uint64_t stack = row.shape.ne[2];
  const std::string sizes =
      fmt::format("{} values instead of {} * {}", entry.sums.size(), cols, stack);
  if (entry.sums.size() == cols && row.role == Role::attn_k_b) {
    return sizes + ": collected before mid-2025, garbage or an average over the heads; not usable";
  }
  if (entry.sums.size() == cols && row.role == Role::attn_v_b) {
    return sizes + ": an average over the heads; usable for each of them";
  }
  if (entry.sums.size() == stack) {
    return sizes + ": made by a defective GGUF to .dat converter; use the GGUF file";
  }
  return sizes + ": from another model?";
}

}  // namespace

Coverage coverage(const Importance& importance, const model::ModelSpec& spec,
                  const gguf::FileSet& files) {
  Kinds kinds;
  base::Findings findings = importance.findings;
  std::set<std::string, std::less<>> expected;
  std::size_t n_wrong = 0;
  for (const model::TensorRow& row : spec.tensors) {
    expected.insert(row.name);
    const Entry* entry = importance.find(row.name);
    if (entry == nullptr) {
      if (!wants_entry(row, files)) continue;
      ++kind_in(kinds, kind_of(row.name).kind).n_missing;
      continue;
    }
    const std::size_t stack = row.shape.ne[2];
    if (entry->sums.size() != row.shape.ne[0] * stack) {
      ++kind_in(kinds, kind_of(row.name).kind).n_wrong_size;
      if (++n_wrong <= 8)
        findings.push_back({Level::error, row.name, wrong_size_text(row, *entry)});
      add_entry(row.name, *entry, kinds);
      continue;
    }
    add_entry(row.name, entry->n_vectors == 1 ? with_vectors(*entry, stack) : *entry, kinds);
  }
  for (const auto& [name, entry] : importance.entries) {
    if (expected.count(name) != 0) continue;
    findings.push_back({Level::warning, name, "is not a tensor of this model"});
    add_entry(name, entry, kinds);
  }
  if (n_wrong > 8) {
    findings.push_back({Level::error, "entries",
                        fmt::format("{} have the wrong size: from another model", n_wrong)});
  }
  for (const auto& [name, k] : kinds) {
    if (k.n_missing == 0) continue;
    findings.push_back(
        {Level::warning, name, fmt::format("{} tensors have no entry", k.n_missing)});
  }
  check_latent(importance, findings);
  return finished(std::move(kinds), std::move(findings));
}

}  // namespace calibrate
