#include "recipe/select.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "recipe/table_text.h"

namespace recipe {
/// The variables of the tables for one tensor.
class TensorScope final : public Scope {
 public:
  TensorScope(const Selector& selector, const InputTensor& tensor, const TypeFacts& current)
      : selector_(selector), model_(selector.model_), tensor_(tensor), current_(current) {}

  void set_counter(std::string_view counter) { counter_ = counter; }

  ConditionValue variable(std::string_view name) const override {
    if (name == "cur") return current_.symbol;
    if (name == "arch") return std::string_view(model_.arch);
    if (name == "size_class") return std::string_view(model_.size_class);
    return number(name);
  }
  bool has_option(std::string_view option) const override {
    return selector_.options_.role_type(option) != nullptr;
  }
  std::int64_t block_length(std::string_view symbol) const override {
    return static_cast<std::int64_t>(known_type(symbol).block_elems);
  }

 private:
  std::int64_t number(std::string_view name) const {
    if (name == "nexp") return model_.n_experts;
    if (name == "gqa") return model_.gqa;
    if (name == "nl") return model_.n_layers;
    if (name == "nv") return model_.n_attn_v;
    if (name == "tied") return model_.tied;
    if (name == "imat") return selector_.options_.have_importance;
    if (name == "big_vocab") return model_.big_vocab;
    if (name == "no_out_name") return model_.no_output_name;
    if (name == "ncols") return static_cast<std::int64_t>(tensor_.shape.ne[0]);
    if (name == "ne2") return static_cast<std::int64_t>(tensor_.shape.ne[2]);
    if (name == "il") return layer();
    if (name == "cv" || name == "cd" || name == "cg" || name == "cu") return counter(name);
    throw std::logic_error("unknown variable in a recipe table: " + std::string(name));
  }
  std::int64_t counter(std::string_view name) const {
    const auto it = selector_.counters_.find(name);
    return it == selector_.counters_.end() ? 0 : it->second;
  }
  /// With experts the order in a file says nothing, so the tensor's own layer counts.
  std::int64_t layer() const {
    if (model_.n_experts <= 1) return counter(counter_);
    const int layer = tensor_.id.layer;
    if (layer >= 0 && layer < model_.n_layers) return layer;
    throw base::Error(base::Fault::bad_file, "the recipe needs the layer of a tensor")
        .at("tensor", tensor_.name)
        .expected(fmt::format("a name blk.N. with N below block_count {}", model_.n_layers));
  }

  const Selector& selector_;
  const ModelFacts& model_;
  const InputTensor& tensor_;
  const TypeFacts& current_;
  std::string_view counter_;
};

Selector::Selector(const Options& options, const ModelFacts& model)
    : options_(options),
      model_(model),
      tables_(policy_tables(options.policy)),
      family_(role_family(options.policy, *options.recipe)) {}

const TypeFacts& Selector::apply(std::string_view text, const TypeFacts& current) const {
  constexpr std::string_view kPost = "v_post:";
  if (text.starts_with(kPost)) {  // docs/spec/tables/recipe_lc_rules.tsv, head
    const TypeFacts& type = apply(text.substr(kPost.size()), current);
    if (model_.n_experts == 8) return known_type("Q8_0");
    const bool raise = type.symbol == "Q3_K" || type.symbol == "Q4_K";
    return model_.size_class == "70B" && raise ? known_type("Q5_K") : type;
  }
  if (text == "=") return current;
  if (text == "bump") return one_step_up(current);
  if (text.starts_with('@')) return *options_.role_type(text.substr(1));
  return known_type(text);
}

Selected Selector::next(const InputTensor& tensor) {
  const TypeFacts& start = *options_.recipe->default_type;
  TensorScope scope(*this, tensor, start);
  const auto role =
      std::find_if(tables_.roles.begin(), tables_.roles.end(), [&](const RoleRow& row) {
        const bool family_fits = row.family == "any" || row.family == family_;
        return family_fits && tensor.fits(row.name) && row.guard.holds(scope);
      });
  if (role == tables_.roles.end()) return {&start, "default type"};
  scope.set_counter(role->counter);
  Selected selected{&start, fmt::format("role {}, default type", role->role)};
  const std::string_view symbol = options_.recipe->symbol;
  for (const RuleRow& rule : tables_.rules) {
    if (rule.role != role->role) continue;
    const bool listed = rule.recipes.empty() || std::find(rule.recipes.begin(), rule.recipes.end(),
                                                          symbol) != rule.recipes.end();
    if (!listed || !rule.when.holds(scope)) continue;
    selected = {&apply(rule.type, start), fmt::format("role {} line {}", role->role, rule.line)};
    if (const std::size_t at = rule.type.find('@'); at != std::string_view::npos) {
      selected.role = rule.type.substr(at + 1);
    }
    break;
  }
  if (!role->counter.empty()) ++counters_[role->counter];
  return selected;
}

}  // namespace recipe
