// The table for AVX2 with byte dot products (AVX-VNNI). One translation unit: everything but the
// table is internal.
#include "kernels/table.h"

#if defined(__x86_64__)
#include "kernels/avx2/q8_inl.h"
#include "kernels/avxvnni/dot_inl.h"
#include "kernels/cpu.h"
#include "kernels/shared/matmul_q8_inl.h"
#include "kernels/shared/panel_q8_inl.h"
#include "kernels/tables.h"

namespace kernels {
namespace {
constexpr std::size_t kQ8Rows = 12;
using ByteRows = FewRows<VnniDot>;
using BytePanels = PanelQ8<VnniDot>;
/// Unpackers are plain AVX2 code, compiled once.
Unpack find_unpacker(const quant::Codec& codec) noexcept { return avx2_table.unpacker(codec); }
Decode find_decoder(const quant::Codec& codec) noexcept { return avx2_table.decoder(codec); }
}  // namespace
}  // namespace kernels

#include "kernels/shared/table_inl.h"

namespace kernels {
constinit const KernelTable avxvnni_table =
    make_table("avxvnni", "AVX2 FMA F16C, AVX-VNNI", cpu_has_avx_vnni);
}  // namespace kernels
#endif
