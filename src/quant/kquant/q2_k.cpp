// q2_K: 256 weights in 16 sub-blocks with 4-bit scales and mins; 2.625 bits per weight.
// Source: docs/spec/types/basic.md, "Q2_K".
#include "quant/kquant/encode.h"
#include "quant/kquant/plans.h"
#include "quant/registry.h"
#include "quant/unpack.h"

namespace quant {
namespace {
using kquant::AffineBlock, kquant::AffineFormat, kquant::affine_plan, kquant::check_super_scales,
    kquant::encode_affine, kquant::kElems;

constexpr std::size_t kSub = 16;
constexpr std::size_t kBytes = 16 + 64 + 2 + 2;  // scales and mins, codes, d, dmin (last)
constexpr std::size_t kCodes = 16, kD = 80, kDmin = 82;

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    float* y = out.data() + b * kElems;
    alignas(32) std::uint8_t codes[kElems];
    spread_pairs(load_bytes32(block + kCodes), codes);
    spread_pairs(load_bytes32(block + kCodes + 32), codes + 128);
    const float d = base::load_f16(block + kD), dmin = base::load_f16(block + kDmin);
    for (std::size_t j = 0; j < 16; ++j) {
      const unsigned scale = base::load_u8(block + j);
      shift_codes<kSub>(codes + j * kSub, d * static_cast<float>(scale & 15),
                        -(dmin * static_cast<float>(scale >> 4)), y + j * kSub);
    }
  }
}

void pack(const AffineBlock<kSub>& block, std::byte* out) noexcept {
  for (std::size_t j = 0; j < 16; ++j) {
    base::store_u8(out + j, block.scale[j] | static_cast<unsigned>(block.min[j]) << 4);
  }
  for (std::size_t k = 0; k < 64; ++k) {
    const std::uint8_t* q = block.codes + 128 * (k / 32) + k % 32;
    const unsigned byte = q[0] | static_cast<unsigned>(q[32]) << 2 |
                          static_cast<unsigned>(q[64]) << 4 | static_cast<unsigned>(q[96]) << 6;
    base::store_u8(out + kCodes + k, byte);
  }
  base::store(out + kD, block.d);
  base::store(out + kDmin, block.dmin);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  constexpr AffineFormat<kSub> format{.high = 3,
                                      .max_scale = 15,
                                      .weighting = {.tempering = 3},
                                      .stretched = true,
                                      .block_bytes = kBytes,
                                      .pack = pack,
                                      .decode = decode};
  encode_affine(in, out, format, affine_plan(in.effort, 3));
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  return check_super_scales(in, kBytes, {kD, kDmin});
}

}  // namespace

const Codec q2_K{.id = 10,
                 .name = "q2_K",
                 .family = Family::kquant,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q2_K",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
