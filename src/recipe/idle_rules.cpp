// Why a custom rule decided the type of no tensor (docs/spec/recipes.md 2, 7).
#include <fmt/format.h>

#include <algorithm>

#include "recipe/eligible.h"
#include "recipe/idle.h"

namespace recipe {
namespace {

class IdleRule {
 public:
  IdleRule(const Options& options, const ModelFacts& model, std::size_t index,
           const std::vector<InputTensor>& tensors)
      : options_(options), index_(index), rule_(options.custom_rules[index]), tensors_(tensors) {
    for (const InputTensor& t : tensors) {
      if (!rule_.fits(t.id, t.name)) continue;
      named_.push_back(&t);
      if (is_eligible(options, model, t)) open_.push_back(&t);
    }
  }

  std::string text() const {
    if (named_.empty()) return no_name();
    return fmt::format("this rule decided the type of no tensor: {}", reason());
  }

 private:
  std::string no_name() const {
    const bool in_others = std::any_of(tensors_.begin(), tensors_.end(),
                                       [&](const auto& t) { return rule_.pattern.search(t.name); });
    return in_others ? "this rule fits names of tensors, but of none in its layers"
                     : "this rule fits the name of no tensor";
  }

  std::string reason() const {
    const Recipe& recipe = *options_.recipe;
    if (recipe.default_type->is_float() && !options_.rules_with_floats) {
      return fmt::format("{} has no rules", recipe.symbol);
    }
    if (options_.pure && options_.policy == Policy::ik) return "--pure switches rules off";
    if (open_.empty()) return why_closed();
    if (options_.keep_quantized &&
        std::none_of(open_.begin(), open_.end(),
                     [](const InputTensor* t) { return t->type->is_float(); })) {
      return "what it fits is packed in the source and stays so";
    }
    const std::string earlier = earlier_rule();
    if (!earlier.empty()) return fmt::format("the earlier rule {} takes what it fits", earlier);
    return "an option for these tensors goes before it";
  }

  /// Of tensors that no rule can reach.
  std::string why_closed() const {
    const auto matrix = std::find_if(named_.begin(), named_.end(),
                                     [](const InputTensor* t) { return t->shape.n_dims() > 1; });
    const InputTensor& first = matrix == named_.end() ? *named_.front() : **matrix;
    if (options_.leave_output_tensor && first.id.is(model::Role::output)) {
      return "--leave-output-tensor keeps what it fits";
    }
    const std::string kept = fmt::format("what it fits stays {}", first.type->name);
    const bool routers = std::all_of(named_.begin(), named_.end(),
                                     [](const InputTensor* t) { return is_router(*t); });
    if (!routers) return kept + ", as norms, biases and all else that is no matrix of products";
    return options_.policy == Policy::ik ? kept + "; --ffn-gate-inp-type reaches the routers"
                                         : kept + ", as all routers under this policy";
  }

  /// The first of the rules in front that takes a tensor of this one; "" if none does.
  std::string earlier_rule() const {
    for (const CustomRule& other : std::span(options_.custom_rules).first(index_)) {
      const bool takes = std::any_of(open_.begin(), open_.end(), [&](const InputTensor* t) {
        return other.fits(t->id, t->name);
      });
      if (takes) return other.text;
    }
    return "";
  }

  const Options& options_;
  std::size_t index_;
  const CustomRule& rule_;
  const std::vector<InputTensor>& tensors_;
  std::vector<const InputTensor*> named_, open_;  ///< that it fits; of those what rules may reach
};

}  // namespace

void report_idle_rules(const Options& options, const ModelFacts& model,
                       const std::vector<std::size_t>& hits,
                       const std::vector<InputTensor>& tensors, base::Findings& findings) {
  for (std::size_t i = 0; i < hits.size(); ++i) {
    if (hits[i] > 0) continue;
    findings.push_back({.where = options.custom_rules[i].text,
                        .text = IdleRule(options, model, i, tensors).text()});
  }
}

}  // namespace recipe
