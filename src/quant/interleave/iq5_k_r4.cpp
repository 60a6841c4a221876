// iq5_k_r4: 4 rows of iq5_k woven. Source: docs/spec/types/interleaved.md,
// section 27.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq5KR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 176, kMeta = 0;
  static constexpr const Codec* kPlain = &iq5_k;

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
        move.bits(k, 8 * 16 + nibble(i, 32), 8 * 64 + n4(k, i), 4);
        const std::size_t plane = i / 8 % 2 + 2 * (i / 16 % 2) + 4 * (i / 4 % 2);
        move.bits(k, 8 * 144 + plane_bit(i), 8 * (576 + 16 * (i / 32) + 4 * k + i % 4) + plane, 1);
      }
    }
  }
};

}  // namespace

const Codec iq5_k_r4 =
    Woven<Iq5KR4>::codec(340, "iq5_k_r4", "docs/spec/types/interleaved.md, section 27");

}  // namespace quant
