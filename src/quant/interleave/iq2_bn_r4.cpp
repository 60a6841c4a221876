// iq2_bn_r4: 4 rows of iq2_bn woven. Source: docs/spec/types/interleaved.md,
// section 30.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq2BnR4 {
  static constexpr std::size_t kRows = 4, kElems = 64, kBytes = 16, kMeta = 4;
  static constexpr const Codec* kPlain = &iq2_bn;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      for (std::size_t i = 0; i < kElems; ++i) {
        const std::size_t byte = 16 * (i / 16) + 4 * k + i % 4;
        move.bits(k, 8 * (i % 16) + 2 * (i / 16), 8 * byte + 2 * (i / 4 % 4), 2);
      }
    }
  }
};

}  // namespace

const Codec iq2_bn_r4 =
    Woven<Iq2BnR4>::codec(335, "iq2_bn_r4", "docs/spec/types/interleaved.md, section 30");

}  // namespace quant
