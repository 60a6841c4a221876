// Pages of mapped files that cannot be read any more: the file has become shorter, or the disk
// fails.
#pragma once

#include "base/error.h"

namespace cli {

/// From now on such a page reads as zeros instead of ending the program (SIGBUS), and the flag of
/// `interrupt_flag` is set, so that all work stops at its next look at it.
void guard_mapped_files();
/// Some page was lost: what was computed since is worth nothing.
bool page_was_lost() noexcept;
/// Which file, and where in it.
base::Error lost_page_error();

}  // namespace cli
