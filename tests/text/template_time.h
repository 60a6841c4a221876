// The time at which the expected texts of templates were made.
#pragma once

#include <ctime>

namespace test {

/// 2026-01-02 03:04:05, a Friday.
inline std::tm template_time() {
  std::tm t{};
  t.tm_year = 126;
  t.tm_mday = 2;
  t.tm_hour = 3;
  t.tm_min = 4;
  t.tm_sec = 5;
  t.tm_wday = 5;
  t.tm_yday = 1;
  return t;
}

}  // namespace test
