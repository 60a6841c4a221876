// mxfp4_r8: 8 rows of mxfp4 woven. Source: docs/spec/types/interleaved.md,
// section 5.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Mxfp4R8 {
  static constexpr std::size_t kRows = 8, kElems = 32, kBytes = 17, kMeta = 0;
  static constexpr const Codec* kPlain = &mxfp4;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, k, 1);
      for (std::size_t p = 0; p < 16; p += 4) move.bytes(k, 1 + p, 8 + 8 * p + 4 * k, 4);
    }
  }
};

}  // namespace

const Codec mxfp4_r8 =
    Woven<Mxfp4R8>::codec(353, "mxfp4_r8", "docs/spec/types/interleaved.md, section 5");

}  // namespace quant
