// What a command that computes needs: threads, kernels, progress, interrupt, from its options.
#pragma once

#include <memory>
#include <string>

#include "cli/model_options.h"
#include "cli/progress.h"
#include "runtime/evaluate.h"
#include "runtime/runtime.h"

namespace cli {

/// Owns the team and the progress bar; `runtime` refers to them.
class Session {
 public:
  /// From kComputeOptions. Throws Fault::bad_usage for an unknown kernel table and
  /// Fault::unsupported for one that this processor lacks.
  explicit Session(const Args& args);
  /// With a given number of threads (0 = physical cores) instead of --threads.
  Session(const Args& args, std::size_t n_threads);

  TerminalProgress& progress() noexcept { return progress_; }
  runtime::Runtime& runtime() noexcept { return runtime_; }
  /// "Intel(R) Xeon(R) ..., 2 threads, kernels amx".
  std::string machine() const;

 private:
  TerminalProgress progress_;
  runtime::Team team_;
  runtime::Runtime runtime_;
};

/// Physical cores that this process may use; at least 1.
std::size_t physical_cores();

/// From kModelOptions and kTextOptions.
runtime::EvaluateOptions evaluate_options(const Args& args);

/// --rules of kModelOptions.
model::Rules rules(const Args& args);

/// The value of an option that must be given. Throws Fault::bad_usage.
std::string required(const Args& args, std::string_view key);

/// Exactly one of two options must be given. Throws Fault::bad_usage.
void check_one_given(const Args& args, std::string_view first, std::string_view second);

/// Refuses an output that is one of the inputs (also through links), or has no name. Throws
/// Fault::bad_usage.
void check_output(const std::string& output, std::initializer_list<std::string> inputs);
/// The files of a model, for check_output.
void check_output(const std::string& output, const gguf::FileSet& files);

/// Warns when a window is longer than what the model was trained for.
void warn_beyond_training(const runtime::Model& model, std::size_t window);

/// Prints findings to stderr.
void print_findings(const base::Findings& findings);

}  // namespace cli
