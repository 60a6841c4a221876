// iq4_xs_r8: 8 rows of iq4_xs woven. Source: docs/spec/types/interleaved.md,
// section 15.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq4XsR8 {
  static constexpr std::size_t kRows = 8, kElems = 256, kBytes = 136, kMeta = 0;
  static constexpr const Codec* kPlain = &iq4_xs;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t sub = 0; sub < 8; ++sub) {
        const std::size_t u = 8 * sub + k;
        move.bits(k, 8 * 4 + 4 * sub, 8 * 32 + low_nibble(u, 64), 4);
        move.bits(k, 8 * 2 + 2 * sub, 8 * 16 + high_pair(u, 64), 2);
      }
      for (std::size_t i = 0; i < kElems; ++i) {
        const std::size_t byte = 64 + 128 * (i / 32) + 32 * (i / 8 % 4) + 4 * k + i % 4;
        move.bits(k, 8 * 8 + nibble(i, 16), 8 * byte + 4 * (i / 4 % 2), 4);
      }
    }
  }
};

}  // namespace

const Codec iq4_xs_r8 =
    Woven<Iq4XsR8>::codec(223, "iq4_xs_r8", "docs/spec/types/interleaved.md, section 15");

}  // namespace quant
