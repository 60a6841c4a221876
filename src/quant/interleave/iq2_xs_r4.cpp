// iq2_xs_r4: 4 rows of iq2_xs woven. Source: docs/spec/types/interleaved.md,
// section 20.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq2XsR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 74, kMeta = 0;
  static constexpr const Codec* kPlain = &iq2_xs;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t sub = 0; sub < 8; ++sub) {
        move.bytes(k, 66 + sub, 264 + 4 * sub + k, 1);
        for (std::size_t l = 0; l < 4; ++l) {
          const std::size_t plain = 8 * (2 + 8 * sub + 2 * l),
                            at = 8 * (8 + 2 * (16 * sub + 4 * k + l));
          move.bits(k, plain, at, 8);
          move.bits(k, plain + 8, at + 8, 1);
          move.parity(k, plain + 9, at + 9);
        }
      }
    }
  }
};

}  // namespace

const Codec iq2_xs_r4 =
    Woven<Iq2XsR4>::codec(217, "iq2_xs_r4", "docs/spec/types/interleaved.md, section 20");

}  // namespace quant
