// Runs of zero bytes: what a hole of a broken download or copy leaves in the data of a tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tensor {

struct ZeroRun {
  std::size_t offset = 0, size = 0;  ///< bytes
};

/// All runs of at least kShortestRun zero bytes, in order, each as long as it goes. Looks at few
/// bytes where there are none.
inline constexpr std::size_t kShortestRun = 4096;
std::vector<ZeroRun> zero_runs(std::span<const std::byte> bytes);

/// Rows of `row_bytes` bytes that are zero throughout. The size is a multiple of row_bytes.
std::uint64_t count_zero_rows(std::span<const std::byte> bytes, std::size_t row_bytes);

}  // namespace tensor
