// iq2_xxs_r4: 4 rows of iq2_xxs woven. Source: docs/spec/types/interleaved.md,
// section 19.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq2XxsR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 66, kMeta = 0;
  static constexpr const Codec* kPlain = &iq2_xxs;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t sub = 0; sub < 8; ++sub) {
        const std::size_t plain = 2 + 8 * sub, word = 8 * (plain + 4), at = 16 * sub + 4 * k;
        move.bytes(k, plain, 136 + at, 4);
        for (std::size_t l = 0; l < 4; ++l) {
          move.bits(k, word + 28 + l, 8 * (8 + at + l), 1);
          move.parity(k, word + 7 * l, 8 * (8 + at + l) + 1);
        }
      }
    }
  }
};

}  // namespace

const Codec iq2_xxs_r4 =
    Woven<Iq2XxsR4>::codec(216, "iq2_xxs_r4", "docs/spec/types/interleaved.md, section 19");

}  // namespace quant
