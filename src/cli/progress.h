// Progress on a terminal: one line that is redrawn, with time left; sparse plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdio>
#include <optional>
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
            std::string_view detail, const std::string& left);

  bool terminal_;
  bool drawn_ = false;
  bool hidden_ = false;
  std::string what_;
  std::uint64_t first_done_ = 0;  ///< when this work was first told of: some may be older
  std::uint64_t next_tenth_ = 1;
  Clock::time_point start_, last_;
};

/// Seconds until `total` after `seconds` from `first` to `done`; nothing is known before the first
/// step. For work that other work interrupts, whose earlier part took another time.
std::optional<double> seconds_left(std::uint64_t first, std::uint64_t done, std::uint64_t total,
                                   double seconds) noexcept;

/// "1:05" or "2:03:07".
std::string clock_text(double seconds);

}  // namespace cli
