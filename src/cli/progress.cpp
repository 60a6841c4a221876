#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "cli/terminal.h"

namespace cli {
namespace {
constexpr std::size_t kBarWidth = 24;
constexpr double kRedrawSeconds = 0.1;
constexpr double kLineSeconds = 10;

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}
}  // namespace

std::string clock_text(double seconds) {
  const auto s = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

std::optional<double> seconds_left(std::uint64_t first, std::uint64_t done, std::uint64_t total,
                                   double seconds) noexcept {
  if (done <= first) return std::nullopt;
  const auto steps = static_cast<double>(done - first);
  return done >= total ? 0 : seconds / steps * static_cast<double>(total - done);
}

TerminalProgress::TerminalProgress()
    : terminal_(is_screen(STDERR_FILENO)), start_(Clock::now()), last_(start_) {}

TerminalProgress::~TerminalProgress() { clear(); }

void TerminalProgress::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

void TerminalProgress::update(std::string_view what, std::uint64_t done, std::uint64_t total,
                              std::string_view unit, std::string_view detail) {
  const auto now = Clock::now();
  if (what != what_ || done == 0) {
    what_ = what;
    start_ = now;
    last_ = now - std::chrono::hours(1);
    first_done_ = done;
    next_tenth_ = total == 0 ? 1 : done * 10 / total + 1;
    if (!terminal_) last_ = now;
  }
  const double since_last = std::chrono::duration<double>(now - last_).count();
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const auto seconds_to_go = seconds_left(first_done_, done, total, seconds);
  const std::string left =
      seconds_to_go ? fmt::format(", {} left", clock_text(*seconds_to_go)) : std::string();
  if (terminal_) {
    if (hidden_) return;
    if (since_last < kRedrawSeconds && done < total) return;
    last_ = now;
    if (done >= total) return clear();
    draw(what, done, total, unit, detail, left);
    return;
  }
  if (total == 0 || done * 10 < next_tenth_ * total || since_last < kLineSeconds) return;
  last_ = now;
  next_tenth_ = done * 10 / total + 1;
  const std::string count = unit.empty() ? fmt::format("{} %", 100 * done / total)
                                         : fmt::format("{} of {} {}", done, total, unit);
  fmt::print(stderr, "{}: {}{}{}{}\n", what, count, left, detail.empty() ? "" : "  ", detail);
}

void TerminalProgress::draw(std::string_view what, std::uint64_t done, std::uint64_t total,
                            std::string_view unit, std::string_view detail,
                            const std::string& left) {
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
  const auto filled = static_cast<std::size_t>(share * kBarWidth);
  std::string line = fmt::format("{} [{:#<{}}{:.<{}}] {:3.0f} %", what, "", filled, "",
                                 kBarWidth - filled, 100 * share);
  // Without a unit the counts are no news for people.
  if (!unit.empty()) line += fmt::format(" {} of {} {}", done, total, unit);
  line += left;
  if (!detail.empty()) line += fmt::format("  {}", detail);
  const std::size_t width = terminal_width();
  if (line.size() >= width) line.resize(width - 1);
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  drawn_ = true;
}

void TerminalProgress::log(std::string_view line) {
  clear();
  fmt::print(stderr, "{}\n", line);
}

}  // namespace cli
