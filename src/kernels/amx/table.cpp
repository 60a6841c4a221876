// The table for AMX tiles: many rows of x as bf16; all else is the table's without tiles.
#include "kernels/table.h"

#if defined(__x86_64__)
#include "kernels/amx/panel_bf16_inl.h"
#include "kernels/cpu.h"
#include "kernels/shared/ops_inl.h"
#include "kernels/tables.h"

namespace kernels {
namespace {

Unpack unpacker(const quant::Codec& codec) noexcept { return avx512bf16_table.unpacker(codec); }
Decode find_decoder(const quant::Codec& codec) noexcept { return avx512bf16_table.decoder(codec); }

/// From this many rows of x on, tiles beat byte products (decoding to bf16 costs as much as sixteen
/// rows of them), and for weights without unpacker beat f32.
constexpr std::size_t kTileRowsCodes = 16, kTileRowsFloats = 6;

bool by_tiles(const quant::Codec& codec, std::size_t n_rows) noexcept {
  if (plain_format(codec) == Plain::f32) return false;  // 24 bits would need three parts
  return n_rows >= (unpacker(codec) != nullptr ? kTileRowsCodes : kTileRowsFloats);
}

Packing packing(const quant::Codec& codec, std::size_t n_rows) noexcept {
  return by_tiles(codec, n_rows) ? Packing::bf16 : avx512bf16_table.packing(codec, n_rows);
}

/// Whether rounding weights to one bf16 (0.16 % of their size) would be seen beside the error that
/// the format has itself: from 6 bits on it would, but bf16 weights are exact.
bool needs_two_parts(const quant::Codec& codec) noexcept {
  return 8 * codec.block_bytes >= 6 * codec.block_elems && plain_format(codec) != Plain::bf16;
}

std::size_t packed_row_bytes(Packing packing, std::size_t cols) noexcept {
  return avx512bf16_table.packed_row_bytes(packing, cols);
}

void pack(Packing packing, const float* x, std::size_t x_stride, std::size_t n, std::size_t cols,
          std::byte* out) noexcept {
  avx512bf16_table.pack(packing, x, x_stride, n, cols, out);
}

std::size_t matmul_scratch(const quant::Codec& codec, std::size_t cols,
                           std::size_t n_rows) noexcept {
  if (!by_tiles(codec, n_rows)) {
    return avx512bf16_table.matmul_scratch(codec, cols, n_rows);
  }
  return panel_scratch<PanelBf16<2>>(codec, unpacker(codec), cols, n_rows);
}

std::size_t matmul_rows(const quant::Codec& codec, std::size_t cols, std::size_t n_rows) noexcept {
  return avx512bf16_table.matmul_rows(codec, cols, n_rows);
}

void matmul(const MatmulArgs& args) noexcept {
  if (!by_tiles(*args.codec, args.n_rows)) return avx512bf16_table.matmul(args);
  const TileScope tiles;
  const Unpack unpack = unpacker(*args.codec);
  needs_two_parts(*args.codec) ? PanelProduct<PanelBf16<2>>(args, unpack).run()
                               : PanelProduct<PanelBf16<1>>(args, unpack).run();
}

std::size_t attention_scratch(const AttentionArgs& args) noexcept {
  return avx512bf16_table.attention_scratch(args);
}
void attention(const AttentionArgs& args) noexcept { avx512bf16_table.attention(args); }

}  // namespace
}  // namespace kernels

#include "kernels/shared/make_table_inl.h"

namespace kernels {
constinit const KernelTable amx_table =
    make_table("amx", "AVX-512 F BW DQ VL VNNI BF16, AMX BF16", cpu_has_amx);
}  // namespace kernels
#endif
