#include "eval/strided.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "eval/score.h"

namespace eval {

std::size_t strided_window(const StrideOptions& options) noexcept {
  return std::max<std::size_t>(1, options.batch / options.window) * options.window +
         options.stride / 2;
}

PerplexitySums measure_strided(const runtime::Model& model, std::string_view text,
                               const StrideOptions& stride, const runtime::EvaluateOptions& options,
                               const AfterWindow& after, runtime::Runtime& runtime) {
  const std::size_t s = stride.stride;
  const std::size_t window = strided_window(stride);
  const auto ids = model.tokenizer().encode(text, {.add_special = true, .parse_special = false});
  if (ids.size() < window + 1 || s + 1 > window) {
    throw base::Error(base::Fault::bad_input, "the text is too short for these windows")
        .at("found", fmt::format("{} tokens", ids.size()))
        .expected(fmt::format("more than {}, and a stride below the window", window))
        .hint("the window is max(1, b / c) * c + stride / 2; give -b equal to -c, or a smaller -c");
  }
  std::size_t n = (ids.size() - window + s - 1) / s;
  if (stride.max_windows != 0) n = std::min(n, stride.max_windows);
  const std::size_t first = window - s - 1;  // the positions first .. window - 2 are scored
  std::vector<runtime::Chunk> chunks(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(i * s);
    chunks[i].tokens.assign(begin, begin + static_cast<std::ptrdiff_t>(window));
    chunks[i].first_output = first;
  }
  PerplexitySums sums;
  runtime::evaluate(
      model, chunks, options, {},
      [&](std::size_t chunk, std::size_t position, const runtime::Rows& logits) {
        std::vector<double> nll(logits.n);
        runtime.team.run(logits.n, [&](std::size_t i, std::size_t) {
          const std::span row(logits.row(i), logits.cols);
          const std::size_t next = position + i + 1;
          if (next >= window) return;
          const auto y = static_cast<std::size_t>(chunks[chunk].tokens[next]);
          nll[i] = negative_log_likelihood(summarise(row, runtime.kernels), row, y);
        });
        for (std::size_t i = 0; i < logits.n && position + i + 1 < window; ++i) sums.add(nll[i]);
        if (after && position + logits.n >= window) after(chunk, sums);
      },
      runtime);
  return sums;
}

}  // namespace eval
