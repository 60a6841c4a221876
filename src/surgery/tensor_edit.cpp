#include "surgery/tensor_edit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "base/printable.h"
#include "surgery/consequence.h"

namespace surgery {
namespace {

using Level = base::Finding::Level;

base::Error nothing_matches(const recipe::Pattern& pattern, std::string_view where) {
  return base::Error(base::Fault::bad_usage, fmt::format("no tensor of {} matches", where))
      .at("found", pattern.text())
      .hint("`quern info --tensors . FILE` lists the names");
}

base::Findings faults_of(const gguf::FileSet& files) {
  FoundList found;
  std::uint64_t n_rows = 0;
  if (!files.tensors().empty()) {
    const auto spec = check_architecture(files, found);
    n_rows = spec ? spec->n_vocab : 0;
  }
  check_tokenizer(files.metadata(), n_rows, found);
  base::Findings out;
  for (Found& f : found) {
    // What no public program reads is doubtful in a file, but nothing to make one into.
    if (f.part == Part::mla && f.finding.level == Level::warning) f.finding.level = Level::error;
    out.push_back(std::move(f.finding));
  }
  return out;
}

}  // namespace

std::vector<std::string> drop_tensors(Draft& draft, const recipe::Pattern& pattern) {
  std::vector<std::string> names;
  for (DraftFile& file : draft.files()) {
    std::erase_if(file.tensors, [&](const DraftTensor& t) {
      if (!pattern.search(t.name)) return false;
      names.push_back(t.name);
      return true;
    });
  }
  if (names.empty()) throw nothing_matches(pattern, "the model");
  return names;
}

Grafted graft_tensors(Draft& draft, const gguf::FileSet& donor, const recipe::Pattern& pattern) {
  Grafted out;
  for (const gguf::TensorInfo& t : donor.tensors()) {
    if (!pattern.search(t.name)) continue;
    DraftTensor fresh{
        .name = t.name, .codec = t.codec, .shape = t.shape, .from = &donor, .info = &t};
    DraftTensor* old = draft.find(t.name);
    if (old == nullptr) {
      out.added.push_back(t.name);
      draft.append(std::move(fresh));
      continue;
    }
    if (old->shape != t.shape) {
      throw base::Error(base::Fault::bad_input, "the tensor of the donor has another shape")
          .at("tensor", base::printable(t.name))
          .at("found", t.shape.to_string())
          .expected(old->shape.to_string());
    }
    out.replaced.push_back(t.name);
    *old = std::move(fresh);
  }
  if (out.replaced.empty() && out.added.empty()) throw nothing_matches(pattern, "the donor");
  return out;
}

void rename_tensor(Draft& draft, const std::string& from, const std::string& to) {
  DraftTensor* tensor = draft.find(from);
  if (tensor == nullptr) {
    std::vector<std::string_view> names;
    for (const DraftFile& file : draft.files()) {
      for (const DraftTensor& t : file.tensors) names.emplace_back(t.name);
    }
    throw base::Error(base::Fault::bad_usage, "there is no such tensor")
        .at("tensor", base::printable(from))
        .hint(base::did_you_mean(from, names));
  }
  if (draft.find(to) != nullptr) {
    throw base::Error(base::Fault::bad_usage, "the new name is taken")
        .at("tensor", base::printable(to));
  }
  tensor->name = to;
}

bool settle_quantization_version(Draft& draft) {
  constexpr std::string_view kKey = "general.quantization_version";
  constexpr std::uint32_t kVersion = 2;
  const auto& files = draft.files();
  const bool quantized = std::any_of(files.begin(), files.end(), [](const DraftFile& file) {
    return std::any_of(file.tensors.begin(), file.tensors.end(), [](const DraftTensor& t) {
      const quant::Codec& rows = t.codec->plain == nullptr ? *t.codec : *t.codec->plain;
      return !rows.is_float();
    });
  });
  if (!quantized || draft.metadata().has(kKey)) return false;
  draft.metadata().set(std::string(kKey), kVersion);
  return true;
}

base::Findings new_faults(const Draft& draft) {
  const base::Findings before = faults_of(draft.source());
  base::Findings out;
  for (base::Finding& f : faults_of(draft.planned())) {
    const bool known = std::ranges::any_of(before, [&](const base::Finding& old) {
      return old.where == f.where && old.text == f.text;
    });
    if (!known) out.push_back(std::move(f));
  }
  for (base::Finding& f : lost_uses(draft)) {
    const auto same = std::ranges::find(out, f.where, &base::Finding::where);
    if (same == out.end()) {
      out.push_back(std::move(f));
    } else if (same->level < f.level) {
      *same = std::move(f);
    }
  }
  return out;
}

}  // namespace surgery
