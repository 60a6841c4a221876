// iq1_s_r4: 1.5 bits per weight. Four rows woven; eight weights are one of 2048 ternary grid
// entries; 32 share a 3-bit scale and a shift of their values by +1/8 or -1/8; one f16 scale a row.
// It has no plain counterpart. Source: docs/spec/types/interleaved.md, section 32.
#include "quant/codebook/grid_codec.h"
#include "quant/codebook/ternary_search.h"
#include "quant/interleave/row_grid_fit.h"
#include "quant/interleave/row_groups.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kRows = 4, kElems = 32, kBytes = 6;
constexpr std::size_t kBlocks = 2 * kRows, kHigh = 16;  // the scales of the rows come first
using Fit = RowGridFit<TernarySearch<32, DeltaFor::group>, GroupScales<8, 2, 1>>;

void decode(std::span<const std::byte> in, std::size_t cols, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < cols / kElems; ++b) {
    const std::byte* block = in.data() + kBlocks + b * kRows * kBytes;
    for (std::size_t k = 0; k < kRows; ++k) {
      const unsigned high = base::load_u16(block + kHigh + 2 * k);
      const float scale =
          base::load_f16(in.data() + 2 * k) * static_cast<float>(2 * ((high >> 12) & 7U) + 1);
      const float delta = high >> 15 != 0 ? -kDelta : kDelta;
      for (std::size_t l = 0; l < 4; ++l) {
        const unsigned index = base::load_u8(block + 4 * l + k) | ((high >> 3 * l) & 7U) << 8;
        put_shifted(grid_iq1s.entry(index), scale, delta,
                    out.data() + k * cols + b * kElems + 8 * l);
      }
    }
  }
}

void encode_row(const RowInput& in, Effort effort, std::size_t k, std::byte* group) {
  const auto row = Fit(in).run(effort);
  base::store(group + 2 * k, row.d);
  for (std::size_t b = 0; b < row.groups.size(); ++b) {
    std::byte* block = group + kBlocks + b * kRows * kBytes;
    unsigned high = row.groups[b].level << 12 | row.groups[b].index[0] >> 11 << 15;
    for (std::size_t l = 0; l < 4; ++l) {
      const unsigned index = row.groups[b].index[l] & 2047U;
      base::store_u8(block + 4 * l + k, index & 255U);
      high |= index >> 8 << 3 * l;
    }
    base::store(block + kHigh + 2 * k, static_cast<std::uint16_t>(high));
  }
}

/// A row scale of zero makes all its weights zero; positive ones, as every bit of the row is zero.
void clear_row(std::size_t k, std::size_t cols, std::byte* group) {
  base::store(group + 2 * k, std::uint16_t{0});
  for (std::size_t b = 0; b < cols / kElems; ++b) {
    std::byte* block = group + kBlocks + b * kRows * kBytes;
    for (std::size_t l = 0; l < 4; ++l) base::store_u8(block + 4 * l + k, 0);
    base::store(block + kHigh + 2 * k, std::uint16_t{0});
  }
}

}  // namespace

const Codec iq1_s_r4{
    .id = 219,
    .name = "iq1_s_r4",
    .family = Family::interleave,
    .readers = Readers::ik_only,
    .block_elems = kElems,
    .block_bytes = kBytes,
    .row_meta_bytes = 2,
    .group_rows = kRows,
    .needs_importance = true,
    .spec = "docs/spec/types/interleaved.md, section 32",
    .decode = decode,
    .encode = encode_row_groups<kRows, kElems, kBytes, encode_row, decode, clear_row>,
    .check = check_row_scales<kRows>};
}  // namespace quant
