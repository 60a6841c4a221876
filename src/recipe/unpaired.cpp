#include "recipe/unpaired.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "recipe/shape_fit.h"

namespace recipe {
namespace {

/// Why a tensor stays; "" if nobody would expect a change.
std::string why_kept(const Options& options, const InputTensor& tensor) {
  const TypeFacts& type = *tensor.type;
  if (is_row_lookup(tensor) || tensor.shape.n_dims() < 2 || type.symbol == "F32") return "";
  if (options.run == Run::unpack) {
    return type.interleaved() ? "there is no plain type with the same values" : "";
  }
  if (type.interleaved()) return "";  // it is repacked already
  const TypeFacts* target = repacked_type(type);
  if (target == nullptr) return "there is no interleaved type with the same values";
  if (type.symbol == "F16") return fmt::format("as {} they would lose bits", target->name);
  if (tensor.shape.ne[1] % target->group_rows != 0) {
    return fmt::format("{} weaves {} rows, and theirs are no multiple of that", target->name,
                       target->group_rows);
  }
  return fmt::format("only {} as TYPE weaves them", target->symbol);
}

bool is_meant(const Options& options, const InputTensor& tensor) {
  return options.repack_patterns.empty() ||
         std::any_of(options.repack_patterns.begin(), options.repack_patterns.end(),
                     [&](const Pattern& p) { return p.search(tensor.name); });
}

}  // namespace

void report_unpaired(const Options& options, const std::vector<InputTensor>& tensors,
                     const std::vector<Choice>& choices, base::Findings& findings) {
  std::map<std::pair<std::string_view, std::string>, std::size_t> counts;
  for (const Choice& choice : choices) {
    const InputTensor& tensor = tensors[choice.input];
    if (choice.action != Action::copy || !is_meant(options, tensor)) continue;
    std::string why = why_kept(options, tensor);
    if (!why.empty()) ++counts[{tensor.type->name, std::move(why)}];
  }
  for (const auto& [what, n] : counts) {
    findings.push_back(
        {.level = base::Finding::Level::note,
         .where = std::string(what.first),
         .text = fmt::format("{} tensor{}: {}", n, n == 1 ? " stays" : "s stay", what.second)});
  }
}

}  // namespace recipe
