#include "calibrate/statistics.h"

#include <algorithm>
#include <cmath>

namespace calibrate {
namespace {

constexpr double kActive = 1e-5;

/// Looks at one vector; true if it has data.
bool add_vector(std::span<const float> m, EntryStatistics& s) {
  const auto [low, high] = std::minmax_element(m.begin(), m.end());
  if (*high == 0) return false;
  if (*low == *high && m.size() > 1) ++s.n_flat;
  double sum = 0;
  for (const float x : m) sum += static_cast<double>(x);
  const double ratio = static_cast<double>(*high) * static_cast<double>(m.size()) / sum;
  s.max_to_mean = std::max(s.max_to_mean, ratio);
  return true;
}

void describe(std::span<const float> values, EntryStatistics& s) {
  s.n_values = values.size();
  if (values.empty()) return;
  const auto n = static_cast<double>(values.size());
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  s.min = static_cast<double>(*low);
  s.max = static_cast<double>(*high);
  double squares = 0;
  for (const float x : values) {
    s.sum += static_cast<double>(x);
    squares += static_cast<double>(x) * static_cast<double>(x);
  }
  s.mean = s.sum / n;
  s.deviation = std::sqrt(std::max(0.0, squares / n - s.mean * s.mean));
  for (const float x : values) {
    const double p = static_cast<double>(x) / s.sum;
    if (p > 0) s.entropy -= p * std::log2(p);
    if (static_cast<double>(x) > kActive) s.active += 1 / n;
    if (static_cast<double>(x) > s.mean + s.deviation) s.outliers += 1 / n;
  }
  if (values.size() > 1) s.flatness = s.entropy / std::log2(n);
}

}  // namespace

EntryStatistics statistics(const Entry& entry) {
  EntryStatistics s;
  const std::vector<float> means = entry.means();
  std::vector<float> with_data;
  for (std::size_t v = 0; v < entry.n_vectors; ++v) {
    const auto vector = std::span(means).subspan(v * entry.n_cols, entry.n_cols);
    if (add_vector(vector, s)) {
      with_data.insert(with_data.end(), vector.begin(), vector.end());
    } else {
      ++s.n_empty;
    }
  }
  const auto [low, high] = std::minmax_element(entry.counts.begin(), entry.counts.end());
  s.min_count = *low;
  s.max_count = *high;
  describe(with_data, s);
  return s;
}

double cosine(const Entry& a, const Entry& b) {
  const std::vector<float> x = a.means();
  const std::vector<float> y = b.means();
  if (x.size() != y.size()) return 0;
  double dot = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    dot += static_cast<double>(x[i]) * static_cast<double>(y[i]);
    xx += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    yy += static_cast<double>(y[i]) * static_cast<double>(y[i]);
  }
  return xx > 0 && yy > 0 ? dot / std::sqrt(xx * yy) : 0;
}

}  // namespace calibrate
