// q4_0_r8: 8 rows of q4_0 woven. Source: docs/spec/types/interleaved.md,
// section 4.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Q40R8 {
  static constexpr std::size_t kRows = 8, kElems = 32, kBytes = 18, kMeta = 0;
  static constexpr const Codec* kPlain = &q4_0;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t p = 0; p < 16; p += 4) move.bytes(k, 2 + p, 16 + 8 * p + 4 * k, 4);
    }
  }
};

}  // namespace

const Codec q4_0_r8 =
    Woven<Q40R8>::codec(202, "q4_0_r8", "docs/spec/types/interleaved.md, section 4");

}  // namespace quant
