// Progress on a terminal: one line that is redrawn, with time left; sparse plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>

#include "base/progress.h"

namespace cli {

/// Writes to stderr. On a terminal a bar is redrawn at most ten times a second; otherwise a line
/// appears at every tenth of the work, at least ten seconds apart.
class TerminalProgress final : public base::Progress {
 public:
  TerminalProgress();
  ~TerminalProgress() override;
  TerminalProgress(const TerminalProgress&) = delete;
  TerminalProgress& operator=(const TerminalProgress&) = delete;

  void update(std::string_view what, std::uint64_t done, std::uint64_t total, std::string_view unit,
              std::string_view detail) override;
  void log(std::string_view line) override;
  /// Takes the bar away, so that something else can be printed.
  void clear();
  /// No bar on a terminal from now on.
  void hide() { hidden_ = true; }

 private:
  using Clock = std::chrono::steady_clock;
  void draw(std::string_view what, std::uint64_t done, std::uint64_t total, std::string_view unit,
            std::string_view detail, double seconds);

  bool terminal_;
  bool drawn_ = false;
  bool hidden_ = false;
  std::string what_;
  std::uint64_t next_tenth_ = 1;
  Clock::time_point start_, last_;
};

/// "1:05" or "2:03:07".
std::string clock_text(double seconds);

}  // namespace cli
