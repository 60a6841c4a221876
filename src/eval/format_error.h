// What a weight format loses on real weights: encoded and decoded again, against the original.
// Source: docs/spec/tools.md 10.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/codec.h"

namespace eval {

/// Sums over weights x and what a format gives back for them, y (product gain included).
class FormatError {
 public:
  static constexpr std::size_t kBuckets = 150;
  /// Buckets of |x - y| have the width 0.0002; the last one is open.
  static constexpr double kBucketsPerUnit = 5000, kBucketWidth = 1 / kBucketsPerUnit;

  /// One row; `importance` has the weight of every column, or is empty (all ones).
  void add(std::span<const float> x, std::span<const float> y, std::span<const float> importance);
  FormatError& operator+=(const FormatError& other) noexcept;

  std::uint64_t n() const noexcept { return n_; }
  double rmse() const noexcept;
  double rms() const noexcept;  ///< of the weights
  double relative_rmse() const noexcept;
  /// sqrt(sum v (x - y)^2 / sum v x^2); the unweighted one where there was no importance.
  double weighted_rmse() const noexcept;
  double max_error() const noexcept { return max_error_; }
  const std::array<std::uint64_t, kBuckets>& histogram() const noexcept { return histogram_; }
  /// Upper edge of the first bucket where the cumulative count reaches `share` of all; infinite in
  /// the open one.
  double quantile(double share) const noexcept;

 private:
  std::uint64_t n_ = 0;
  double squared_error_ = 0, square_ = 0;
  double weighted_error_ = 0, weighted_square_ = 0;
  double max_error_ = 0;
  std::array<std::uint64_t, kBuckets> histogram_{};
};

/// Encodes rows of x [rows, cols], decodes them, and compares. rows is a multiple of the format's
/// row group, cols of its block; importance is empty or [cols].
FormatError format_error(const quant::Codec& codec, const quant::EncodeInput& in);

}  // namespace eval
