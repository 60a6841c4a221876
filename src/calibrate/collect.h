// A whole collection run: windows of a text through the model, state saved on the way, resumed
// exactly.
#pragma once

#include <functional>

#include "calibrate/collector.h"
#include "calibrate/importance.h"
#include "eval/perplexity.h"
#include "runtime/evaluate.h"

namespace calibrate {

struct CollectOptions {
  runtime::EvaluateOptions evaluate = {};
  bool with_output = false;  ///< also the output matrix
  bool perplexity = true;    ///< compute it on the way
  /// Chunks (token loop), rounded up to whole batches; the layer loop saves after every layer.
  std::size_t save_every = 10;
  std::filesystem::path checkpoint = {};  ///< empty = none
  bool resume = true;
  bool keep_others = false;  ///< refuse to run over the checkpoint of another run
  std::string dataset = {};  ///< name of the text, stored in the result
};

struct CollectEvents {
  eval::AfterWindow after_window;
  /// After each saved state; the result so far.
  std::function<void(const Importance& so_far)> after_save;
  /// The checkpoint holds a state of this run from now on: one it goes on with, or has saved.
  std::function<void()> state_kept;
};

struct Collected {
  Importance importance;
  eval::PerplexitySums perplexity;
  std::size_t resumed_chunks = 0;  ///< chunks that a saved state had
};

/// How often a run from the beginning saves its state.
std::size_t count_saves(const model::ModelSpec& spec, const eval::Windows& windows,
                        const CollectOptions& options);

/// Throws Fault::bad_input where `keep_others` says so, and Fault::interrupted between units of
/// work; the state saved last stays in the checkpoint.
Collected collect(const runtime::Model& model, const eval::Windows& windows,
                  const CollectOptions& options, const CollectEvents& events,
                  runtime::Runtime& runtime);

}  // namespace calibrate
