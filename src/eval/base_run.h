// The run that writes a base file: log-probabilities of every scored position, and the perplexity.
#pragma once

#include <filesystem>

#include "eval/perplexity.h"

namespace eval {

/// Throws as evaluate, and Fault::io. The file appears whole or not at all.
PerplexitySums write_base_file(const runtime::Model& model, const Windows& windows,
                               const runtime::EvaluateOptions& options,
                               const std::filesystem::path& path, const AfterWindow& after,
                               runtime::Runtime& runtime);

}  // namespace eval
