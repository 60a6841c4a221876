// iq4_nl_r4: 4 rows of iq4_nl woven. Source: docs/spec/types/interleaved.md,
// section 9.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq4NlR4 {
  static constexpr std::size_t kRows = 4, kElems = 32, kBytes = 18, kMeta = 0;
  static constexpr const Codec* kPlain = &iq4_nl;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t j = 0; j < kElems; ++j) {
        move.bits(k, 8 * 2 + nibble(j, 16), 8 * 8 + n4(k, j), 4);
      }
    }
  }
};

}  // namespace

const Codec iq4_nl_r4 =
    Woven<Iq4NlR4>::codec(220, "iq4_nl_r4", "docs/spec/types/interleaved.md, section 9");

}  // namespace quant
