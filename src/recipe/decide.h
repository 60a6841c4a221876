// Steps 2 to 8 of docs/spec/recipes.md 2 for one eligible tensor.
#pragma once

#include <optional>

#include "recipe/plan.h"
#include "recipe/select.h"

namespace recipe {

/// Decides tensors in visiting order; keeps counters and what was odd.
class Decider {
 public:
  Decider(const Options& options, const ModelFacts& model);

  /// Everything but Choice::input. The tensor must be eligible.
  Choice decide(const InputTensor& tensor);

  std::size_t n_fallbacks() const noexcept { return n_fallbacks_; }
  const base::Findings& findings() const noexcept { return findings_; }
  /// How many tensors each custom rule decided.
  const std::vector<std::size_t>& rule_hits() const noexcept { return rule_hits_; }
  /// How many tensors each of Options::role_types decided.
  const std::vector<std::size_t>& role_hits() const noexcept { return role_hits_; }

 private:
  Selected choose_ik(const InputTensor& tensor);
  Selected choose_mainline(const InputTensor& tensor);
  bool custom_rule(const InputTensor& tensor, Selected& selected);
  void late_override(const InputTensor& tensor, Selected& selected) const;
  void plain_for_lookup(const InputTensor& tensor, Selected& selected) const;
  void fit(const InputTensor& tensor, Selected& selected);
  void count_role(std::string_view role);

  const Options& options_;
  Selector selector_;
  std::size_t n_fallbacks_ = 0;
  base::Findings findings_;
  std::vector<std::size_t> rule_hits_, role_hits_;
};

}  // namespace recipe
