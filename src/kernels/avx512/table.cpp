// The table for AVX-512 with VNNI. One translation unit: everything but the table is internal.
#include "kernels/table.h"

#if defined(__x86_64__)
#include "kernels/avx512/q8_inl.h"
#include "kernels/cpu.h"
#include "kernels/shared/attention_inl.h"
#include "kernels/shared/matmul_f32_inl.h"
#include "kernels/shared/matmul_q8_inl.h"
#include "kernels/shared/ops_inl.h"
#include "kernels/shared/unpackers_inl.h"
#include "kernels/tables.h"

namespace kernels {
namespace {

/// Up to this many rows of x, one pass over the weights with byte products beats f32 panels.
constexpr std::size_t kQ8Rows = 16;

Packing packing(const quant::Codec& codec, std::size_t n_rows) noexcept {
  return n_rows <= kQ8Rows && find_unpacker(codec) != nullptr ? Packing::q8 : Packing::f32;
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
  return packing(codec, n_rows) == Packing::q8
             ? q8_scratch(n_rows)
             : f32_scratch(codec, find_unpacker(codec), cols, n_rows);
}

std::size_t matmul_rows(const quant::Codec& codec, std::size_t cols, std::size_t n_rows) noexcept {
  return preferred_rows(codec, cols, n_rows);
}

void matmul(const MatmulArgs& args) noexcept {
  const Unpack unpack = find_unpacker(*args.codec);
  args.packing == Packing::q8 ? matmul_q8(args, unpack) : matmul_f32(args, unpack);
}

Unpack unpacker(const quant::Codec& codec) noexcept { return find_unpacker(codec); }

}  // namespace

constinit const KernelTable avx512_table{.name = "avx512",
                                         .needs = "AVX-512 F BW DQ VL VNNI",
                                         .supported = cpu_has_avx512,
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
                                         .sum_exp = sum_exp,
                                         .to_cache = to_cache,
                                         .from_cache = from_cache,
                                         .unpacker = unpacker};

}  // namespace kernels
#endif
