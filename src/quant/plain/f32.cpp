// f32: plain little-endian floats. Source: docs/spec/types/basic.md, "F32, F16, BF16".
#include "base/bytes.h"
#include "quant/plain/finite.h"
#include "quant/registry.h"

namespace quant {
namespace {

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  std::memcpy(out.data(), in.data(), out.size_bytes());
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  std::memcpy(out.data(), in.x.data(), in.rows * in.cols * sizeof(float));
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t cols) noexcept {
  return first_not_finite(in, cols, std::uint32_t{0x7f800000}, base::load_f32);
}

}  // namespace

const Codec f32{.id = 0,
                .name = "f32",
                .family = Family::plain,
                .block_elems = 1,
                .block_bytes = 4,
                .spec = "docs/spec/types/basic.md, F32",
                .decode = decode,
                .encode = encode,
                .check = check};
}  // namespace quant
