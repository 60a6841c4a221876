// runtime/: runs plans: linear, attention, MLA, experts, norms; threads, residency of weights,
// caches, the two drivers. It must not know files of importance, measures or commands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/progress.h"
#include "kernels/table.h"

namespace runtime {

/// A resident team of threads. Work is handed out by chunks in any order; results never depend on
/// it.
class Team {
 public:
  /// n_threads >= 1, this thread included.
  explicit Team(std::size_t n_threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  std::size_t size() const noexcept;
  /// Calls task(i, thread) for every i in [0, n), thread in [0, size()); returns when all are done.
  /// The first exception stops the hand-out and is rethrown here.
  void run(std::size_t n, const std::function<void(std::size_t i, std::size_t thread)>& task);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What every computation needs and nobody keeps in a global.
struct Runtime {
  Team& team;
  const kernels::KernelTable& kernels;
  base::Progress& progress;
  const base::StopFlag& stop;
  std::size_t memory_budget = 0;  ///< bytes; 0 = what the machine has
  std::uint64_t seed = 0;
};

}  // namespace runtime
