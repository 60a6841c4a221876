// iq4_ks_r4: 4 rows of iq4_ks woven. Source: docs/spec/types/interleaved.md,
// section 28.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq4KsR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 136, kMeta = 4;
  static constexpr const Codec* kPlain = &iq4_ks;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      for (std::size_t sub = 0; sub < 8; ++sub) move.bytes(k, sub, 4 * sub + k, 1);
      for (std::size_t i = 0; i < kElems; ++i) {
        move.bits(k, 8 * 8 + nibble(i, 16), 8 * 32 + n4(k, i), 4);
      }
    }
  }
};

}  // namespace

const Codec iq4_ks_r4 =
    Woven<Iq4KsR4>::codec(344, "iq4_ks_r4", "docs/spec/types/interleaved.md, section 28");

}  // namespace quant
