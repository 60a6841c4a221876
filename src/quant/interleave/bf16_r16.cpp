// bf16_r16: 16 rows of bf16 woven, two columns at a time. Source: docs/spec/types/interleaved.md,
// section 31.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Bf16R16 {
  // The columns come in pairs, so a pair is the block.
  static constexpr std::size_t kRows = 16, kElems = 2, kBytes = 4, kMeta = 0;
  static constexpr const Codec* kPlain = &bf16;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) move.bytes(k, 0, 4 * k, 4);
  }
};

}  // namespace

const Codec bf16_r16 =
    Woven<Bf16R16>::codec(230, "bf16_r16", "docs/spec/types/interleaved.md, section 31");

}  // namespace quant
