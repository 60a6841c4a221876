// The table for AVX-512 with VNNI. One translation unit: everything but the table is internal.
#include "kernels/table.h"

#if defined(__x86_64__)
#include "kernels/avx512/q8_inl.h"
#include "kernels/avx512vnni/dot_inl.h"
#include "kernels/cpu.h"
#include "kernels/shared/matmul_q8_inl.h"
#include "kernels/shared/panel_q8_inl.h"
#include "kernels/tables.h"

namespace kernels {
namespace {
constexpr std::size_t kQ8Rows = 14;
using ByteRows = FewRows<VnniDot>;
using BytePanels = PanelQ8<VnniDot>;
/// Unpackers are plain AVX2 code, compiled once.
Unpack find_unpacker(const quant::Codec& codec) noexcept { return avx512_table.unpacker(codec); }
Decode find_decoder(const quant::Codec& codec) noexcept { return avx512_table.decoder(codec); }
}  // namespace
}  // namespace kernels

#include "kernels/shared/table_inl.h"

namespace kernels {
constinit const KernelTable avx512vnni_table =
    make_table("avx512vnni", "AVX-512 F BW DQ VL VNNI", cpu_has_avx512_vnni);
}  // namespace kernels
#endif
