#include "cli/interrupt.h"

#include <csignal>

#include "cli/lost_page.h"
#include "cli/terminal.h"

namespace cli {
namespace {

// A signal handler has no argument to carry state: this flag is the one exception to "no globals".
base::StopFlag g_stop;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
volatile std::sig_atomic_t g_signal = SIGINT;

void on_signal(int signal) {
  if (g_stop.requested()) {
    restore_terminal();
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  g_signal = signal;
  g_stop.request();
}

/// Every write to the pipe brings one: no reason to end at once.
void on_broken_pipe(int signal) {
  if (!g_stop.requested()) g_signal = signal;
  g_stop.request();
}

bool install() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  // No SA_RESTART: a blocking read must come back, so that its loop sees the flag.
  struct sigaction broken_pipe = action;
  broken_pipe.sa_handler = on_broken_pipe;
  return ::sigaction(SIGPIPE, &broken_pipe, nullptr) == 0 &&
         ::sigaction(SIGINT, &action, nullptr) == 0 &&
         ::sigaction(SIGTERM, &action, nullptr) == 0 &&
         ::sigaction(SIGHUP, &action, nullptr) == 0 &&
         // A file size limit is an error of the write, with a message, and not a death.
         std::signal(SIGXFSZ, SIG_IGN) != SIG_ERR;
}

}  // namespace

const base::StopFlag& interrupt_flag() {
  static const bool installed = install();
  static_cast<void>(installed);
  return g_stop;
}

void request_stop() noexcept { g_stop.request(); }

int interrupt_exit_code() noexcept { return 128 + g_signal; }

bool told_to_end() noexcept { return g_stop.requested() && g_signal != SIGINT; }

bool reader_is_gone() noexcept { return g_stop.requested() && g_signal == SIGPIPE; }

void clear_interrupt() {
  if (page_was_lost()) g_stop.check();
  g_stop.clear();
}

}  // namespace cli
