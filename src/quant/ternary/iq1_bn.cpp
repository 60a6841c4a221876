// iq1_bn: ternary, one f16 scale a row, blocks of 64 in 13 bytes; 1.625 bits per weight.
// Source: docs/spec/types/iqk.md, section 20.
#include "base/bytes.h"
#include "quant/registry.h"
#include "quant/ternary/bitnet_row.h"
#include "quant/ternary/block_codec.h"
#include "quant/ternary/trits.h"

namespace quant {
namespace {
constexpr std::size_t kElems = 64, kMeta = 2, kExtra = 12, kBytes = 13;

/// Where the digit of element i is: byte and weight 3^power. Element 15 of each run of 16 is in the
/// extra byte.
struct Place {
  std::size_t byte, power;
};
constexpr Place place(std::size_t i) noexcept {
  const std::size_t run = i / 16, e = i % 16;
  return e < 15 ? Place{3 * run + e / 5, e % 5} : Place{kExtra, run};
}

void decode(std::span<const std::byte> in, std::size_t cols, std::span<float> out) noexcept {
  const float d = base::load_f16(in.data());
  for (std::size_t i = 0; i < cols; ++i) {
    const auto [byte, power] = place(i % kElems);
    const unsigned z = base::load_u8(in.data() + kMeta + i / kElems * kBytes + byte);
    out[i] = d * static_cast<float>(static_cast<int>(trit(z, 4 - power)) - 1);
  }
}

float round_scale(double d) { return base::f16_to_f32(finite_f16(d)); }

/// As place() says, the first digit counts least.
void pack_row(std::byte* row, float d, std::span<const std::uint8_t> digits) {
  base::store_f16(row, d);
  for (std::size_t b = 0; b < digits.size() / kElems; ++b) {
    const std::uint8_t* run = digits.data() + b * kElems;
    std::byte* block = row + kMeta + b * kBytes;
    unsigned extra = 0;
    for (std::size_t r = 0; r < 4; ++r, run += 16) {
      for (std::size_t t = 0; t < 3; ++t) {
        const std::uint8_t* e = run + 5 * t;
        const unsigned v = e[0] + 3U * e[1] + 9U * e[2] + 27U * e[3] + 81U * e[4];
        base::store_u8(block + 3 * r + t, kTritBytes[v]);
      }
      extra += kPowersOf3[r] * run[15];
    }
    base::store_u8(block + kExtra, kTritBytes[extra]);
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  if (std::isfinite(base::load_f16(in.data()))) return std::nullopt;
  return BadBlock{.block = 0, .offset = 0, .what = "row scale is not finite"};
}

}  // namespace

const Codec iq1_bn{.id = 134,
                   .name = "iq1_bn",
                   .family = Family::ternary,
                   .readers = Readers::ik_only,
                   .block_elems = kElems,
                   .block_bytes = kBytes,
                   .row_meta_bytes = kMeta,
                   .spec = "docs/spec/types/iqk.md, section 20",
                   .decode = decode,
                   .encode = encode_bitnet<kMeta, kBytes, round_scale, pack_row>,
                   .check = check};
}  // namespace quant
