// The table for AVX2 with FMA and F16C. One translation unit: everything but the table is internal.
#include "kernels/table.h"

#if defined(__x86_64__)
#include "kernels/avx2/q8_inl.h"
#include "kernels/cpu.h"
#include "kernels/shared/attention_inl.h"
#include "kernels/shared/ops_inl.h"
#include "kernels/tables.h"

namespace kernels {
namespace {
constexpr std::size_t kQ8Rows = 8;  // rows of x up to which byte products win
}  // namespace
}  // namespace kernels

#include "kernels/shared/table_inl.h"

namespace kernels {

constinit const KernelTable avx2_table{.name = "avx2",
                                       .needs = "AVX2 FMA F16C",
                                       .supported = cpu_has_avx2,
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
