// What both importance targets check of an accepted file.
#pragma once

#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "calibrate/importance.h"

namespace fuzz {

inline void check(const calibrate::Importance& m) {
  if (m.entries.empty()) std::abort();
  for (const auto& [name, entry] : m.entries) {
    const std::vector<float> means = entry.means();
    if (means.size() != entry.n_cols * entry.n_vectors) std::abort();
    for (const double sum : entry.sums) {
      if (!std::isfinite(sum) || sum < 0) std::abort();
    }
  }
  calibrate::Importance twice = m;
  calibrate::merge(twice, m);
  try {
    calibrate::parse_importance(calibrate::dat_bytes(m), "again");
  } catch (const base::Error& e) {
    if (e.fault() != base::Fault::bad_input) std::abort();  // no data, or beyond f32
  }
}

inline void run(std::span<const std::byte> bytes) {
  try {
    check(calibrate::parse_importance(bytes, "fuzz"));
  } catch (const base::Error& e) {
    if (e.fault() != base::Fault::bad_file) std::abort();
  }
}

}  // namespace fuzz
