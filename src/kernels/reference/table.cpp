#include "kernels/cpu.h"
#include "kernels/reference/reference.h"

namespace kernels {
namespace {

Packing packing(const quant::Codec&, std::size_t) noexcept { return Packing::f32; }

std::size_t packed_row_bytes(Packing, std::size_t cols) noexcept { return cols * sizeof(float); }

std::size_t matmul_scratch(const quant::Codec& codec, std::size_t cols, std::size_t) noexcept {
  return codec.group_rows * cols * sizeof(float);
}

std::size_t matmul_rows(const quant::Codec& codec, std::size_t, std::size_t) noexcept {
  return 16 * codec.group_rows;
}

Unpack unpacker(const quant::Codec&) noexcept { return nullptr; }
Decode decoder(const quant::Codec&) noexcept { return nullptr; }

}  // namespace

constinit const KernelTable reference_table{.name = "reference",
                                            .needs = "nothing",
                                            .supported = always,
                                            .packing = packing,
                                            .packed_row_bytes = packed_row_bytes,
                                            .pack = reference::pack,
                                            .matmul_scratch = matmul_scratch,
                                            .matmul_rows = matmul_rows,
                                            .matmul = reference::matmul,
                                            .attention_scratch = reference::attention_scratch,
                                            .attention = reference::attention,
                                            .rms_norm = reference::rms_norm,
                                            .layer_norm = reference::layer_norm,
                                            .silu_mul = reference::silu_mul,
                                            .gelu_mul = reference::gelu_mul,
                                            .add_scaled = reference::add_scaled,
                                            .add_squares = reference::add_squares,
                                            .largest = reference::largest,
                                            .sum_exp = reference::sum_exp,
                                            .to_cache = reference::to_cache,
                                            .from_cache = reference::from_cache,
                                            .unpacker = unpacker,
                                            .decoder = decoder};

}  // namespace kernels
