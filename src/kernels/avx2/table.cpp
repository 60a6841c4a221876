// The table for AVX2 with FMA and F16C. One translation unit: everything but the table is internal.
#include "kernels/table.h"

#if defined(__x86_64__)
#include "kernels/avx2/dot_inl.h"
#include "kernels/avx2/q8_inl.h"
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
constinit const KernelTable avx2_table = make_table("avx2", "AVX2 FMA F16C", cpu_has_avx2);
}  // namespace kernels
#endif
