// q8_0: 32 weights share one f16 scale, 8-bit codes; 8.5 bits per weight.
// Source: docs/spec/types/basic.md, "Q8_0".
#include "quant/legacy/blocks.h"
#include "quant/registry.h"

namespace quant {
namespace {
using legacy::SymmetricFormat, legacy::check_scales, legacy::encode_symmetric, legacy::kElems;

constexpr std::size_t kBytes = 2 + kElems;  // scale, signed codes

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    float* y = out.data() + b * kElems;
    const float scale = base::load_f16(block);
    for (std::size_t i = 0; i < kElems; ++i) {
      y[i] = static_cast<float>(base::load_i8(block + 2 + i)) * scale;
    }
  }
}

// Codes come counted from -127.
void pack(std::uint16_t scale, const std::uint8_t* codes, std::byte* out) noexcept {
  base::store(out, scale);
  for (std::size_t i = 0; i < kElems; ++i) base::store_u8(out + 2 + i, codes[i] - 127u);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  constexpr SymmetricFormat format{.low = -127, .high = 127, .block_bytes = kBytes, .pack = pack};
  encode_symmetric(in, out, format);
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  return check_scales(in, kBytes, 1);
}

}  // namespace

const Codec q8_0{.id = 8,
                 .name = "q8_0",
                 .family = Family::legacy,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q8_0",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
