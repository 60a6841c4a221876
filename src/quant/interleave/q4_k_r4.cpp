// q4_k_r4: 4 rows of q4_K woven. Source: docs/spec/types/interleaved.md,
// section 12.
#include "quant/interleave/k_scales.h"
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Q4KR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 144, kMeta = 0;
  static constexpr const Codec* kPlain = &q4_K;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      move.bytes(k, 2, 8 + 2 * k, 2);
      for (std::size_t sub = 0; sub < 8; ++sub) move_k_scale(move, k, sub);
      for (std::size_t i = 0; i < kElems; ++i) {
        move.bits(k, 8 * 16 + nibble(i, 32), 8 * 64 + n4(k, i), 4);
      }
    }
  }
};

}  // namespace

const Codec q4_k_r4 =
    Woven<Q4KR4>::codec(212, "q4_k_r4", "docs/spec/types/interleaved.md, section 12");

}  // namespace quant
