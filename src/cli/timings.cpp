#include "cli/timings.h"

#include <fmt/format.h>

#include <algorithm>

namespace cli {
namespace {

std::string rate_line(std::string_view what, double seconds, std::size_t n, std::string_view unit) {
  const double count = static_cast<double>(std::max<std::size_t>(1, n));
  const double per_second = seconds > 0 ? static_cast<double>(n) / seconds : 0.0;
  return fmt::format(
      "quern: {:>16} = {:10.2f} ms / {:5d} {:<6} ({:8.2f} ms per token, {:8.2f} tokens per "
      "second)\n",
      what, seconds * 1e3, n, unit, seconds * 1e3 / count, per_second);
}

}  // namespace

std::string timing_lines(const Timings& t) {
  return fmt::format("quern: {:>16} = {:10.2f} ms\n", "load time", t.load_s * 1e3) +
         rate_line("sample time", t.sample_s, t.n_sample, "runs") +
         rate_line("prompt eval time", t.prompt_s, t.n_prompt, "tokens") +
         rate_line("eval time", t.eval_s, t.n_eval, "runs") +
         fmt::format("quern: {:>16} = {:10.2f} ms / {:5d} tokens\n", "total time", t.total_s * 1e3,
                     t.n_prompt + t.n_eval);
}

}  // namespace cli
