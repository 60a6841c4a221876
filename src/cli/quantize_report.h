// What `quantize` tells about a plan: totals as scripts know them, and the report of a dry run.
#pragma once

#include "cook/plan.h"

namespace cli {

/// The two lines of totals and the number of fallbacks, to stderr.
void print_totals(const cook::Plan& plan);

/// Types by tensor with reasons to stderr; to stdout types and bits by role, exact sizes, and what
/// the run would take: room on the disk, memory, time.
void print_dry_run(const cook::Plan& plan, std::size_t n_threads);

}  // namespace cli
