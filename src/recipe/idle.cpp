#include "recipe/idle.h"

#include <fmt/format.h>

#include <algorithm>

#include "recipe/eligible.h"

namespace recipe {
namespace {

const RoleOption& option_of(const RoleType& type) {
  const std::span<const RoleOption> all = role_options();
  return *std::find_if(all.begin(), all.end(),
                       [&](const RoleOption& option) { return option.role == type.role; });
}

std::string idle_text(const Options& options, const RoleOption& option) {
  if (!option.late.empty()) return "decided the type of no tensor";
  if (options.pure) return "has no effect with --pure";
  const Recipe& recipe = *options.recipe;
  if (recipe.default_type->is_float()) {
    return fmt::format("has no effect with {}, which has no rules", recipe.symbol);
  }
  return fmt::format(
      "decided the type of no tensor: no rule of {} asks for it with this model; --custom-q gives "
      "types by name",
      recipe.symbol);
}

/// A router that has the wanted type already is not decided about.
bool is_so_already(const RoleType& type, const std::vector<InputTensor>& tensors) {
  return type.role == "ffn_gate_inp" &&
         std::any_of(tensors.begin(), tensors.end(),
                     [&](const InputTensor& t) { return is_router(t) && t.type == type.type; });
}

}  // namespace

void report_idle_rules(const Options& options, const std::vector<std::size_t>& hits,
                       const std::vector<InputTensor>& tensors, base::Findings& findings) {
  for (std::size_t i = 0; i < hits.size(); ++i) {
    if (hits[i] > 0) continue;
    const CustomRule& rule = options.custom_rules[i];
    const bool fits = std::any_of(tensors.begin(), tensors.end(),
                                  [&](const InputTensor& t) { return rule.fits(t.id, t.name); });
    findings.push_back({.where = rule.text,
                        .text = fits ? "this rule decided the type of no tensor"
                                     : "this rule fits the name of no tensor"});
  }
}

void report_idle_roles(const Options& options, const std::vector<std::size_t>& hits,
                       const std::vector<InputTensor>& tensors, base::Findings& findings) {
  for (std::size_t i = 0; i < hits.size(); ++i) {
    const RoleType& type = options.role_types[i];
    if (hits[i] > 0 || is_so_already(type, tensors)) continue;
    const RoleOption& option = option_of(type);
    findings.push_back(
        {.where = fmt::format("--{}", option.option), .text = idle_text(options, option)});
  }
}

void report_unused_types(const Options& options, const std::vector<InputTensor>& tensors,
                         base::Findings& findings) {
  const std::string_view run = options.run == Run::copy     ? "COPY"
                               : options.run == Run::repack ? "--repack"
                                                            : "--unpack";
  for (const CustomRule& rule : options.custom_rules) {
    findings.push_back(
        {.where = rule.text, .text = fmt::format("this rule has no effect with {}", run)});
  }
  for (const RoleType& type : options.role_types) {
    findings.push_back({.where = fmt::format("--{}", option_of(type).option),
                        .text = fmt::format("has no effect with {}", run)});
  }
  for (const Pattern& pattern : options.repack_patterns) {
    const bool fits = std::any_of(tensors.begin(), tensors.end(),
                                  [&](const InputTensor& t) { return pattern.search(t.name); });
    if (fits) continue;
    findings.push_back(
        {.where = pattern.text(), .text = "this --repack-pattern fits the name of no tensor"});
  }
}

}  // namespace recipe
