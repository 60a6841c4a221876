// f16: 16-bit floats, exact to decode, round to nearest even to encode.
// Source: docs/spec/types/basic.md, "F32, F16, BF16".
#include "base/bytes.h"
#include "quant/plain/finite.h"
#include "quant/registry.h"

namespace quant {
namespace {

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = base::load_f16(in.data() + 2 * i);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  for (std::size_t i = 0; i < in.rows * in.cols; ++i) {
    base::store(out.data() + 2 * i, base::f32_to_f16(in.x[i]));
  }
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  return first_not_finite(in, cols, std::uint16_t{0x7c00}, base::load_f16);
}

}  // namespace

const Codec f16{.id = 1,
                .name = "f16",
                .family = Family::plain,
                .block_elems = 1,
                .block_bytes = 2,
                .spec = "docs/spec/types/basic.md, F16",
                .decode = decode,
                .encode = encode,
                .check = check};
}  // namespace quant
