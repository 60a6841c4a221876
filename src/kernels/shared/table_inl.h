// The functions of a table that multiplies few rows of x by bytes and many by f32 or byte panels.
// Included once by the table.cpp of an instruction set, after its weave_inl.h and
//   kQ8Rows        rows of x up to which one pass over the weights with byte products beats panels
//   ByteRows       FewRows of a q8_inl.h
//   BytePanels     PanelQ8 of panel_q8_inl.h, or NoBytePanels: many rows of x go through f32
//   find_unpacker, find_decoder  those of a format or null
#pragma once

#include "kernels/shared/attention_inl.h"
#include "kernels/shared/matmul_f32_inl.h"
#include "kernels/shared/matmul_q8_inl.h"
#include "kernels/shared/ops_inl.h"
#include "kernels/table.h"

namespace kernels {
namespace {

Packing packing(const quant::Codec& codec, std::size_t n_rows) noexcept {
  const bool bytes = (n_rows <= kQ8Rows || BytePanels::kAny) && find_unpacker(codec) != nullptr;
  return bytes ? Packing::q8 : Packing::f32;
}

std::size_t packed_row_bytes(Packing packing, std::size_t cols) noexcept {
  return packing == Packing::q8 ? rounded(cols, kChunkCols) / kChunkCols * sizeof(Q8Chunk)
                                : f32_row_bytes(cols);
}

void pack(Packing packing, const float* x, std::size_t x_stride, std::size_t n, std::size_t cols,
          std::byte* out) noexcept {
  const std::size_t bytes = packed_row_bytes(packing, cols);
  for (std::size_t t = 0; t < n; ++t) {
    packing == Packing::q8 ? pack_q8(x + t * x_stride, cols, out + t * bytes)
                           : pack_f32(x + t * x_stride, cols, out + t * bytes);
  }
}

std::size_t matmul_scratch(const quant::Codec& codec, std::size_t cols,
                           std::size_t n_rows) noexcept {
  if (packing(codec, n_rows) == Packing::f32) {
    return f32_scratch(codec, find_unpacker(codec), cols, n_rows);
  }
  return n_rows <= kQ8Rows ? q8_scratch(cols, n_rows) : BytePanels::scratch(n_rows);
}

std::size_t matmul_rows(const quant::Codec& codec, std::size_t cols, std::size_t n_rows) noexcept {
  return preferred_rows(codec, cols, n_rows);
}

void matmul(const MatmulArgs& args) noexcept {
  const Unpack unpack = find_unpacker(*args.codec);
  if (args.packing == Packing::f32) return matmul_f32(args, unpack);
  args.n_rows <= kQ8Rows ? ByteProduct<ByteRows>(args, unpack).run()
                         : BytePanels(args, unpack).run();
}

Unpack unpacker(const quant::Codec& codec) noexcept { return find_unpacker(codec); }

}  // namespace
}  // namespace kernels

#include "kernels/shared/make_table_inl.h"
