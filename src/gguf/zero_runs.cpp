#include "gguf/zero_runs.h"

#include <algorithm>
#include <cstring>

namespace gguf {
namespace {

constexpr std::size_t kStep = 64;

/// The first bytes of a step mostly tell. No branch in the loop, so that it becomes vector
/// instructions.
bool is_zero(const std::byte* p, std::size_t n) noexcept {
  std::uint64_t any = 0;
  std::size_t i = 0;
  if (n >= 8) {
    std::memcpy(&any, p, 8);
    if (any != 0) return false;
  }
  for (; i + 8 <= n; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, p + i, 8);
    any |= word;
  }
  for (; i < n; ++i) any |= std::to_integer<std::uint64_t>(p[i]);
  return any == 0;
}

}  // namespace

ZeroRuns::ZeroRuns(std::span<const std::byte> bytes, std::size_t offset) noexcept
    : size_(bytes.size()), head_at_(offset) {
  for (std::size_t at = 0; at < bytes.size(); at += kStep) {
    const std::size_t n = std::min(kStep, bytes.size() - at);
    if (is_zero(bytes.data() + at, n)) {
      if (run_ == 0) run_at_ = offset + at;
      run_ += n;
      continue;
    }
    // A stretch at the front may go on from the piece before: it waits for `append`.
    if (run_ == at) {
      head_ = run_;
    } else {
      count(run_at_, run_);
    }
    run_ = 0;
  }
  if (run_ == size_) {  // zeros only
    head_ = run_;
  }
}

void ZeroRuns::append(const ZeroRuns& next) noexcept {
  if (next.size_ == 0) return;
  if (size_ == 0) {
    *this = next;
    return;
  }
  const bool was_zero = run_ == size_;
  if (run_ == 0) run_at_ = next.head_at_;
  run_ += next.head_;
  size_ += next.size_;
  if (next.head_ < next.size_) {
    if (was_zero) {
      head_ = run_;
    } else {
      count(run_at_, run_);
    }
    run_ = next.run_;
    run_at_ = next.run_at_;
  } else if (was_zero) {
    head_ = run_;
  }
  n_long_ += next.n_long_;
  long_bytes_ += next.long_bytes_;
  if (next.longest_ > longest_) {
    longest_ = next.longest_;
    longest_at_ = next.longest_at_;
  }
}

void ZeroRuns::finish() noexcept {
  if (head_ < size_ || size_ == 0) count(head_at_, head_);
  count(run_at_, run_);
  head_ = run_ = 0;
}

void ZeroRuns::count(std::size_t at, std::size_t size) noexcept {
  if (size < kLong) return;
  ++n_long_;
  long_bytes_ += size;
  if (size <= longest_) return;
  longest_ = size;
  longest_at_ = at;
}

bool ZeroRuns::is_whole_rows(std::size_t start, std::size_t row_bytes,
                             std::size_t slack) const noexcept {
  const std::size_t within = (longest_at_ - start) % row_bytes;
  const std::size_t before = (row_bytes - within) % row_bytes;
  const std::size_t behind = (within + longest_) % row_bytes;
  slack = std::max<std::size_t>(slack, kStep);
  return before + behind <= longest_ && before <= slack && behind <= slack;
}

}  // namespace gguf
