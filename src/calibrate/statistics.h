// Numbers that describe one entry of an importance matrix. Source: docs/spec/imatrix.md, 9.2.
#pragma once

#include "calibrate/importance.h"

namespace calibrate {

/// Over the mean values m_j of all vectors with data. All 0 if there are none.
struct EntryStatistics {
  std::size_t n_values = 0;
  double sum = 0, min = 0, max = 0, mean = 0, deviation = 0;
  double active = 0;        ///< share of values above 1e-5
  double entropy = 0;       ///< of p_j = m_j / sum, in bits; high = flat importance
  double flatness = 0;      ///< entropy / log2(n_values), 0 to 1
  double outliers = 0;      ///< share of values more than one deviation above the mean
  double max_to_mean = 0;   ///< largest max / mean of a single vector
  std::size_t n_empty = 0;  ///< vectors without data or all zero
  std::size_t n_flat = 0;   ///< vectors whose values are all equal
  std::int64_t min_count = 0, max_count = 0;
};
EntryStatistics statistics(const Entry& entry);

/// Cosine of the angle between the mean values of two entries of equal size; 0 if sizes differ or
/// one is all zero.
double cosine(const Entry& a, const Entry& b);

}  // namespace calibrate
