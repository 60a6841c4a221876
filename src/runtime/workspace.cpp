#include "runtime/workspace.h"

#include <algorithm>

#include "base/checked.h"
#include "runtime/rope.h"

namespace runtime {
namespace {
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
}

std::byte* Stack::take_bytes(std::size_t size) {
  size = base::round_up(std::max<std::size_t>(size, 1), 64);
  while (block_ < blocks_.size() && used_ + size > blocks_[block_].size()) {
    if (used_ == 0) {
      // Nothing lives in this block or behind it: replace them by one that is large enough.
      blocks_.resize(block_);
      break;
    }
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) blocks_.emplace_back(std::max(size, kBlockBytes));
  std::byte* p = blocks_[block_].data() + used_;
  used_ += size;
  return p;
}

const float* RopeTables::rows(const model::RopePlan& plan, const float* divisors,
                              std::size_t n_positions) {
  auto it = std::find_if(tables_.begin(), tables_.end(),
                         [&](const Table& t) { return t.plan == plan && t.divisors == divisors; });
  if (it == tables_.end()) {
    it = tables_.insert(tables_.end(), Table{.plan = plan, .divisors = divisors});
  }
  std::size_t have = it->values.size() / plan.n_rot;
  if (have < n_positions) {
    // Grow in steps, so that generation does not resize at every token.
    const std::size_t want = base::round_up(n_positions, 256);
    it->values.resize(want * plan.n_rot);
    for (; have < want; ++have) {
      rope_angles(plan, divisors, have, {it->values.data() + have * plan.n_rot, plan.n_rot});
    }
  }
  return it->values.data();
}

void Workspace::reserve_scratch(std::size_t n_threads, std::size_t size) {
  if (thread_scratch.size() < n_threads) thread_scratch.resize(n_threads);
  for (tensor::Buffer& b : thread_scratch) {
    if (b.size() < size) b = tensor::Buffer(base::round_up(size, 4096));
  }
}

}  // namespace runtime
