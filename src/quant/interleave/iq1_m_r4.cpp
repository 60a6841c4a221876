// iq1_m_r4: 1.75 bits per weight. Four rows woven; eight weights are one of 2048 ternary grid
// entries, shifted by +1/8 or -1/8; 16 share a 4-bit scale; one f16 scale a row. It has no plain
// counterpart. Source: docs/spec/types/interleaved.md, section 33.
#include "quant/codebook/grid_codec.h"
#include "quant/codebook/ternary_search.h"
#include "quant/interleave/row_grid_fit.h"
#include "quant/interleave/row_groups.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kRows = 4, kElems = 32, kBytes = 7;
// The scales of the rows come first.
constexpr std::size_t kBlocks = 2 * kRows, kHigh = 16, kScales = 24;
using Fit = RowGridFit<TernarySearch<16, DeltaFor::vector>, GroupScales<16, 1, 0>>;

void decode(std::span<const std::byte> in, std::size_t cols, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < cols / kElems; ++b) {
    const std::byte* block = in.data() + kBlocks + b * kRows * kBytes;
    for (std::size_t k = 0; k < kRows; ++k) {
      const float d = base::load_f16(in.data() + 2 * k);
      const unsigned scales = base::load_u8(block + kScales + k);
      for (std::size_t l = 0; l < 4; ++l) {
        const unsigned nibble =
            (base::load_u8(block + kHigh + 4 * (l / 2) + k) >> 4 * (l % 2)) & 15U;
        const unsigned index = base::load_u8(block + 4 * l + k) | (nibble & 7U) << 8;
        const float scale = d * static_cast<float>((scales >> 4 * (l / 2)) & 15U);
        put_shifted(grid_iq1s.entry(index), scale, (nibble & 8U) != 0 ? -kDelta : kDelta,
                    out.data() + k * cols + b * kElems + 8 * l);
      }
    }
  }
}

void encode_row(const RowInput& in, Effort effort, std::size_t k, std::byte* group) {
  const auto row = Fit(in).run(effort);
  base::store(group + 2 * k, row.d);
  for (std::size_t g = 0; g < row.groups.size(); ++g) {
    std::byte* block = group + kBlocks + g / 2 * kRows * kBytes;
    const std::size_t half = g % 2;
    block[kScales + k] |= static_cast<std::byte>(row.groups[g].level << 4 * half);
    for (std::size_t v = 0; v < 2; ++v) {
      const unsigned index = row.groups[g].index[v];  // bit 11: the shift is negative
      base::store_u8(block + 4 * (2 * half + v) + k, index & 255U);
      block[kHigh + 4 * half + k] |= static_cast<std::byte>(index >> 8 << 4 * v);
    }
  }
}

void clear_row(std::size_t k, std::size_t cols, std::byte* group) {
  base::store(group + 2 * k, std::uint16_t{0});
  for (std::size_t b = 0; b < cols / kElems; ++b) {
    std::byte* block = group + kBlocks + b * kRows * kBytes;
    for (std::size_t l = 0; l < 4; ++l) base::store_u8(block + 4 * l + k, 0);
    for (std::size_t h = 0; h < 2; ++h) base::store_u8(block + kHigh + 4 * h + k, 0);
    base::store_u8(block + kScales + k, 0);
  }
}

}  // namespace

const Codec iq1_m_r4{
    .id = 229,
    .name = "iq1_m_r4",
    .family = Family::interleave,
    .readers = Readers::ik_only,
    .block_elems = kElems,
    .block_bytes = kBytes,
    .row_meta_bytes = 2,
    .group_rows = kRows,
    .spec = "docs/spec/types/interleaved.md, section 33",
    .decode = decode,
    .encode = encode_row_groups<kRows, kElems, kBytes, encode_row, decode, clear_row>,
    .check = check_row_scales<kRows>};
}  // namespace quant
