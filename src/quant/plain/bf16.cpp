// bf16: 16-bit floats, exact to decode, round to nearest even to encode.
// Source: docs/spec/types/basic.md, "F32, F16, BF16".
#include "base/bytes.h"
#include "quant/plain/finite.h"
#include "quant/registry.h"

namespace quant {
namespace {

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = base::load_bf16(in.data() + 2 * i);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  for (std::size_t i = 0; i < in.rows * in.cols; ++i) {
    base::store(out.data() + 2 * i, base::f32_to_bf16(in.x[i]));
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  return first_not_finite(in, cols, std::uint16_t{0x7f80}, base::load_bf16);
}

}  // namespace

const Codec bf16{.id = 30,
                 .name = "bf16",
                 .family = Family::plain,
                 .block_elems = 1,
                 .block_bytes = 2,
                 .spec = "docs/spec/types/basic.md, BF16",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
