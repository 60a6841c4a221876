#pragma once

#include "base/progress.h"

namespace cli {

/// The stop flag that Ctrl-C (SIGINT), SIGTERM and SIGHUP set; handlers are installed by the first
/// call. A second Ctrl-C ends the program at once: files under final names are whole at any moment.
/// When the reader of the output goes away (SIGPIPE) it is set, too, so that nothing half made
/// stays.
const base::StopFlag& interrupt_flag();
/// Sets it; may be called by signal handlers.
void request_stop() noexcept;
/// What shells expect of a program that a signal has ended: 130 after Ctrl-C, 143 after SIGTERM.
int interrupt_exit_code() noexcept;
/// Whether it was not Ctrl-C that was asked with, which a conversation survives.
bool told_to_end() noexcept;
/// Whether it was the reader of the output who went away: there is nobody to tell.
bool reader_is_gone() noexcept;
/// For programs that go on after a Ctrl-C: what was asked to stop has stopped. Throws
/// Fault::interrupted if it was not the user who asked (lost_page.h).
void clear_interrupt();

}  // namespace cli
