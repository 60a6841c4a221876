// The functions of a table, by their names. Included once by the table.cpp of an instruction set,
// behind them.
#pragma once

#include "kernels/table.h"

namespace kernels {
namespace {

constexpr KernelTable make_table(std::string_view name, std::string_view needs,
                                 bool (*supported)() noexcept) noexcept {
  return {.name = name,
          .needs = needs,
          .supported = supported,
          .packing = packing,
          .packed_row_bytes = packed_row_bytes,
          .pack = pack,
          .matmul_scratch = matmul_scratch,
          .matmul_rows = matmul_rows,
          .matmul = matmul,
          .attention_scratch = attention_scratch,
          .attention = attention,
          .rms_norm = rms_norm,
          .layer_norm = layer_norm,
          .silu_mul = silu_mul,
          .gelu_mul = gelu_mul,
          .add_scaled = add_scaled,
          .add_squares = add_squares,
          .largest = largest,
          .sum_exp = sum_exp,
          .to_cache = to_cache,
          .from_cache = from_cache,
          .unpacker = unpacker,
          .decoder = find_decoder};
}

}  // namespace
}  // namespace kernels
