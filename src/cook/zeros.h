// Long stretches of zeros in the tensors that are read: holes of a broken download or copy.
#pragma once

#include <map>
#include <mutex>

#include "base/error.h"
#include "cook/plan.h"
#include "gguf/zero_runs.h"

namespace cook {

/// Looks at pieces of source data that are in memory anyway; from any thread, in any order.
class ZeroWatch {
 public:
  ZeroWatch(const TensorSource& source, const Plan& plan) : source_(source), plan_(plan) {}

  /// Bytes of the source of `job` (index into the plan) from byte `offset` of its data on, each
  /// byte once.
  void look(std::size_t job, std::size_t offset, std::span<const std::byte> bytes);
  /// One a tensor, in the order of the plan; each was looked at from end to end. Nothing about
  /// vectors, nor about rows of tokens, which may never occur.
  base::Findings findings() const;

 private:
  const TensorSource& source_;
  const Plan& plan_;
  std::mutex lock_;
  // By job, then by offset; pieces that touch are one, so that there are hardly more than threads.
  std::map<std::size_t, std::map<std::size_t, gguf::ZeroRuns>> seen_;
};

}  // namespace cook
