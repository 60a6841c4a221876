// Long stretches of zero bytes: what a download that broke off or a disk that lost blocks leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tensor/tensor.h"

namespace gguf {

/// Where the rows of a tensor lie.
struct RowGrid {
  std::size_t start = 0;        ///< offset of the first
  std::size_t n_rows = 0;       ///< of all matrices
  std::size_t group_bytes = 1;  ///< of a row, or of rows that are interleaved
  std::size_t block_bytes = 1;

  RowGrid() = default;
  RowGrid(const quant::Codec& codec, const tensor::Shape& shape, std::size_t start_);
};

/// What long stretches of zeros in a tensor look like. A hole of a broken download begins and ends
/// within a row. Rows that are zero throughout may be meant (tokens that were never trained, pruned
/// heads), and so may columns that are zero in many rows (padding).
enum class ZeroKind : std::uint8_t { none, rows, columns, hole };

/// Some long stretches, in bytes.
struct ZeroStretches {
  std::size_t n = 0, bytes = 0;
  std::size_t longest = 0, longest_at = 0;  ///< offset; of equal ones the first

  void add(std::size_t at, std::size_t size) noexcept;
  void add(const ZeroStretches& more) noexcept;
};

struct ZeroVerdict {
  ZeroKind kind = ZeroKind::none;
  ZeroStretches stretches;  ///< those that look so

  /// "65472 bytes of zeros from byte 28077984 of the file on: a hole of a broken download or
  /// copy?"; `whole` is what offsets count from: "file".
  std::string text(std::string_view whole) const;
};

/// Zero stretches of the bytes of one tensor, found in steps of 64 bytes; joined piece by piece.
class ZeroRuns {
 public:
  /// Shorter ones are not told: rows of few values may well be zero.
  static constexpr std::size_t kLong = 4096;

  ZeroRuns() = default;
  /// `offset`: of the bytes, counted as that of the grid.
  ZeroRuns(std::span<const std::byte> bytes, std::size_t offset, const RowGrid& grid) noexcept;
  /// Takes the bytes that follow.
  void append(const ZeroRuns& next) noexcept;
  /// The same bytes as if none were zero.
  ZeroRuns without_zeros() const noexcept;
  /// Offset behind the last byte.
  std::size_t end() const noexcept { return head_at_ + size_; }
  /// Of what was taken so far, as if nothing followed. A hole outweighs whole rows.
  ZeroVerdict verdict() const noexcept;

 private:
  void count(std::size_t at, std::size_t size) noexcept;

  RowGrid grid_;
  std::size_t size_ = 0;
  std::size_t head_at_ = 0;  // offset of the first byte
  // Zeros at the front and at the end, not counted yet; equal if there is nothing else.
  std::size_t head_ = 0;
  std::size_t run_ = 0, run_at_ = 0;
  ZeroStretches rows_, ragged_;  // whole rows, and all others
};

}  // namespace gguf
