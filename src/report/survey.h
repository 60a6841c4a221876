// report/: results that people look at: tables for terminals, self-contained HTML pages. It must
// not measure anything itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/divergence.h"

namespace report {

/// One file of a survey: how it was made and how it measures against the original.
struct SurveyRow {
  std::string type;
  bool with_importance = false;
  std::uint64_t file_bytes = 0;
  double bits_per_weight = 0;  ///< over all tensors of the file
  double seconds = 0;          ///< to make the file
  eval::Estimate perplexity = {};
  eval::Estimate kld = {};
  double kld_99 = 0;             ///< 99 % quantile
  eval::Estimate same_top = {};  ///< share, 1 = 100 %
};

struct Survey {
  std::string model;          ///< file name of the original
  std::string model_summary;  ///< "deepseek2, 18.1 M weights, bf16"
  std::string text;           ///< file name of the evaluation text
  std::string calibration;    ///< file name of the calibration text
  std::size_t n_windows = 0, window = 0;
  std::size_t n_calibration_windows = 0;
  std::uint64_t original_bytes = 0;
  eval::Estimate original_perplexity;
  std::string machine;  ///< processor, threads, kernels
  std::string command;  ///< that makes it, with all options that are no defaults
  std::vector<SurveyRow> rows;
};

/// The table for a terminal: its head with the line of the original, and the line of one file.
/// `narrow` leaves out the errors: 76 columns instead of 116.
std::string survey_table_header(const Survey& survey, bool narrow = false);
std::string survey_table_line(const SurveyRow& row, bool narrow = false);

/// A self-contained page: size against KLD as a plot, the table, how it was made.
std::string survey_page(const Survey& survey);

}  // namespace report
