// q5_0_r4: 4 rows of q5_0 woven. Source: docs/spec/types/interleaved.md,
// section 7.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Q50R4 {
  static constexpr std::size_t kRows = 4, kElems = 32, kBytes = 22, kMeta = 0;
  static constexpr bool kPlusZero = true;  // code x scale + offset: a middle code gives +0
  static constexpr const Codec* kPlain = &q5_0;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t j = 0; j < kElems; ++j) {
        const std::size_t plane = j / 16 + 2 * (j / 4 % 2) + 4 * (j / 8 % 2);
        move.bits(k, 8 * 2 + j, 8 * (8 + 4 * k + j % 4) + plane, 1);
        move.bits(k, 8 * 6 + nibble(j, 16), 8 * 24 + n4(k, j), 4);
      }
    }
  }
};

}  // namespace

const Codec q5_0_r4 =
    Woven<Q50R4>::codec(206, "q5_0_r4", "docs/spec/types/interleaved.md, section 7");

}  // namespace quant
