// iq2_s_r4: 4 rows of iq2_s woven. Source: docs/spec/types/interleaved.md,
// section 21.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq2SR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 82, kMeta = 0;
  static constexpr const Codec* kPlain = &iq2_s;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t sub = 0; sub < 8; ++sub) {
        move.bytes(k, 2 + 4 * sub, 8 + 16 * sub + 4 * k, 4);
        move.bytes(k, 34 + 4 * sub, 168 + 16 * sub + 4 * k, 4);
        move.bytes(k, 66 + sub, 136 + 4 * sub + k, 1);
        move.bytes(k, 74 + sub, 296 + 4 * sub + k, 1);
      }
    }
  }
};

}  // namespace

const Codec iq2_s_r4 =
    Woven<Iq2SR4>::codec(222, "iq2_s_r4", "docs/spec/types/interleaved.md, section 21");

}  // namespace quant
