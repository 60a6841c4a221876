// q4_K: 256 weights in 8 sub-blocks with 6-bit scales and mins; 4.5 bits per weight.
// Source: docs/spec/types/basic.md, "Q4_K".
#include "quant/kquant/encode.h"
#include "quant/kquant/plans.h"
#include "quant/kquant/scales6.h"
#include "quant/registry.h"
#include "quant/unpack.h"

namespace quant {
namespace {
using kquant::AffineBlock, kquant::AffineFormat, kquant::Scales6, kquant::affine_plan,
    kquant::check_super_scales, kquant::encode_affine, kquant::kElems, kquant::load_scales6,
    kquant::store_scales6;

constexpr std::size_t kSub = 32;
constexpr std::size_t kBytes = 2 + 2 + 12 + 128;  // d, dmin, scales and mins, codes
constexpr std::size_t kScales = 4, kCodes = 16;

void decode(std::span<const std::byte> in, std::size_t, std::span<float> out) noexcept {
  for (std::size_t b = 0; b < out.size() / kElems; ++b) {
    const std::byte* block = in.data() + b * kBytes;
    float* y = out.data() + b * kElems;
    alignas(32) std::uint8_t codes[kElems];
    for (unsigned j = 0; j < 8; j += 2) {
      const Bytes32 q = load_bytes32(block + kCodes + std::size_t{16} * j);
      store_bytes32(codes + j * kSub, field(q, 0, 15));
      store_bytes32(codes + (j + 1) * kSub, field(q, 4, 15));
    }
    const float d = base::load_f16(block), dmin = base::load_f16(block + 2);
    const Scales6 s = load_scales6(block + kScales);
    for (std::size_t j = 0; j < 8; ++j) {
      shift_codes<kSub>(codes + j * kSub, d * s.scale[j], -(dmin * s.min[j]), y + j * kSub);
    }
  }
}

void pack(const AffineBlock<kSub>& block, std::byte* out) noexcept {
  base::store(out, block.d);
  base::store(out + 2, block.dmin);
  store_scales6(block.scale, block.min, out + kScales);
  for (std::size_t j = 0; j < 4; ++j) {
    const std::uint8_t* q = block.codes + 64 * j;
    for (std::size_t i = 0; i < kSub; ++i) {
      base::store_u8(out + kCodes + kSub * j + i, q[i] | static_cast<unsigned>(q[i + kSub]) << 4);
    }
  }
}

void encode(const EncodeInput& in, std::span<std::byte> out) {
  constexpr AffineFormat<kSub> format{.high = 15,
                                      .max_scale = 63,
                                      .weighting = {},
                                      .block_bytes = kBytes,
                                      .pack = pack,
                                      .decode = decode};
  encode_affine(in, out, format, affine_plan(in.effort, 15));
}

std::optional<BadBlock> check(std::span<const std::byte> in, std::size_t) noexcept {
  return check_super_scales(in, kBytes, {0, 2});
}

}  // namespace

const Codec q4_K{.id = 12,
                 .name = "q4_K",
                 .family = Family::kquant,
                 .block_elems = kElems,
                 .block_bytes = kBytes,
                 .spec = "docs/spec/types/basic.md, Q4_K",
                 .decode = decode,
                 .encode = encode,
                 .check = check};
}  // namespace quant
