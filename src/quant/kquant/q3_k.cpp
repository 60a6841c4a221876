// q3_K: 256 weights in 16 sub-blocks with signed 6-bit scales; 3.4375 bits per weight.
// Source: docs/spec/types/basic.md, "Q3_K".
#include "quant/kquant/encode.h"
#include "quant/kquant/plans.h"
#include "quant/registry.h"
#include "quant/unpack.h"

namespace quant {
namespace {
using kquant::SymmetricBlock, kquant::SymmetricFormat, kquant::check_super_scales,
    kquant::encode_symmetric, kquant::kElems, kquant::symmetric_plan;

constexpr std::size_t kSub = 16;
constexpr std::size_t kBytes = 32 + 64 + 12 + 2;  // high bits, low bits, scales, d (last)
constexpr std::size_t kLow = 32, kScales = 96, kD = 108;

// Scales 0-7 have their low nibbles in the low halves of bytes 0-7, scales 8-15 in the high halves;
// byte 8 + k holds the upper two bits of scales k, k + 4, k + 8, k + 12, from bit 0 upwards.
int load_scale(const std::byte* p, unsigned j) noexcept {
  const unsigned low = base::load_u8(p + j % 8) >> (j < 8 ? 0 : 4) & 15;
  const unsigned upper = base::load_u8(p + 8 + j % 4) >> (2 * (j / 4)) & 3;
  return static_cast<int>(low | upper << 4) - 32;
}

void store_scales(const std::int8_t* scale, std::byte* p) noexcept {
  unsigned biased[16];
  for (std::size_t j = 0; j < 16; ++j) biased[j] = static_cast<unsigned>(scale[j] + 32);
  for (std::size_t j = 0; j < 8; ++j) {
    base::store_u8(p + j, (biased[j] & 15) | (biased[j + 8] & 15) << 4);
  }
  for (std::size_t k = 0; k < 4; ++k) {
    base::store_u8(p + 8 + k, biased[k] >> 4 | biased[k + 4] >> 4 << 2 | biased[k + 8] >> 4 << 4 |
                                  biased[k + 12] >> 4 << 6);
  }
}

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    float* y = out.data() + b * kElems;
    alignas(32) std::uint8_t codes[kElems];
    const Bytes32 high = load_bytes32(block);
    for (unsigned k = 0; k < 8; ++k) {
      const Bytes32 low = load_bytes32(block + kLow + 32 * (k / 4));
      const Bytes32 q = field(low, 2 * (k % 4), 3) | raised(field(high, k, 1), 2, 1);
      store_bytes32(codes + std::size_t{32} * k, q);
    }
    const float d = base::load_f16(block + kD);
    for (unsigned j = 0; j < 16; ++j) {
      const float step = d * static_cast<float>(load_scale(block + kScales, j));
      scale_codes<kSub>(codes + j * kSub, 4, step, y + j * kSub);
    }
  }
}

void pack(const SymmetricBlock<kSub>& block, std::byte* out) noexcept {
  for (std::size_t k = 0; k < 32; ++k) {
    unsigned high = 0;
    for (unsigned j = 0; j < 8; ++j) {
      high |= static_cast<unsigned>(block.codes[32 * j + k] >> 2) << j;
    }
    base::store_u8(out + k, high);
  }
  for (std::size_t k = 0; k < 64; ++k) {
    const std::uint8_t* q = block.codes + 128 * (k / 32) + k % 32;
    base::store_u8(out + kLow + k,
                   (q[0] & 3u) | (q[32] & 3u) << 2 | (q[64] & 3u) << 4 | (q[96] & 3u) << 6);
  }
  store_scales(block.scale, out + kScales);
  base::store(out + kD, block.d);
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  constexpr SymmetricFormat<kSub> format{
      .levels = {.low = -4, .high = 3, .low_scale = -32, .high_scale = 31},
      .weighting = {.tempering = 3},
      .block_bytes = kBytes,
      .pack = pack};
  encode_symmetric(in, out, format, symmetric_plan(in.effort, 4));
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  return check_super_scales(in, kBytes, {kD});
}

}  // namespace

const Codec q3_K{.id = 11,
                 .name = "q3_K",
                 .family = Family::kquant,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q3_K",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
