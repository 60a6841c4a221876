// Formats without rows: a tensor is one sequence of weights, and what they share stands at its end.
// They are only read. Each names the row format that holds the same values, and everything above
// the container works on those rows.
#pragma once

#include "quant/codec.h"

namespace quant {

struct FlatFormat {
  std::uint32_t id;       ///< tensor type number in files
  std::string_view name;  ///< spelling of the public programs
  Readers readers = Readers::ik_only;
  std::size_t block_elems;  ///< weights a block, counted over the whole tensor
  std::size_t block_bytes;
  std::size_t tail_bytes;  ///< behind the last block
  const Codec* rows;       ///< the row format of the same values
  std::string_view spec;

  /// Bytes of n weights, n a multiple of block_elems.
  std::size_t bytes(std::size_t n) const noexcept {
    return n / block_elems * block_bytes + tail_bytes;
  }

  /// Lossless: out.size() / rows->row_bytes(cols) rows of `cols` weights, whose first weight is
  /// number `skip` (a multiple of rows->block_elems) of `blocks`. tail.size() == tail_bytes.
  void (*to_rows)(std::span<const std::byte> blocks, std::size_t skip,
                  std::span<const std::byte> tail, std::size_t cols,
                  std::span<std::byte> out) noexcept;
};

std::span<const FlatFormat* const> all_flat_formats() noexcept;

/// Null if no such format has this id.
const FlatFormat* find_flat_format(std::uint32_t id) noexcept;
/// By name, ignoring case.
const FlatFormat* find_flat_format(std::string_view name) noexcept;

}  // namespace quant
