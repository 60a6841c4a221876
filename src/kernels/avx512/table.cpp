// The table for AVX-512 without byte dot products. One translation unit: everything but the table
// is internal.
#include "kernels/table.h"

#if defined(__x86_64__)
#include "kernels/avx512/dot_inl.h"
#include "kernels/avx512/q8_inl.h"
#include "kernels/cpu.h"
#include "kernels/shared/matmul_q8_inl.h"
#include "kernels/shared/unpackers_inl.h"
#include "kernels/tables.h"

namespace kernels {
namespace {
constexpr std::size_t kQ8Rows = 12;
using ByteRows = FewRows<MaddDot>;
using BytePanels = NoBytePanels;
}  // namespace
}  // namespace kernels

#include "kernels/shared/table_inl.h"

namespace kernels {
constinit const KernelTable avx512_table =
    make_table("avx512", "AVX-512 F BW DQ VL", cpu_has_avx512);
}  // namespace kernels
#endif
