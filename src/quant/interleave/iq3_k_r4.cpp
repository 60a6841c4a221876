// iq3_k_r4: 4 rows of iq3_k woven. Source: docs/spec/types/interleaved.md,
// section 25.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq3KR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 110, kMeta = 0;
  static constexpr const Codec* kPlain = &iq3_k;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t sub = 0; sub < 16; ++sub) {
        const std::size_t u = 4 * sub + k;
        move.bits(k, 8 * 2 + sub, 8 * (8 + u % 8) + u / 8, 1);
        move.bits(k, 8 * 4 + sub, 8 * (16 + u % 8) + u / 8, 1);
        move.bits(k, 8 * 6 + 4 * sub, 8 * 24 + low_nibble(u, 64), 4);
      }
      for (std::size_t i = 0; i < kElems; ++i) {
        move.bits(k, 8 * 14 + pair_code(i), 8 * 56 + n2(k, i), 2);
        const std::size_t byte = 312 + 16 * (i / 32) + 4 * k + i % 4;
        move.bits(k, 8 * 78 + plane_bit(i), 8 * byte + i / 4 % 8, 1);
      }
    }
  }
};

}  // namespace

const Codec iq3_k_r4 =
    Woven<Iq3KR4>::codec(338, "iq3_k_r4", "docs/spec/types/interleaved.md, section 25");

}  // namespace quant
