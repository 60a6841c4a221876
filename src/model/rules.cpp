#include "model/spec.h"

namespace model {
namespace {

void without_groups(MoePlan& plan) noexcept { plan.n_group = plan.n_group_used = 1; }

}  // namespace

void follow(ModelSpec& spec, Rules rules) noexcept {
  if (rules == Rules::original) return;
  for (LayerPlan& layer : spec.layers) {
    if (layer.attention) layer.attention->rope.round_corners = true;
    if (layer.mla) layer.mla->rope.round_corners = true;
    if (layer.moe && rules == Rules::ik) without_groups(*layer.moe);
  }
}

}  // namespace model
