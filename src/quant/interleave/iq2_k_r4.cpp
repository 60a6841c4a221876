// iq2_k_r4: 4 rows of iq2_k woven. Source: docs/spec/types/interleaved.md,
// section 24.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq2KR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 76, kMeta = 0;
  static constexpr const Codec* kPlain = &iq2_k;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t sub = 0; sub < 16; ++sub) {
        const std::size_t u = 4 * sub + k;
        move.bits(k, 8 * 2 + sub, 8 * (8 + u % 8) + u / 8, 1);
        move.bits(k, 8 * 4 + 4 * sub, 8 * 16 + low_nibble(u, 64), 4);
      }
      for (std::size_t i = 0; i < kElems; ++i) {
        move.bits(k, 8 * 12 + pair_code(i), 8 * 48 + n2(k, i), 2);
      }
    }
  }
};

}  // namespace

const Codec iq2_k_r4 =
    Woven<Iq2KR4>::codec(337, "iq2_k_r4", "docs/spec/types/interleaved.md, section 24");

}  // namespace quant
