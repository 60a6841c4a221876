// The table for AMX tiles: many rows of x as bf16; all else is the AVX-512 table's.
#include "kernels/table.h"

#if defined(__x86_64__)
#include "kernels/amx/panel_bf16_inl.h"
#include "kernels/cpu.h"
#include "kernels/shared/unpackers_inl.h"
#include "kernels/tables.h"

namespace kernels {
namespace {

/// From this many rows of x on, tiles beat byte products (decoding to bf16 costs as much as eight
/// rows of them), and for weights without unpacker beat f32.
constexpr std::size_t kTileRowsCodes = 8, kTileRowsFloats = 6;

Packing packing(const quant::Codec& codec, std::size_t n_rows) noexcept {
  const Plain plain = plain_format(codec);
  if (plain == Plain::f32) return Packing::f32;  // 24 bits would need three parts
  const bool codes = find_unpacker(codec) != nullptr;
  if (n_rows >= (codes ? kTileRowsCodes : kTileRowsFloats)) return Packing::bf16;
  return codes ? Packing::q8 : Packing::f32;
}

/// Whether rounding weights to one bf16 (0.16 % of their size) would be seen beside the error that
/// the format has itself: from 6 bits on it would, but bf16 weights are exact.
bool needs_two_parts(const quant::Codec& codec) noexcept {
  return 8 * codec.block_bytes >= 6 * codec.block_elems && plain_format(codec) != Plain::bf16;
}

std::size_t packed_row_bytes(Packing packing, std::size_t cols) noexcept {
  return packing == Packing::bf16 ? bf16_row_bytes(cols)
                                  : avx512_table.packed_row_bytes(packing, cols);
}

void pack(Packing packing, const float* x, std::size_t x_stride, std::size_t n, std::size_t cols,
          std::byte* out) noexcept {
  if (packing != Packing::bf16) return avx512_table.pack(packing, x, x_stride, n, cols, out);
  const std::size_t bytes = packed_row_bytes(packing, cols);
  for (std::size_t t = 0; t < n; ++t) {
    pack_bf16(x + t * x_stride, cols, out + t * bytes);
  }
}

std::size_t matmul_scratch(const quant::Codec& codec, std::size_t cols,
                           std::size_t n_rows) noexcept {
  if (packing(codec, n_rows) != Packing::bf16) {
    return avx512_table.matmul_scratch(codec, cols, n_rows);
  }
  return panel_scratch<PanelBf16<2>>(codec, find_unpacker(codec), cols, n_rows);
}

std::size_t matmul_rows(const quant::Codec& codec, std::size_t cols, std::size_t n_rows) noexcept {
  return avx512_table.matmul_rows(codec, cols, n_rows);
}

void matmul(const MatmulArgs& args) noexcept {
  if (args.packing != Packing::bf16) return avx512_table.matmul(args);
  const TileScope tiles;
  const Unpack unpack = find_unpacker(*args.codec);
  needs_two_parts(*args.codec) ? PanelProduct<PanelBf16<2>>(args, unpack).run()
                               : PanelProduct<PanelBf16<1>>(args, unpack).run();
}

std::size_t attention_scratch(const AttentionArgs& args) noexcept {
  return avx512_table.attention_scratch(args);
}
void attention(const AttentionArgs& args) noexcept { avx512_table.attention(args); }

Unpack unpacker(const quant::Codec& codec) noexcept { return find_unpacker(codec); }

}  // namespace

constinit const KernelTable amx_table{.name = "amx",
                                      .needs = "AVX-512 F BW DQ VL VNNI BF16, AMX BF16",
                                      .supported = cpu_has_amx,
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
