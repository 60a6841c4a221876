// Rotary position embedding. Source: docs/spec/models.md 1.5.
#pragma once

#include <cstddef>
#include <span>

#include "model/spec.h"

namespace runtime {

/// cos and sin of one position: out[2i], out[2i + 1] for pair i; out.size() == plan.n_rot.
/// `divisors` null or n_rot / 2 floats.
void rope_angles(const model::RopePlan& plan, const float* divisors, std::size_t position,
                 std::span<float> out);

/// Rotates the first n_rot elements of one head in place; `angles` as made above.
void rope_rotate(model::RopeKind kind, const float* angles, std::size_t n_rot,
                 float* head) noexcept;

}  // namespace runtime
