// The timing lines that scripts of the public programs look for (docs/spec/tools.md 11).
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace cli {

/// Seconds since it was made.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

struct Timings {
  double load_s = 0, sample_s = 0, prompt_s = 0, eval_s = 0, total_s = 0;
  std::size_t n_sample = 0, n_prompt = 0, n_eval = 0;
};

/// Five lines, each with its line end.
std::string timing_lines(const Timings& timings);

}  // namespace cli
