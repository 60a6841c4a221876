// Perplexity over overlapping windows. Source: docs/spec/tools.md 4.3.
#pragma once

#include "eval/perplexity.h"

namespace eval {

struct StrideOptions {
  std::size_t window = 512;  ///< -c
  std::size_t batch =
      2048;                ///< -b: the window becomes max(1, batch / window) * window + stride / 2
  std::size_t stride = 0;  ///< tokens scored a window
  std::size_t max_windows = 0;  ///< 0 = all
};

/// Tokens of a window: max(1, batch / window) * window + stride / 2.
std::size_t strided_window(const StrideOptions& options) noexcept;

/// Throws Fault::bad_input when the text is shorter than one window.
PerplexitySums measure_strided(const runtime::Model& model, std::string_view text,
                               const StrideOptions& stride, const runtime::EvaluateOptions& options,
                               const AfterWindow& after, runtime::Runtime& runtime);

}  // namespace eval
