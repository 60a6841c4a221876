// q6_K: 256 weights in 16 sub-blocks with signed 8-bit scales; 6.5625 bits per weight.
// Source: docs/spec/types/basic.md, "Q6_K".
#include "quant/kquant/encode.h"
#include "quant/kquant/plans.h"
#include "quant/registry.h"
#include "quant/unpack.h"

namespace quant {
namespace {
using kquant::SymmetricBlock, kquant::SymmetricFormat, kquant::check_super_scales,
    kquant::encode_symmetric, kquant::kElems, kquant::symmetric_plan;

constexpr std::size_t kSub = 16;
constexpr std::size_t kBytes = 128 + 64 + 16 + 2;  // low nibbles, upper bits, scales, d (last)
constexpr std::size_t kUpper = 128, kScales = 192, kD = 208;

// Each half of 128 elements has 64 bytes of nibbles and 32 of upper bits. Quarter k of a half takes
// the low nibbles of bytes 32 (k mod 2) + l for k < 2, the high ones else, and bits 2k of byte l.
void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    float* y = out.data() + b * kElems;
    alignas(32) std::uint8_t codes[kElems];
    for (std::size_t half = 0; half < 2; ++half) {
      const Bytes32 first = load_bytes32(block + 64 * half);
      const Bytes32 second = load_bytes32(block + 64 * half + 32);
      const Bytes32 upper = load_bytes32(block + kUpper + 32 * half);
      std::uint8_t* q = codes + 128 * half;
      store_bytes32(q, field(first, 0, 15) | raised(upper, 4, 3));
      store_bytes32(q + 32, field(second, 0, 15) | raised(upper, 2, 12));
      store_bytes32(q + 64, field(first, 4, 15) | field(upper, 0, 48));
      store_bytes32(q + 96, field(second, 4, 15) | field(upper, 2, 48));
    }
    const float d = base::load_f16(block + kD);
    for (std::size_t j = 0; j < 16; ++j) {
      const float step = d * static_cast<float>(base::load_i8(block + kScales + j));
      scale_codes<kSub>(codes + j * kSub, 32, step, y + j * kSub);
    }
  }
}

void pack(const SymmetricBlock<kSub>& block, std::byte* out) noexcept {
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint8_t* q = block.codes + 128 * half;
    for (std::size_t l = 0; l < 64; ++l) {
      base::store_u8(out + 64 * half + l, (q[l] & 15u) | (q[l + 64] & 15u) << 4);
    }
    for (std::size_t l = 0; l < 32; ++l) {
      const unsigned bits =
          static_cast<unsigned>(q[l] >> 4) | static_cast<unsigned>(q[l + 32] >> 4) << 2 |
          static_cast<unsigned>(q[l + 64] >> 4) << 4 | static_cast<unsigned>(q[l + 96] >> 4) << 6;
      base::store_u8(out + kUpper + 32 * half + l, bits);
    }
  }
  std::memcpy(out + kScales, block.scale, 16);
  base::store(out + kD, block.d);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  constexpr SymmetricFormat<kSub> format{
      .levels = {.low = -32, .high = 31, .low_scale = -128, .high_scale = 127},
      .weighting = {},
      .block_bytes = kBytes,
      .pack = pack};
  encode_symmetric(in, out, format, symmetric_plan(in.effort, 32));
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  return check_super_scales(in, kBytes, {kD});
}

}  // namespace

const Codec q6_K{.id = 14,
                 .name = "q6_K",
                 .family = Family::kquant,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q6_K",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
