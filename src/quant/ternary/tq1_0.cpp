// tq1_0: ternary, 256 weights share one f16 scale, five digits a byte; 1.6875 bits per weight.
// Source: docs/spec/types/basic.md, "TQ1_0".
#include "quant/registry.h"
#include "quant/ternary/block_codec.h"
#include "quant/ternary/trits.h"

namespace quant {
namespace {
constexpr std::size_t kElems = 256, kScale = 52, kBytes = 54;

/// Where the digit of element i is: byte and position.
struct Place {
  std::size_t byte, digit;
};
constexpr Place place(std::size_t i) noexcept {
  if (i < 160) return {i % 32, i / 32};
  if (i < 240) return {32 + (i - 160) % 16, (i - 160) / 16};
  return {48 + (i - 240) % 4, (i - 240) / 4};
}

void decode_block(const std::byte* block, float* out) {
  const float d = base::load_f16(block + kScale);
  for (std::size_t i = 0; i < kElems; ++i) {
    const auto [byte, digit] = place(i);
    const int t = static_cast<int>(trit(base::load_u8(block + byte), digit)) - 1;
    out[i] = static_cast<float>(t) * d;
  }
}

/// The bytes of `n` numbers, whose digits are `n` elements apart, the first the most significant.
/// Four digits leave the last place empty.
void pack(const std::uint8_t* digits, std::size_t n, std::size_t n_digits,
          std::byte* out) noexcept {
  for (std::size_t j = 0; j < n; ++j) {
    unsigned v = 0;
    for (std::size_t p = 0; p < 5; ++p) v = 3 * v + (p < n_digits ? digits[p * n + j] : 0U);
    base::store_u8(out + j, kTritBytes[v]);
  }
}

void store_block(std::span<const float> x, std::uint16_t bits, std::byte* block) {
  base::store(block + kScale, bits);
  std::array<std::uint8_t, kElems> digits;
  nearest_levels(x, base::f16_to_f32(bits), TopLevel::one, digits);
  pack(digits.data(), 32, 5, block);
  pack(digits.data() + 160, 16, 5, block + 32);
  pack(digits.data() + 240, 4, 4, block + 48);
}

}  // namespace

const Codec tq1_0{.id = 34,
                  .name = "tq1_0",
                  .family = Family::ternary,
                  .readers = Readers::mainline_only,
                  .block_elems = kElems,
                  .block_bytes = kBytes,
                  .spec = "docs/spec/types/basic.md, TQ1_0",
                  .decode = decode_each<kElems, kBytes, decode_block>,
                  .encode = encode_each<kElems, kBytes, TopLevel::one, store_block>,
                  .check = check_each_f16<kElems, kBytes, kScale>};
}  // namespace quant
