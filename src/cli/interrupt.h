#pragma once

#include "base/progress.h"

namespace cli {

/// The stop flag that Ctrl-C (SIGINT), SIGTERM and SIGHUP set; handlers are installed by the first
/// call. A second Ctrl-C ends the program at once: files under final names are whole at any moment.
const base::StopFlag& interrupt_flag();
/// Sets it; may be called by signal handlers.
void request_stop() noexcept;
/// For programs that go on after a Ctrl-C: what was asked to stop has stopped. Throws
/// Fault::interrupted if it was not the user who asked (lost_page.h).
void clear_interrupt();

}  // namespace cli
