// What the registry-wide tests share: golden sets, hostile matrices, errors of a codec on them.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quant/codec.h"

namespace test {

/// One line of a golden index.tsv: what the reference encoder reaches on that set's matrix.
struct GoldenRow {
  std::string name;
  std::size_t rows, cols;
  double rmse_importance, wrmse_importance, rmse_plain;  ///< rmse_plain is -1 if not possible
};

/// One folder of tests/golden/types.
struct GoldenSet {
  std::string name;
  std::vector<float> input, importance;
  std::map<std::string, GoldenRow, std::less<>> rows;
};

/// weights, corners, narrow, ternary.
std::vector<GoldenSet> golden_sets();

/// sqrt(sum v (x-y)^2 / sum v x^2), v one weight a column; empty = all ones. In f64.
double relative_error(std::span<const float> x, std::span<const float> y, std::span<const float> v);

std::vector<std::byte> encode(const quant::Codec& codec, const quant::EncodeInput& in);
std::vector<float> decode(const quant::Codec& codec, std::span<const std::byte> bytes,
                          std::size_t rows, std::size_t cols);

/// Rows (or importance vectors) that break careless encoders, each with a name.
struct NamedValues {
  std::string name;
  std::vector<float> values;
};
std::vector<NamedValues> hostile_rows(std::size_t cols);
std::vector<NamedValues> hostile_importances(std::size_t cols);

/// Gaussian, mean 0, deviation `sigma`; the same numbers everywhere.
std::vector<float> gaussian(std::size_t n, float sigma, std::uint64_t seed);

/// A test name made of the codec's name.
std::string codec_label(const quant::Codec* codec);

}  // namespace test
