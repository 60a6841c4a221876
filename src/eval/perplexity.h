// Perplexity over windows of text. Source: docs/spec/tools.md 4.2.
#pragma once

#include <functional>
#include <span>

#include "eval/corpus.h"
#include "runtime/runtime.h"

namespace eval {

/// Running sums of negative log likelihoods, in f64, in order of positions.
struct PerplexitySums {
  std::size_t n = 0;
  double sum = 0, sum_of_squares = 0;

  void add(double nll) noexcept {
    ++n;
    sum += nll;
    sum_of_squares += nll * nll;
  }
  double perplexity() const noexcept;
  /// Standard error of the perplexity; negative when the variance came out negative.
  double error() const noexcept;
};

/// The scored positions of a window: [first, last), each against the token that follows it.
struct ScoredRange {
  std::size_t first, last;
};
/// [window / 2, window - 1).
inline ScoredRange scored_range(std::size_t window) noexcept { return {window / 2, window - 1}; }

/// Called after each window with its number (from 0) and the sums so far.
using AfterWindow = std::function<void(std::size_t window, const PerplexitySums& sums)>;

/// Logits of one whole window at a time: [last - first, n_vocab] over its scored positions.
using WindowSink = std::function<void(std::size_t window, const runtime::Rows& logits)>;

enum class Logits : std::uint8_t { scored, all };

/// Runs the windows and hands the logits of the scored positions to `sink`, window by window.
/// Logits::all computes those of the other positions, too, for observers of the output matrix.
/// Observers see everything on the way. `options` as for runtime::evaluate.
void run_windows(const runtime::Model& model, const Windows& windows,
                 const runtime::EvaluateOptions& options,
                 std::span<runtime::Observer* const> observers, const WindowSink& sink,
                 runtime::Runtime& runtime, Logits logits = Logits::scored);

/// Perplexity of the model over the windows.
PerplexitySums measure_perplexity(const runtime::Model& model, const Windows& windows,
                                  const runtime::EvaluateOptions& options,
                                  std::span<runtime::Observer* const> observers,
                                  const AfterWindow& after, runtime::Runtime& runtime);

/// Negative log likelihoods of a window's scored positions, in order. Threads share the positions.
std::vector<double> score_window(std::span<const std::int32_t> tokens, const runtime::Rows& logits,
                                 runtime::Runtime& runtime);

}  // namespace eval
