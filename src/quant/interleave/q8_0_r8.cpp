// q8_0_r8: 8 rows of q8_0 woven. Source: docs/spec/types/interleaved.md,
// section 6.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Q80R8 {
  static constexpr std::size_t kRows = 8, kElems = 32, kBytes = 34, kMeta = 0;
  static constexpr const Codec* kPlain = &q8_0;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t t = 0; t < 8; ++t) move.bytes(k, 2 + 4 * t, 16 + 32 * t + 4 * k, 4);
    }
  }
};

}  // namespace

const Codec q8_0_r8 =
    Woven<Q80R8>::codec(208, "q8_0_r8", "docs/spec/types/interleaved.md, section 6");

}  // namespace quant
