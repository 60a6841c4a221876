// iq5_ks_r4: 4 rows of iq5_ks woven. Source: docs/spec/types/interleaved.md,
// section 29.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq5KsR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 168, kMeta = 4;
  static constexpr const Codec* kPlain = &iq5_ks;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      for (std::size_t sub = 0; sub < 8; ++sub) move.bytes(k, sub, 4 * sub + k, 1);
      for (std::size_t i = 0; i < kElems; ++i) {
        move.bits(k, 8 * 8 + nibble(i, 32), 8 * 32 + n4(k, i), 4);
        const std::size_t plane = i / 8 % 2 + 2 * (i / 16 % 2) + 4 * (i / 4 % 2);
        move.bits(k, 8 * 136 + plane_bit(i), 8 * (544 + 16 * (i / 32) + 4 * k + i % 4) + plane, 1);
      }
    }
  }
};

}  // namespace

const Codec iq5_ks_r4 =
    Woven<Iq5KsR4>::codec(352, "iq5_ks_r4", "docs/spec/types/interleaved.md, section 29");

}  // namespace quant
