// q6_0_r4: 4 rows of q6_0 woven. Source: docs/spec/types/interleaved.md,
// section 8.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Q60R4 {
  static constexpr std::size_t kRows = 4, kElems = 32, kBytes = 26, kMeta = 0;
  static constexpr bool kPlusZero = true;  // code x scale + offset: a middle code gives +0
  static constexpr const Codec* kPlain = &q6_0;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t j = 0; j < kElems; ++j) {
        const std::size_t plain_high = 8 * (2 + j % 8) + 4 * (j / 8 % 2) + 2 * (j / 16);
        const std::size_t woven_high = 8 * (8 + 16 * (j / 16) + 4 * k + j % 4) + 2 * (j / 4 % 4);
        move.bits(k, plain_high, woven_high, 2);
        move.bits(k, 8 * 10 + nibble(j, 16), 8 * 40 + n4(k, j), 4);
      }
    }
  }
};

}  // namespace

const Codec q6_0_r4 =
    Woven<Q60R4>::codec(233, "q6_0_r4", "docs/spec/types/interleaved.md, section 8");

}  // namespace quant
