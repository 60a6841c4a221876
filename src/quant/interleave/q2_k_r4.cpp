// q2_k_r4: 4 rows of q2_K woven. Source: docs/spec/types/interleaved.md,
// section 10.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Q2KR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 84, kMeta = 0;
  static constexpr const Codec* kPlain = &q2_K;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 80, 2 * k, 2);
      move.bytes(k, 82, 8 + 2 * k, 2);
      for (std::size_t sub = 0; sub < 16; ++sub) move.bytes(k, sub, 16 + 4 * sub + k, 1);
      for (std::size_t i = 0; i < kElems; ++i) {
        move.bits(k, 8 * 16 + pair_code(i), 8 * 80 + n2(k, i), 2);
      }
    }
  }
};

}  // namespace

const Codec q2_k_r4 =
    Woven<Q2KR4>::codec(210, "q2_k_r4", "docs/spec/types/interleaved.md, section 10");

}  // namespace quant
