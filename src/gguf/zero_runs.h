// Long stretches of zero bytes: what a download that broke off or a disk that lost blocks leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gguf {

/// Zero stretches of a run of bytes, found in steps of 64 bytes; joined piece by piece in order.
class ZeroRuns {
 public:
  /// Shorter ones are not told: rows of few values may well be zero.
  static constexpr std::size_t kLong = 4096;

  ZeroRuns() = default;
  /// `offset`: of the bytes in their file.
  ZeroRuns(std::span<const std::byte> bytes, std::size_t offset) noexcept;
  /// Takes the bytes that follow.
  void append(const ZeroRuns& next) noexcept;
  /// Nothing follows.
  void finish() noexcept;

  std::size_t n_long() const noexcept { return n_long_; }
  std::size_t long_bytes() const noexcept { return long_bytes_; }  ///< in all long ones
  std::size_t longest() const noexcept { return longest_; }        ///< bytes
  std::size_t longest_at() const noexcept { return longest_at_; }  ///< offset in the file
  /// The longest stretch covers rows from end to end, and next to nothing beside them: a row there
  /// may end or begin with a few zeros itself, up to `slack` bytes. `row_bytes`: of rows, or of
  /// groups that are interleaved; `start`: offset of the first.
  bool is_whole_rows(std::size_t start, std::size_t row_bytes, std::size_t slack) const noexcept;

 private:
  void count(std::size_t at, std::size_t size) noexcept;

  std::size_t size_ = 0;
  std::size_t head_at_ = 0;  // offset of the first byte
  // Zeros at the front and at the end, not counted yet; equal if there is nothing else.
  std::size_t head_ = 0;
  std::size_t run_ = 0, run_at_ = 0;
  std::size_t n_long_ = 0, long_bytes_ = 0, longest_ = 0, longest_at_ = 0;
};

}  // namespace gguf
