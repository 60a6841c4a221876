// iq3_s_r4: 4 rows of iq3_s woven. Source: docs/spec/types/interleaved.md,
// section 23.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Iq3SR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 110, kMeta = 0;
  static constexpr const Codec* kPlain = &iq3_s;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 0, 2 * k, 2);
      for (std::size_t sub = 0; sub < 8; ++sub) {
        move.bytes(k, 66 + sub, 264 + 4 * sub + k, 1);
        move.bits(k, 8 * 106 + 4 * sub, 8 * 424 + low_nibble(4 * sub + k, 32), 4);
        for (std::size_t t = 0; t < 8; ++t) {
          move.bytes(k, 2 + 8 * sub + t, 8 + 32 * sub + 8 * (t % 4) + 4 * (t / 4) + k, 1);
        }
      }
      for (std::size_t i = 0; i < kElems; ++i) {
        const std::size_t byte = 296 + 16 * (i / 32) + 4 * k + i % 4;
        move.bits(k, 8 * 74 + i, 8 * byte + i / 4 % 8, 1);
      }
    }
  }
};

}  // namespace

const Codec iq3_s_r4 =
    Woven<Iq3SR4>::codec(221, "iq3_s_r4", "docs/spec/types/interleaved.md, section 23");

}  // namespace quant
