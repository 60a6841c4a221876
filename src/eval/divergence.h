// KL divergence of a model from a base, with uncertainties. Source: docs/spec/tools.md 4.5.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "eval/base_file.h"
#include "runtime/evaluate.h"

namespace eval {

/// A value with its standard error.
struct Estimate {
  double value = 0, error = 0;
};

/// One scored position, model under test against base.
struct Comparison {
  float nll = 0, nll_base = 0;
  float kld = 0;
  float delta_p = 0;  ///< p_test(true token) - p_base(true token)
  bool same_top = false;
  bool base_sums_to_one = true;  ///< within a tenth; else the record is damaged
};
/// Throws Fault::bad_file when the record is not finite.
Comparison compare(std::span<const float> logits, std::span<const std::byte> record, std::size_t y,
                   const kernels::KernelTable& kernels);

/// Sums over positions, added in order.
class Divergence {
 public:
  void add(const Comparison& c);

  std::size_t n() const noexcept { return n_; }
  Estimate perplexity() const;
  Estimate base_perplexity() const;
  double correlation() const;  ///< of ln PPL(Q) and ln PPL(base), 1 = 100 %
  Estimate log_ratio() const;  ///< mean ln(PPL(Q) / PPL(base))
  Estimate ratio() const;
  Estimate difference() const;  ///< PPL(Q) - PPL(base)
  Estimate mean_kld() const;
  Estimate mean_delta_p() const;
  Estimate rms_delta_p() const;
  Estimate same_top() const;  ///< share, 1 = 100 %
  /// Positions whose base is no distribution: the base file is damaged.
  std::size_t n_doubtful() const noexcept { return doubtful_; }
  /// Quantiles of the positions seen, f in [0, 1].
  double kld_quantile(double f) const;
  double delta_p_quantile(double f) const;

 private:
  Estimate mean_of(double sum, double sum_of_squares) const;
  double covariance() const;
  void sort() const;

  std::size_t n_ = 0, same_ = 0, doubtful_ = 0;
  double nll_ = 0, nll2_ = 0, base_ = 0, base2_ = 0, cross_ = 0;
  double kld_ = 0, kld2_ = 0, dp_ = 0, dp2_ = 0, dp4_ = 0;
  mutable std::vector<float> klds_, dps_;
  mutable bool sorted_ = true;
};

/// The lines that scripts parse: table header, one line per window, the final block.
std::string divergence_table_header();
std::string divergence_table_line(std::size_t window, const Divergence& d);
std::string divergence_report(const Divergence& d);

using AfterDivergence = std::function<void(std::size_t window, const Divergence& d)>;

/// Measures a model against a base file: its tokens, its windows. Throws Fault::bad_input when the
/// vocabularies differ.
Divergence measure_divergence(const runtime::Model& model, const BaseFile& base,
                              const runtime::EvaluateOptions& options, const AfterDivergence& after,
                              runtime::Runtime& runtime);

}  // namespace eval
