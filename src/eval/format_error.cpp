#include "eval/format_error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "quant/gain.h"

namespace eval {
namespace {

double root_of_ratio(double above, double below) noexcept {
  return below > 0 ? std::sqrt(above / below) : 0;
}

}  // namespace

void FormatError::add(std::span<const float> x, std::span<const float> y,
                      std::span<const float> importance) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error = static_cast<double>(x[i] - y[i]);
    const double value = static_cast<double>(x[i]);
    const double v = importance.empty() ? 1.0 : static_cast<double>(importance[i]);
    squared_error_ += error * error;
    square_ += value * value;
    weighted_error_ += v * error * error;
    weighted_square_ += v * value * value;
    max_error_ = std::max(max_error_, std::fabs(error));
    const double bucket = std::fabs(error) / kBucketWidth;
    ++histogram_[bucket < kBuckets - 1 ? static_cast<std::size_t>(bucket) : kBuckets - 1];
  }
  n_ += x.size();
}

FormatError& FormatError::operator+=(const FormatError& other) noexcept {
  n_ += other.n_;
  squared_error_ += other.squared_error_;
  square_ += other.square_;
  weighted_error_ += other.weighted_error_;
  weighted_square_ += other.weighted_square_;
  max_error_ = std::max(max_error_, other.max_error_);
  for (std::size_t i = 0; i < kBuckets; ++i) histogram_[i] += other.histogram_[i];
  return *this;
}

double FormatError::rmse() const noexcept {
  return root_of_ratio(squared_error_, static_cast<double>(n_));
}
double FormatError::rms() const noexcept { return root_of_ratio(square_, static_cast<double>(n_)); }
double FormatError::relative_rmse() const noexcept {
  return root_of_ratio(squared_error_, square_);
}
double FormatError::weighted_rmse() const noexcept {
  return root_of_ratio(weighted_error_, weighted_square_);
}

double FormatError::quantile(double share) const noexcept {
  const double wanted = share * static_cast<double>(n_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i + 1 < kBuckets; ++i) {
    seen += histogram_[i];
    if (static_cast<double>(seen) >= wanted) return static_cast<double>(i + 1) / kBucketsPerUnit;
  }
  return std::numeric_limits<double>::infinity();
}

FormatError format_error(const quant::Codec& codec, const quant::EncodeInput& in) {
  const std::size_t group_bytes = codec.group_rows * codec.row_bytes(in.cols);
  std::vector<std::byte> bytes(in.rows * codec.row_bytes(in.cols));
  codec.encode(in, bytes);
  FormatError error;
  std::vector<float> y(codec.group_rows * in.cols);
  std::size_t at = 0;
  for (std::size_t row = 0; row < in.rows; row += codec.group_rows, at += group_bytes) {
    codec.decode(std::span<const std::byte>(bytes).subspan(at, group_bytes), in.cols, y);
    quant::apply_product_gain(codec, y);
    for (std::size_t k = 0; k < codec.group_rows; ++k) {
      error.add({in.row(row + k), in.cols}, std::span<const float>(y).subspan(k * in.cols, in.cols),
                in.importance);
    }
  }
  return error;
}

}  // namespace eval
