#include "eval/score.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace eval {

namespace {

/// The maximum and its first index. Piece by piece, so that only the piece that holds it is looked
/// through by the place.
void find_peak(std::span<const float> logits, const kernels::KernelTable& kernels,
               RowSummary& row) {
  constexpr std::size_t kPiece = 2048;
  std::span<const float> best;
  for (std::size_t at = 0; at < logits.size(); at += kPiece) {
    const auto piece = logits.subspan(at, std::min(kPiece, logits.size() - at));
    const float most = kernels.largest(piece.data(), piece.size());
    if (!best.empty() && !(most > row.max)) continue;
    row.max = most;
    best = piece;
  }
  const auto* place = std::find(best.data(), best.data() + best.size(), row.max);
  row.argmax = static_cast<std::size_t>(place - logits.data());
}

}  // namespace

RowSummary summarise(std::span<const float> logits, const kernels::KernelTable& kernels) {
  RowSummary row;
  find_peak(logits, kernels, row);
  row.sum_exp = kernels.sum_exp(logits.data(), row.max, logits.size());
  // the maximum may step over a NaN; the sum cannot.
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
