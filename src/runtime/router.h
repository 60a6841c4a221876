// Which experts a token goes to. Source: docs/spec/models.md 1.6.
#pragma once

#include <cstdint>
#include <span>

#include "model/spec.h"

namespace runtime {

/// Chooses plan.n_used experts from logits [n_expert] and gives their weights, in order of
/// selection. `bias` null or [n_expert]. Ties go to the higher index. experts and weights hold
/// n_used values.
void route(const model::MoePlan& plan, std::span<const float> logits, const float* bias,
           std::span<std::uint32_t> experts, std::span<float> weights);

}  // namespace runtime
