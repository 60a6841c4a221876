// Calls of codecs for instruction-set folders, which must not instantiate std::span themselves
// (style.md section 3.4).
#pragma once

#include <cstddef>

#include "kernels/table.h"
#include "quant/codec.h"

namespace kernels {

/// Decodes one row group: group_rows * cols floats, row-major.
void decode_group(const quant::Codec& codec, const std::byte* group, std::size_t cols,
                  float* out) noexcept;

/// The same with the table's own decoder if it has one, for what is decoded in bulk.
void decode_group(const KernelTable& table, const quant::Codec& codec, const std::byte* group,
                  std::size_t cols, float* out) noexcept;

/// Bytes of a row (of one lane of a group).
std::size_t row_bytes(const quant::Codec& codec, std::size_t cols) noexcept;

}  // namespace kernels
