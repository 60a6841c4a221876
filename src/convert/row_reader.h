#pragma once

#include <span>

#include "convert/tensor_plan.h"

namespace convert {

/// Rows [first, first + n) of an output tensor, counted over all its matrices, in its type; `out`
/// has n rows of bytes. Memory: the rows themselves and a few rows of the source. Thread-safe.
/// Throws Fault::io; Fault::bad_file for NaN codes and scales of packed values (tensor, row,
/// column).
void read_rows(const ModelFolder& folder, const OutTensor& tensor, std::size_t first, std::size_t n,
               std::span<std::byte> out);

/// Value of an e4m3 code without infinities; 0x7F and 0xFF are NaN.
float e4m3_value(std::uint8_t code) noexcept;

/// 32 codes as published (two neighbours a byte, low first) and their scale as a GGUF block: the
/// scale, then byte j with elements j and j + 16. `out` has 17 bytes.
void repack_mxfp4(std::span<const std::byte> codes, std::byte scale,
                  std::span<std::byte> out) noexcept;

}  // namespace convert
