// iq4_k_r4: 4 rows of iq4_k woven. Source: docs/spec/types/interleaved.md,
// section 26.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq4KR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 144, kMeta = 0;
  static constexpr const Codec* kPlain = &iq4_k;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t sub = 0; sub < 16; ++sub) {
        const std::size_t u = 4 * sub + k;
        move.bits(k, 8 * 2 + sub, 8 * (8 + u % 8) + u / 8, 1);
        move.bits(k, 8 * 8 + 4 * sub, 8 * 32 + low_nibble(u, 64), 4);
        move.bits(k, 8 * 4 + 2 * sub, 8 * 16 + high_pair(u, 64), 2);
      }
      for (std::size_t i = 0; i < kElems; ++i) {
        move.bits(k, 8 * 16 + nibble(i, 16), 8 * 64 + n4(k, i), 4);
      }
    }
  }
};

}  // namespace

const Codec iq4_k_r4 =
    Woven<Iq4KR4>::codec(339, "iq4_k_r4", "docs/spec/types/interleaved.md, section 26");

}  // namespace quant
