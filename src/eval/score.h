// One scored position: from a row of logits to log-probabilities. Source: docs/spec/tools.md 4.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/table.h"

namespace eval {

/// What a row of logits says: the maximum, its first index, and the sum of exp(l - max) in f64.
struct RowSummary {
  float max = 0;
  std::size_t argmax = 0;
  double sum_exp = 0;
};
/// Throws Fault::bad_input when a logit is NaN or infinite.
RowSummary summarise(std::span<const float> logits, const kernels::KernelTable& kernels);

/// Negative log likelihood of token y: -((f64)(l[y] - m) - ln(s)).
double negative_log_likelihood(const RowSummary& row, std::span<const float> logits,
                               std::size_t y) noexcept;
/// The same as runs that write or read a base file compute it: (m + (f32)ln(s)) - l[y], all in f32.
float negative_log_likelihood_f32(const RowSummary& row, std::span<const float> logits,
                                  std::size_t y) noexcept;

}  // namespace eval
