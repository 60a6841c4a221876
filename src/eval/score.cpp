#include "eval/score.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace eval {

RowSummary summarise(std::span<const float> logits, const kernels::KernelTable& kernels) {
  const auto peak = std::max_element(logits.begin(), logits.end());  // first of equal ones
  RowSummary row;
  row.max = *peak;
  row.argmax = static_cast<std::size_t>(peak - logits.begin());
  row.sum_exp = kernels.sum_exp(logits.data(), row.max, logits.size());
  // max_element may step over a NaN; the sum cannot.
  if (!std::isfinite(row.max) || !std::isfinite(row.sum_exp)) {
    throw base::Error(base::Fault::bad_input, "a logit is NaN or infinite")
        .hint(
            "the model is damaged, or its arithmetic overflows; look at it with `quern info "
            "--check`");
  }
  return row;
}

double negative_log_likelihood(const RowSummary& row, std::span<const float> logits,
                               std::size_t y) noexcept {
  return -(static_cast<double>(logits[y] - row.max) - std::log(row.sum_exp));
}

float negative_log_likelihood_f32(const RowSummary& row, std::span<const float> logits,
                                  std::size_t y) noexcept {
  return (row.max + static_cast<float>(std::log(row.sum_exp))) - logits[y];
}

}  // namespace eval
