// Carries a plan out: reads, encodes, checks, writes.
#pragma once

#include "base/error.h"
#include "cook/plan.h"
#include "cook/tensor_cache.h"
#include "runtime/runtime.h"

namespace cook {

struct RunResult {
  std::size_t bytes_written = 0;
  std::size_t files_written = 0;
  std::size_t from_cache = 0;        ///< tensors whose encoded bytes were found there
  std::size_t n_damaged = 0;         ///< entries that could not be used, and were made anew
  std::size_t not_kept = 0;          ///< encoded tensors that the cache could not take
  std::string cache_error;           ///< why, of the first one
  std::set<std::string> cache_keys;  ///< of the entries that were found or made
  base::Findings findings;           ///< long stretches of zeros in the source
};

/// Writes every output file that is not skipped, each under a temporary name until all are whole;
/// with Request::partial, which goes on from there, until itself is.
/// Rows are encoded in chunks by the team, in any order; bytes depend neither on the number of
/// threads nor on the kernels. Memory: a few chunks a thread and the importance vectors of the
/// tensors in work. Reports bytes of source data done; one line of log a tensor, in file order. A
/// cache that cannot be written to (disk full) does not stop the run. Throws Fault::interrupted
/// when asked to stop, Fault::io, Fault::bad_input (NaN in the source, a block that the format's
/// own check refuses, a source that changes while it is read: nothing that was made of it is kept
/// but the tensors that were finished before).
RunResult run_plan(const TensorSource& source, const Plan& plan, runtime::Runtime& runtime,
                   const TensorCache* cache = nullptr);

/// One line of at most `width` columns (40 or more) for people; long names lose their beginning.
std::string short_tensor_line(const Job& job, std::size_t index, std::size_t n, std::size_t width);
/// The log lines of a tensor and of the totals (docs/spec/recipes.md 11), as scripts know them.
/// `index` counts from 0.
std::vector<std::string> tensor_lines(const Job& job, std::size_t index, std::size_t n);
std::string total_line(std::string_view what, std::size_t bytes, const Plan& plan);

}  // namespace cook
