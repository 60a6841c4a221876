#include "eval/perplexity.h"

#include <cmath>
#include <vector>

#include "eval/score.h"

namespace eval {

double PerplexitySums::perplexity() const noexcept {
  return std::exp(sum / static_cast<double>(n));
}

double PerplexitySums::error() const noexcept {
  const double count = static_cast<double>(n);
  const double mean = sum / count;
  const double variance = sum_of_squares / count - mean * mean;
  if (!(variance > 0)) return -1;
  return std::sqrt(variance / (count - 1)) * std::exp(mean);
}

void run_windows(const runtime::Model& model, const Windows& windows,
                 const runtime::EvaluateOptions& options,
                 std::span<runtime::Observer* const> observers, const WindowSink& sink,
                 runtime::Runtime& runtime, Logits logits) {
  const ScoredRange range = scored_range(windows.window);
  const std::size_t n_vocab = model.spec().n_vocab;
  const auto chunks =
      to_chunks(windows, model.tokenizer(), logits == Logits::all ? 0 : range.first);
  // The driver may deliver a window in pieces; those are put together by position.
  const std::size_t delivered = windows.window - range.first;  // the last row is not scored
  const std::size_t wanted = range.last - range.first;
  std::vector<float> gathered;
  runtime::evaluate(
      model, chunks, options, observers,
      [&](std::size_t chunk, std::size_t first_position, const runtime::Rows& delivered_rows) {
        const std::size_t skipped = range.first - std::min(range.first, first_position);
        if (skipped >= delivered_rows.n) return;
        const runtime::Rows rows{delivered_rows.row(skipped), delivered_rows.n - skipped,
                                 delivered_rows.cols, delivered_rows.stride};
        const std::size_t at = first_position + skipped - range.first;
        if (at == 0 && rows.n == delivered) {
          sink(chunk, {rows.data, wanted, rows.cols, rows.stride});
          return;
        }
        gathered.resize(delivered * n_vocab);
        for (std::size_t i = 0; i < rows.n; ++i) {
          std::copy_n(rows.row(i), n_vocab, gathered.data() + (at + i) * n_vocab);
        }
        if (at + rows.n == delivered) sink(chunk, {gathered.data(), wanted, n_vocab, n_vocab});
      },
      runtime);
}

std::vector<double> score_window(std::span<const std::int32_t> tokens, const runtime::Rows& logits,
                                 runtime::Runtime& runtime) {
  const ScoredRange range = scored_range(tokens.size());
  std::vector<double> nll(logits.n);
  runtime.team.run(logits.n, [&](std::size_t i, std::size_t) {
    const std::span row(logits.row(i), logits.cols);
    const auto y = static_cast<std::size_t>(tokens[range.first + i + 1]);
    nll[i] = negative_log_likelihood(summarise(row, runtime.kernels), row, y);
  });
  return nll;
}

PerplexitySums measure_perplexity(const runtime::Model& model, const Windows& windows,
                                  const runtime::EvaluateOptions& options,
                                  std::span<runtime::Observer* const> observers,
                                  const AfterWindow& after, runtime::Runtime& runtime) {
  PerplexitySums sums;
  run_windows(
      model, windows, options, observers,
      [&](std::size_t window, const runtime::Rows& logits) {
        for (const double nll : score_window(windows.of(window), logits, runtime)) sums.add(nll);
        if (after) after(window, sums);
      },
      runtime);
  return sums;
}

}  // namespace eval
