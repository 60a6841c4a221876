// q3_k_r4: 4 rows of q3_K woven. Source: docs/spec/types/interleaved.md,
// section 11.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Q3KR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 110, kMeta = 0;
  static constexpr const Codec* kPlain = &q3_K;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 108, 2 * k, 2);
      for (std::size_t sub = 0; sub < 16; ++sub) {
        const std::size_t u = 4 * sub + k;
        move.bits(k, 8 * 96 + low_nibble(sub, 16), 8 * 24 + low_nibble(u, 64), 4);
        move.bits(k, 8 * 104 + high_pair(sub, 16), 8 * 8 + high_pair(u, 64), 2);
      }
      for (std::size_t i = 0; i < kElems; ++i) {
        move.bits(k, 8 * 32 + pair_code(i), 8 * 184 + n2(k, i), 2);
        const std::size_t byte = 56 + 16 * (i / 32) + 4 * k + i % 4;
        move.bits(k, plane_bit(i), 8 * byte + i / 4 % 8, 1);
      }
    }
  }
};

}  // namespace

const Codec q3_k_r4 =
    Woven<Q3KR4>::codec(211, "q3_k_r4", "docs/spec/types/interleaved.md, section 11");

}  // namespace quant
