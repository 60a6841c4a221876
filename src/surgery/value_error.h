// How far two lists of values lie apart.
#pragma once

#include <cstdint>
#include <span>

#include "quant/codec.h"

namespace surgery {

/// Sums over pairs of values (a, b); a is what b is held against. Values that are not finite count
/// as equal or infinitely far apart; the cosine is that of the others.
class ValueError {
 public:
  /// Two runs of the same length.
  void add(std::span<const float> a, std::span<const float> b) noexcept;
  /// The same values on both sides, whose bits need not be looked at again.
  void add_equal(std::span<const float> a) noexcept;
  ValueError& operator+=(const ValueError& other) noexcept;

  std::uint64_t n() const noexcept { return n_; }
  bool equal() const noexcept { return n_different_ == 0; }
  std::uint64_t n_different() const noexcept { return n_different_; }
  /// sqrt(sum (a - b)^2 / sum a^2); against zeros 0 or infinite.
  double relative_rmse() const noexcept;
  double max_error() const noexcept { return max_error_; }  ///< largest |a - b|
  /// sum ab / sqrt(sum a^2 sum b^2); 1 if both are zero, 0 if one is.
  double cosine() const noexcept;

 private:
  void add_not_finite(double a, double b) noexcept;

  std::uint64_t n_ = 0, n_different_ = 0;
  double error_ = 0, a_ = 0, b_ = 0, ab_ = 0, max_error_ = 0;
};

/// Relative error (rms) that this format makes of normally distributed weights, measured with its
/// own encoder; 0 for f32, infinite for formats that cannot be encoded.
double typical_error(const quant::Codec& codec);

}  // namespace surgery
