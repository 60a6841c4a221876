// q6_k_r4: 4 rows of q6_K woven. Source: docs/spec/types/interleaved.md,
// section 14.
#include "quant/interleave/weave.h"
#include "quant/registry.h"

namespace quant {
namespace {

struct Q6KR4 {
  static constexpr std::size_t kRows = 4, kElems = 256, kBytes = 210, kMeta = 0;
  static constexpr const Codec* kPlain = &q6_K;

  template <class M>
  static void map(const M& move) noexcept {
    for (std::size_t k = 0; k < kRows; ++k) {
      move.bytes(k, 208, 2 * k, 2);
      for (std::size_t sub = 0; sub < 16; ++sub) move.bytes(k, 192 + sub, 8 + 4 * sub + k, 1);
      for (std::size_t i = 0; i < kElems; ++i) {
        const std::size_t quarter = i / 32 % 4;
        const std::size_t plain_low =
            8 * (64 * (i / 128) + 32 * (quarter % 2) + i % 32) + 4 * (quarter / 2);
        move.bits(k, plain_low, 8 * 328 + n4(k, i), 4);
        const std::size_t byte = 72 + 32 * (i / 32) + 16 * (i / 16 % 2) + 4 * k + i % 4;
        const std::size_t at = 2 * (i / 8 % 2) + 4 * (i / 4 % 2);
        move.bits(k, 8 * 128 + pair_code(i), 8 * byte + at, 2);
      }
    }
  }
};

}  // namespace

const Codec q6_k_r4 =
    Woven<Q6KR4>::codec(214, "q6_k_r4", "docs/spec/types/interleaved.md, section 14");

}  // namespace quant
