#include "cli/terminal.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "cli/paste.h"

namespace cli {
namespace {

// As the stop flag of interrupt.cpp: a signal handler has no argument to carry state.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<bool> g_held{false}, g_marks{false};
termios g_found{};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void write_now(std::string_view bytes) noexcept {
  if (::write(STDOUT_FILENO, bytes.data(), bytes.size()) < 0) return;  // nobody is there any more
}

}  // namespace

bool is_screen(int fd) {
  const char* const kind = std::getenv("TERM");
  return ::isatty(fd) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

bool wants_colour(std::string_view mode, int fd) {
  if (mode == "always" || mode == "on") return true;
  if (mode == "never" || mode == "off") return false;
  const char* const unwanted = std::getenv("NO_COLOR");
  return is_screen(fd) && (unwanted == nullptr || *unwanted == '\0');
}

std::string for_screen(std::string text, int fd) {
  const auto acts = [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u == 127 || (u < 32 && c != '\n' && c != '\r' && c != '\t');
  };
  if (std::none_of(text.begin(), text.end(), acts) || ::isatty(fd) != 1) return text;
  std::string out;
  for (const char c : text) {
    if (acts(c)) out += '^';
    out += acts(c) ? static_cast<char>(c ^ 64) : c;
  }
  return out;
}

Keyboard::Keyboard() {
  if (::tcgetattr(STDIN_FILENO, &g_found) != 0) return;
  g_held = true;
  g_marks = is_screen(STDOUT_FILENO);
  hold();
}

void Keyboard::hold() {
  if (!g_held) return;
  termios modes = g_found;
  // Not canonical either: keys like Ctrl-D would be acted on before an editor sees them.
  modes.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | IEXTEN);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
  if (g_marks) write_now(kPasteMarksOn);
}

Keyboard::~Keyboard() {
  if (!g_held.exchange(false)) return;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &g_found);
  if (g_marks.exchange(false)) write_now(kPasteMarksOff);
}

void restore_terminal() noexcept {
  if (!g_held) return;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &g_found);
  if (g_marks) {
    write_now("\033[0m");
    write_now(kPasteMarksOff);
  }
}

}  // namespace cli
