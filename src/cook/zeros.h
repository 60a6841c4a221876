// Long stretches of zeros in the tensors that are read: holes of a broken download or copy.
#pragma once

#include <map>
#include <mutex>

#include "base/error.h"
#include "cook/plan.h"

namespace cook {

/// Looks at pieces of source data that are in memory anyway; from any thread, in any order.
class ZeroWatch {
 public:
  explicit ZeroWatch(const Plan& plan) : plan_(plan) {}

  /// Bytes of the source of `job` (index into the plan) from byte `offset` of its data on: whole
  /// rows. A stretch that goes on in another piece counts as two.
  void look(std::size_t job, std::size_t offset, std::span<const std::byte> bytes);
  /// One a tensor, in the order of the plan. Nothing about vectors, nor about rows of tokens, which
  /// may never occur.
  base::Findings findings() const;

 private:
  struct Zeros {
    std::size_t n = 0, bytes = 0, longest = 0, longest_at = 0;
    bool whole_rows = true;
  };
  base::Finding finding(const Job& job, const Zeros& zeros) const;

  const Plan& plan_;
  std::mutex lock_;
  std::map<std::size_t, Zeros> found_;  // by job; holds only tensors with long stretches
};

}  // namespace cook
