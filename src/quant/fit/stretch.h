// What encoders do to the common scale after the last fit. Least squares makes the coded weights y
// too short: sum w x y = sum w y^2, which is the energy sum w x^2 less the error. At few bits
// models notice. Source: docs/spec/types/iqk.md 3.3.
#pragma once

#include <algorithm>
#include <cmath>

namespace quant::fit {

/// Factor on the scale of a fit that explains `explained` of the `energy` sum w x^2.
/// With importance the coded weights get the energy of the weights; without it (embeddings and
/// output, mostly) their product with the weights does, which keeps the outputs unbiased though it
/// costs more error. 1.25 at most.
inline float stretch(double energy, double explained, bool with_importance) noexcept {
  constexpr double kMost = 1.25;
  if (!(explained > 0) || !(energy > explained)) return 1;
  const double ratio = energy / explained;
  return static_cast<float>(std::min(with_importance ? std::sqrt(ratio) : ratio, kMost));
}

}  // namespace quant::fit
