// What `quantize` tells about a plan: totals as scripts know them, and the report of a dry run.
#pragma once

#include <filesystem>

#include "cook/plan.h"

namespace cli {

/// Columns that lines about tensors are fitted to: those of the terminal that stderr is, if it is
/// too narrow for the lines of the public programs; else 0.
std::size_t log_columns();

/// The two lines of totals and the number of fallbacks, to stderr.
void print_totals(const cook::Plan& plan);

/// Types by tensor with reasons to stderr; to stdout types and bits by role, exact sizes, and what
/// the run would take: room on the disk, also in the folder of encoded tensors if there is to be
/// one (empty: none), memory, time.
void print_dry_run(const cook::Plan& plan, std::size_t n_threads,
                   const std::filesystem::path& cache);

}  // namespace cli
