// iq3_xxs_r4: 4 rows of iq3_xxs woven. Source: docs/spec/types/interleaved.md,
// section 22.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq3XxsR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 98, kMeta = 0;
  static constexpr const Codec* kPlain = &iq3_xxs;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t sub = 0; sub < 8; ++sub) {
        const std::size_t word = 8 * (66 + 4 * sub), at = 8 + 16 * sub + 4 * k;
        move.bytes(k, 2 + 8 * sub, 136 + 32 * sub + 8 * k, 8);
        for (std::size_t l = 0; l < 4; ++l) {
          move.bits(k, word + 28 + l, 8 * (at + l), 1);
          move.parity(k, word + 7 * l, 8 * (at + l) + 1);
        }
      }
    }
  }
};

}  // namespace

const Codec iq3_xxs_r4 =
    Woven<Iq3XxsR4>::codec(218, "iq3_xxs_r4", "docs/spec/types/interleaved.md, section 22");

}  // namespace quant
