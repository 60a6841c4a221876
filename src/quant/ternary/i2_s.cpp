// i2_s: ternary in two bits, one f32 scale a tensor; 2 bits per weight. Read as rows of iq2_bn,
// each with the scale of the tensor. Source: docs/spec/types/basic.md, "I2_S".
#include "base/bytes.h"
#include "quant/flat.h"
#include "quant/registry.h"

namespace quant {
namespace {
constexpr std::size_t kElems = 128, kBytes = 32, kTail = 32;  // the tail: scale, 28 unused bytes
constexpr std::size_t kRun = 32;                              // weights in the same bits of a block
constexpr std::size_t kRowElems = 64, kRowBytes = 16;         // of iq2_bn

unsigned code_of(std::span<const std::byte> blocks, std::size_t i) noexcept {
  const std::size_t within = i % kElems;
  const std::byte* byte = blocks.data() + i / kElems * kBytes + within % kRun;
  return (base::load_u8(byte) >> (6 - 2 * (within / kRun))) & 3U;
}

void to_rows(std::span<const std::byte> blocks, std::size_t skip, std::span<const std::byte> tail,
             std::size_t cols, std::span<std::byte> out) noexcept {
  const std::size_t row_bytes = iq2_bn.row_bytes(cols);
  const std::size_t meta = iq2_bn.row_meta_bytes;
  const float scale = base::load_f32(tail.data());
  for (std::size_t r = 0; r < out.size() / row_bytes; ++r) {
    std::byte* row = out.data() + r * row_bytes;
    base::store(row, scale);
    for (std::size_t b = 0; b < cols / kRowElems; ++b) {
      const std::size_t first = skip + r * cols + b * kRowElems;
      for (std::size_t j = 0; j < kRowBytes; ++j) {
        unsigned byte = 0;
        for (std::size_t p = 0; p < 4; ++p) {
          byte |= code_of(blocks, first + kRowBytes * p + j) << 2 * p;
        }
        base::store_u8(row + meta + b * kRowBytes + j, byte);
      }
    }
  }
}

}  // namespace

const FlatFormat i2_s{.id = 36,
                      .name = "i2_s",
                      .block_elems = kElems,
                      .block_bytes = kBytes,
                      .tail_bytes = kTail,
                      .rows = &iq2_bn,
                      .spec = "docs/spec/types/basic.md, I2_S",
                      .to_rows = to_rows};
}  // namespace quant
