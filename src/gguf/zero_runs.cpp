#include "gguf/zero_runs.h"

#include <fmt/format.h>

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

/// The stretch covers rows from end to end, and next to nothing beside them: a row there may end or
/// begin with a few zeros itself.
bool is_whole_rows(const RowGrid& grid, std::size_t at, std::size_t size) noexcept {
  const std::size_t within = (at - grid.start) % grid.group_bytes;
  const std::size_t before = (grid.group_bytes - within) % grid.group_bytes;
  const std::size_t behind = (within + size) % grid.group_bytes;
  const std::size_t slack = std::max(grid.block_bytes, kStep);
  return before + behind <= size && before <= slack && behind <= slack;
}

}  // namespace

RowGrid::RowGrid(const quant::Codec& codec, const tensor::Shape& shape, std::size_t start_)
    : start(start_),
      n_rows(shape.rows()),
      group_bytes(std::max<std::size_t>(1, codec.row_bytes(shape.cols()) * codec.group_rows)),
      block_bytes(codec.block_bytes) {}

void ZeroStretches::add(std::size_t at, std::size_t size) noexcept {
  add({.n = 1, .bytes = size, .longest = size, .longest_at = at});
}

void ZeroStretches::add(const ZeroStretches& more) noexcept {
  n += more.n;
  bytes += more.bytes;
  if (more.longest < longest || (more.longest == longest && more.longest_at >= longest_at)) return;
  longest = more.longest;
  longest_at = more.longest_at;
}

std::string ZeroVerdict::text(std::string_view whole) const {
  const std::string more = stretches.n == 1 ? ""
                                            : fmt::format("; {} such stretches, {} bytes in all",
                                                          stretches.n, stretches.bytes);
  return fmt::format("{} bytes of zeros from byte {} of the {} on{}: {}", stretches.longest,
                     stretches.longest_at, whole, more,
                     kind == ZeroKind::rows      ? "whole rows"
                     : kind == ZeroKind::columns ? "padded columns?"
                                                 : "a hole of a broken download or copy?");
}

ZeroRuns::ZeroRuns(std::span<const std::byte> bytes, std::size_t offset,
                   const RowGrid& grid) noexcept
    : grid_(grid), size_(bytes.size()), head_at_(offset) {
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
  rows_.add(next.rows_);
  ragged_.add(next.ragged_);
}

ZeroRuns ZeroRuns::without_zeros() const noexcept {
  ZeroRuns values;
  values.grid_ = grid_;
  values.size_ = size_;
  values.head_at_ = head_at_;
  return values;
}

void ZeroRuns::count(std::size_t at, std::size_t size) noexcept {
  if (size >= kLong) (is_whole_rows(grid_, at, size) ? rows_ : ragged_).add(at, size);
}

ZeroVerdict ZeroRuns::verdict() const noexcept {
  ZeroRuns all = *this;
  if (head_ < size_) all.count(head_at_, head_);
  all.count(run_at_, run_);
  if (all.ragged_.n == 0) {
    return {.kind = all.rows_.n == 0 ? ZeroKind::none : ZeroKind::rows, .stretches = all.rows_};
  }
  const bool many = all.ragged_.n * 4 >= grid_.n_rows;
  return {.kind = many ? ZeroKind::columns : ZeroKind::hole, .stretches = all.ragged_};
}

}  // namespace gguf
