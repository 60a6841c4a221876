// iq2_bn: ternary in two bits, one f32 scale a row; 2 bits per weight. A code 3, which no encoder
// writes, decodes to twice the scale. Source: docs/spec/types/iqk.md, section 21.
#include <cmath>
#include <cstring>

#include "base/bytes.h"
#include "quant/registry.h"
#include "quant/ternary/bitnet_row.h"

namespace quant {
namespace {
constexpr std::size_t kElems = 64, kMeta = 4, kBytes = 16;

void decode(std::span<const std::byte> in, std::size_t cols, std::span<float> out) noexcept {
  const float d = base::load_f32(in.data());
  for (std::size_t i = 0; i < cols; ++i) {
    const std::byte* block = in.data() + kMeta + i / kElems * kBytes;
    const unsigned code = (base::load_u8(block + i % 16) >> 2 * (i % kElems / 16)) & 3U;
    out[i] = d * static_cast<float>(static_cast<int>(code) - 1);
  }
}

float round_scale(double d) { return static_cast<float>(std::min(d, 1e38)); }

void pack_row(std::byte* row, float d, std::span<const std::uint8_t> digits) {
  base::store(row, d);
  for (std::size_t b = 0; b < digits.size() / kElems; ++b) {
    const std::uint8_t* from = digits.data() + b * kElems;
    std::uint8_t packed[kBytes];
    for (std::size_t j = 0; j < kBytes; ++j) {
      packed[j] = static_cast<std::uint8_t>(from[j] | from[16 + j] << 2 | from[32 + j] << 4 |
                                            from[48 + j] << 6);
    }
    std::memcpy(row + kMeta + b * kBytes, packed, kBytes);
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  if (std::isfinite(2 * base::load_f32(in.data()))) return std::nullopt;
  return BadBlock{.block = 0, .offset = 0, .what = "row scale is not finite or overflows"};
}

}  // namespace

const Codec iq2_bn{.id = 135,
                   .name = "iq2_bn",
                   .family = Family::ternary,
                   .readers = Readers::ik_only,
                   .block_elems = kElems,
                   .block_bytes = kBytes,
                   .row_meta_bytes = kMeta,
                   .spec = "docs/spec/types/iqk.md, section 21",
                   .decode = decode,
                   .encode = encode_bitnet<kMeta, kBytes, round_scale, pack_row>,
                   .check = check};
}  // namespace quant
