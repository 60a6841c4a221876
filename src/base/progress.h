// Where long work reports to, and how it is asked to stop. No output here: `cli/` draws a bar, a
// server sends events.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace base {

/// Receives the state of one long piece of work. Called from one thread at a time.
class Progress {
 public:
  virtual ~Progress() = default;
  /// `what` names the work ("quantize"), `detail` the present unit ("blk.3.ffn_up.weight").
  virtual void update(std::string_view what, std::uint64_t done, std::uint64_t total,
                      std::string_view unit, std::string_view detail) = 0;
  /// One line of log in between, without a line end.
  virtual void log(std::string_view line) = 0;
};

/// Drops everything.
class SilentProgress final : public Progress {
 public:
  void update(std::string_view, std::uint64_t, std::uint64_t, std::string_view,
              std::string_view) override {}
  void log(std::string_view) override {}
};

/// Set by Ctrl-C or by an owner; loops look at it between units of work.
class StopFlag {
 public:
  void request() noexcept { stop_.store(true, std::memory_order_relaxed); }
  void clear() noexcept { stop_.store(false, std::memory_order_relaxed); }
  bool requested() const noexcept { return stop_.load(std::memory_order_relaxed); }
  /// Throws Fault::interrupted if a stop was requested.
  void check() const {
    if (requested()) throw Error(Fault::interrupted, "interrupted");
  }

 private:
  std::atomic<bool> stop_{false};
};

}  // namespace base
