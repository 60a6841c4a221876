#include "recipe/plan.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "recipe/decide.h"
#include "recipe/eligible.h"
#include "recipe/idle.h"
#include "recipe/shape_fit.h"
#include "recipe/table_text.h"

namespace recipe {
namespace {

bool in_patterns(const std::vector<Pattern>& patterns, std::string_view name) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(),
                                         [name](const Pattern& p) { return p.search(name); });
}

/// Whether bf16 is to be woven: only on request (docs/spec/recipes.md 9).
bool weaves_bf16(const Options& options) {
  return options.recipe != nullptr && options.recipe->default_type == &known_type("BF16_R16");
}

/// The other side of a repacking; null if the tensor stays as it is.
const TypeFacts* repack_target(const Options& options, const InputTensor& tensor) {
  if (is_row_lookup(tensor) || !in_patterns(options.repack_patterns, tensor.name)) {
    return nullptr;
  }
  if (options.run == Run::unpack) {
    const TypeFacts& plain = plain_type(*tensor.type);
    // q8_0 only stands in for q8_k_r8 where that cannot be used: there is no plain form of it.
    const bool exact = repacked_type(plain) == tensor.type || tensor.type->is_float();
    return &plain != tensor.type && exact ? &plain : nullptr;
  }
  // A machine-dependent choice of ik. F16 would lose bits, so it stays in any case.
  const bool is_bf16 = tensor.type == &known_type("BF16");
  if (tensor.type->is_float() && !(is_bf16 && weaves_bf16(options))) return nullptr;
  const TypeFacts* target = repacked_type(*tensor.type);
  return target != nullptr && tensor.shape.ne[1] % target->group_rows == 0 ? target : nullptr;
}

std::uint32_t repacked_file_type(const Options& options, std::uint32_t stored) {
  const Recipe* recipe = recipe_by_id(Policy::ik, stored);
  if (recipe == nullptr) return stored;
  if (options.run == Run::repack) {
    if (recipe->default_type->is_float() && !weaves_bf16(options)) return stored;
    return recipe->repacked.empty() ? stored : recipe_by_symbol(Policy::ik, recipe->repacked)->id;
  }
  // Several recipes may have been repacked to this one (q4_k_s and q4_k_m): take the usual one.
  const Recipe& usual = guessed_recipe(plain_type(*recipe->default_type));
  if (usual.repacked == recipe->symbol) return usual.id;
  for (const Recipe& r : all_recipes(Policy::ik)) {
    if (r.repacked == recipe->symbol) return r.id;
  }
  return stored;
}

Choice copy_of(const std::vector<InputTensor>& tensors, std::size_t index, std::string reason) {
  return {.input = index,
          .action = Action::copy,
          .type = tensors[index].type,
          .wanted = tensors[index].type,
          .reason = std::move(reason)};
}

/// Visiting order, which is that of the output.
std::vector<std::size_t> output_order(const Options& options,
                                      const std::vector<InputTensor>& tensors) {
  if (options.policy == Policy::mainline && !options.keep_split) return mainline_order(tensors);
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

TypePlan plan_copy_or_repack(const Options& options, const gguf::Metadata& metadata,
                             const std::vector<InputTensor>& tensors) {
  TypePlan plan;
  report_unused_types(options, tensors, plan.findings);
  plan.file_type = stored_or_guessed_file_type(metadata, tensors);
  for (const std::size_t i : output_order(options, tensors)) {
    Choice choice = copy_of(tensors, i, "copied");
    if (options.run != Run::copy) {
      if (const TypeFacts* target = repack_target(options, tensors[i]); target != nullptr) {
        choice.action = Action::repack;
        choice.type = choice.wanted = target;
        choice.reason = "repacked";
        ++plan.n_encoded;
      }
    }
    plan.choices.push_back(std::move(choice));
  }
  if (options.run != Run::copy) plan.file_type = repacked_file_type(options, plan.file_type);
  return plan;
}

}  // namespace

std::uint32_t stored_or_guessed_file_type(const gguf::Metadata& metadata,
                                          const std::vector<InputTensor>& tensors) {
  if (const auto stored = metadata.integer("general.file_type"); stored && *stored >= 0) {
    return static_cast<std::uint32_t>(*stored);
  }
  std::map<const TypeFacts*, std::size_t> counts;
  const TypeFacts* most = &known_type("F32");
  std::size_t highest = 0;
  for (const InputTensor& t : tensors) {
    if (++counts[t.type] > highest) {
      highest = counts[t.type];
      most = t.type;
    }
  }
  return guessed_recipe(*most).id | kGuessed;
}

std::vector<std::size_t> mainline_order(const std::vector<InputTensor>& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (tensors[a].id.layer != tensors[b].id.layer)
      return tensors[a].id.layer < tensors[b].id.layer;
    return tensors[a].name < tensors[b].name;
  });
  return order;
}

TypePlan plan_types(const Options& options, const gguf::Metadata& metadata,
                    const std::vector<InputTensor>& tensors) {
  if (options.run != Run::quantize) return plan_copy_or_repack(options, metadata, tensors);
  const ModelFacts model = model_facts(options.policy, metadata, tensors);
  TypePlan plan;
  plan.file_type = options.recipe->id;
  plan.findings = model.findings;
  Decider decider(options, model);
  for (const std::size_t index : output_order(options, tensors)) {
    if (!is_eligible(options, model, tensors[index])) {
      plan.choices.push_back(copy_of(tensors, index, "kept"));
      continue;
    }
    if (options.keep_quantized && !tensors[index].type->is_float()) {
      plan.choices.push_back(copy_of(tensors, index, "packed in the source"));
      continue;
    }
    Choice choice = decider.decide(tensors[index]);
    choice.input = index;
    plan.n_encoded += choice.action == Action::encode ? 1 : 0;
    plan.choices.push_back(std::move(choice));
  }
  plan.n_fallbacks = decider.n_fallbacks();
  for (const base::Finding& f : decider.findings()) plan.findings.push_back(f);
  report_idle_rules(options, decider.rule_hits(), tensors, plan.findings);
  report_idle_roles(options, decider.role_hits(), tensors, plan.findings);
  return plan;
}

}  // namespace recipe
