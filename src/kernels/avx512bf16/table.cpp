// The table for AVX-512 with VNNI and BF16: few rows of x times bf16 weights; all else is the table
// with VNNI. Many rows of x gain nothing: with two parts of x, bf16 products do as many
// multiply-adds an instruction as f32 ones.
#include "kernels/table.h"

#if defined(__x86_64__)
#include "kernels/avx512bf16/rows_bf16_inl.h"
#include "kernels/cpu.h"
#include "kernels/shared/ops_inl.h"
#include "kernels/tables.h"

namespace kernels {
namespace {

Packing packing(const quant::Codec& codec, std::size_t n_rows) noexcept {
  const bool bf16 = n_rows <= kBf16Rows && plain_format(codec) == Plain::bf16;
  return bf16 ? Packing::bf16 : avx512vnni_table.packing(codec, n_rows);
}

std::size_t packed_row_bytes(Packing packing, std::size_t cols) noexcept {
  return packing == Packing::bf16 ? bf16_row_bytes(cols)
                                  : avx512vnni_table.packed_row_bytes(packing, cols);
}

void pack(Packing packing, const float* x, std::size_t x_stride, std::size_t n, std::size_t cols,
          std::byte* out) noexcept {
  if (packing != Packing::bf16) return avx512vnni_table.pack(packing, x, x_stride, n, cols, out);
  const std::size_t bytes = packed_row_bytes(packing, cols);
  for (std::size_t t = 0; t < n; ++t) {
    pack_bf16(x + t * x_stride, cols, out + t * bytes);
  }
}

std::size_t matmul_scratch(const quant::Codec& codec, std::size_t cols,
                           std::size_t n_rows) noexcept {
  return packing(codec, n_rows) == Packing::bf16
             ? 0
             : avx512vnni_table.matmul_scratch(codec, cols, n_rows);
}

std::size_t matmul_rows(const quant::Codec& codec, std::size_t cols, std::size_t n_rows) noexcept {
  return avx512vnni_table.matmul_rows(codec, cols, n_rows);
}

void matmul(const MatmulArgs& args) noexcept {
  args.packing == Packing::bf16 ? matmul_rows_bf16(args) : avx512vnni_table.matmul(args);
}

std::size_t attention_scratch(const AttentionArgs& args) noexcept {
  return avx512vnni_table.attention_scratch(args);
}
void attention(const AttentionArgs& args) noexcept { avx512vnni_table.attention(args); }

Unpack unpacker(const quant::Codec& codec) noexcept { return avx512vnni_table.unpacker(codec); }
Decode find_decoder(const quant::Codec& codec) noexcept { return avx512vnni_table.decoder(codec); }

}  // namespace
}  // namespace kernels

#include "kernels/shared/make_table_inl.h"

namespace kernels {
constinit const KernelTable avx512bf16_table =
    make_table("avx512bf16", "AVX-512 F BW DQ VL VNNI BF16", cpu_has_avx512_bf16);
}  // namespace kernels
#endif
