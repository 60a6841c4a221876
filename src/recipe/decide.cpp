#include "recipe/decide.h"

#include <fmt/format.h>

#include "recipe/shape_fit.h"
#include "recipe/table_text.h"

namespace recipe {
namespace {

void append(std::string& reason, std::string_view more) {
  if (!reason.empty()) reason += "; ";
  reason += more;
}

}  // namespace

Decider::Decider(const Options& options, const ModelFacts& model)
    : options_(options),
      selector_(options, model),
      rule_hits_(options.custom_rules.size()),
      role_hits_(options.role_types.size()) {}

bool Decider::custom_rule(const InputTensor& tensor, Selected& selected) {
  for (std::size_t i = 0; i < options_.custom_rules.size(); ++i) {
    const CustomRule& rule = options_.custom_rules[i];
    if (!rule.fits(tensor.id, tensor.name)) continue;
    selected = {rule.type, "rule " + rule.text, i};
    return true;
  }
  return false;
}

/// Step 4: options that beat everything. `--token-embedding-type` and its kin.
void Decider::late_override(const InputTensor& tensor, Selected& selected) const {
  for (const RoleOption& option : role_options()) {
    const TypeFacts* type = options_.role_type(option.role);
    if (type != nullptr && !option.late.empty() && tensor.fits(NameTest(option.late))) {
      selected = {type, fmt::format("--{}", option.option), std::nullopt, option.role};
    }
  }
}

void Decider::plain_for_lookup(const InputTensor& tensor, Selected& selected) const {
  if (is_row_lookup(tensor)) selected.type = &plain_type(*selected.type);
}

void Decider::fit(const InputTensor& tensor, Selected& selected) {
  const Fitted fitted = fit_row(options_.policy, *selected.type, tensor);
  if (fitted.why.empty()) return;
  ++n_fallbacks_;
  selected.type = fitted.type;
  append(selected.rule, fitted.why);
  findings_.push_back({.where = tensor.name, .text = fitted.why});
}

Selected Decider::choose_ik(const InputTensor& tensor) {
  static const NameTest kQkv("has:attn_qkv.weight");
  Selected selected{options_.recipe->default_type, "default type"};
  if (!selected.type->is_float()) {
    if (!options_.pure) {
      selected = selector_.next(tensor);
      // ik's own rules never reach this option (docs/spec/recipes.md 5.6, 12).
      if (const TypeFacts* qkv = options_.role_type("attn_qkv");
          qkv != nullptr && tensor.fits(kQkv)) {
        selected = {qkv, "--attn-qkv-type", std::nullopt, "attn_qkv"};
      }
      custom_rule(tensor, selected);
    }
    fit(tensor, selected);
  } else if (options_.rules_with_floats && custom_rule(tensor, selected)) {
    fit(tensor, selected);
  }
  plain_for_lookup(tensor, selected);
  late_override(tensor, selected);
  plain_for_lookup(tensor, selected);
  return selected;
}

Selected Decider::choose_mainline(const InputTensor& tensor) {
  Selected selected{options_.recipe->default_type, "default type"};
  if (const TypeFacts* type = options_.role_type("token_embd");
      type != nullptr && is_row_lookup(tensor)) {
    return {type, "--token-embedding-type", std::nullopt, "token_embd"};
  }
  if (const TypeFacts* type = options_.role_type("output");
      type != nullptr && tensor.id.is(model::Role::output)) {
    return {type, "--output-tensor-type", std::nullopt, "output"};
  }
  if (selected.type->is_float()) {
    if (options_.rules_with_floats) custom_rule(tensor, selected);
    return selected;
  }
  if (!custom_rule(tensor, selected) && !options_.pure) selected = selector_.next(tensor);
  return selected;
}

void Decider::count_role(std::string_view role) {
  for (std::size_t i = 0; i < role_hits_.size(); ++i) {
    if (options_.role_types[i].role == role) ++role_hits_[i];
  }
}

Choice Decider::decide(const InputTensor& tensor) {
  Selected selected = options_.policy == Policy::ik ? choose_ik(tensor) : choose_mainline(tensor);
  if (selected.custom) ++rule_hits_[*selected.custom];
  count_role(selected.role);
  fit(tensor, selected);
  Choice choice{.type = selected.type, .wanted = selected.type};
  if (selected.type != tensor.type) {
    if (const Fitted groups = fit_groups(*selected.type, tensor); !groups.why.empty()) {
      selected.type = groups.type;
      append(selected.rule, groups.why);
      findings_.push_back({.where = tensor.name, .text = groups.why});
      fit(tensor, selected);
    }
  }
  choice.type = selected.type;
  choice.action = selected.type == tensor.type ? Action::copy : Action::encode;
  choice.reason = std::move(selected.rule);
  choice.custom_rule = selected.custom.has_value();
  choice.requantize = choice.action == Action::encode && !tensor.type->is_float();
  if (const std::size_t multiple = selected.type->ik_col_multiple;
      tensor.shape.cols() % multiple != 0) {
    findings_.push_back({.where = tensor.name,
                         .text = fmt::format("{} runs in ik_llama.cpp only with columns in "
                                             "multiples of {}, here are {}",
                                             selected.type->name, multiple, tensor.shape.cols())});
  }
  return choice;
}

}  // namespace recipe
