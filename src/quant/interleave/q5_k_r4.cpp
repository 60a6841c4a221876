// q5_k_r4: 4 rows of q5_K woven. Source: docs/spec/types/interleaved.md,
// section 13.
#include "quant/interleave/k_scales.h"
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Q5KR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 176, kMeta = 0;
  static constexpr const Codec* kPlain = &q5_K;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      move.bytes(k, 2, 8 + 2 * k, 2);
      for (std::size_t sub = 0; sub < 8; ++sub) move_k_scale(move, k, sub);
      for (std::size_t i = 0; i < kElems; ++i) {
        const std::size_t plane = i / 8 % 2 + 2 * (i / 4 % 2) + 4 * (i / 16 % 2);
        move.bits(k, 8 * 16 + plane_bit(i), 8 * (64 + 16 * (i / 32) + 4 * k + i % 4) + plane, 1);
        move.bits(k, 8 * 48 + nibble(i, 32), 8 * 192 + n4(k, i), 4);
      }
    }
  }
};

}  // namespace

const Codec q5_k_r4 =
    Woven<Q5KR4>::codec(213, "q5_k_r4", "docs/spec/types/interleaved.md, section 13");

}  // namespace quant
