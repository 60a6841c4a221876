#include "eval/base_run.h"

#include "eval/base_file.h"
#include "eval/score.h"

namespace eval {

PerplexitySums write_base_file(const runtime::Model& model, const Windows& windows,
                               const runtime::EvaluateOptions& options,
                               const std::filesystem::path& path, const AfterWindow& after,
                               runtime::Runtime& runtime) {
  const std::size_t n_vocab = model.spec().n_vocab;
  const std::size_t words = record_words(n_vocab);
  const ScoredRange range = scored_range(windows.window);
  BaseFileWriter writer(path, windows.window, n_vocab, windows.tokens);
  PerplexitySums sums;
  std::vector<std::uint16_t> records((range.last - range.first) * words);
  run_windows(
      model, windows, options, {},
      [&](std::size_t window, const runtime::Rows& logits) {
        std::vector<double> nll(logits.n);
        const auto tokens = windows.of(window);
        runtime.team.run(logits.n, [&](std::size_t i, std::size_t) {
          const std::span row(logits.row(i), logits.cols);
          const RowSummary summary = summarise(row, runtime.kernels);
          const auto y = static_cast<std::size_t>(tokens[range.first + i + 1]);
          nll[i] = static_cast<double>(negative_log_likelihood_f32(summary, row, y));
          encode_record(row, summary, std::span(records).subspan(i * words, words));
        });
        for (const double v : nll) sums.add(v);
        writer.append(records);
        if (after) after(window, sums);
      },
      runtime);
  writer.finish();
  return sums;
}

}  // namespace eval
