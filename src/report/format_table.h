// Formats side by side: what they are, what they lose, and a plot of both. For docs/formats.
#pragma once

#include <span>
#include <string>

#include "quant/codec.h"

namespace report {

/// A format and its measured errors relative to the weights; below 0 = not measured.
struct FormatRow {
  const quant::Codec* codec;
  double error = -1;           ///< sqrt(sum (x - y)^2 / sum x^2)
  double weighted_error = -1;  ///< the same weighted by importance
};

/// The cells of the registry in one line of the table: "| 12 | `q4_K` | kquant | ... |", without
/// the errors.
std::string format_cells(const quant::Codec& codec);
/// Markdown table, a line a format.
std::string format_table(std::span<const FormatRow> rows);
/// Bits per weight against weighted error, with the bound that no code of so many bits beats on
/// Gaussian weights. Stands alone, in light and dark.
std::string format_plot(std::span<const FormatRow> rows);

}  // namespace report
