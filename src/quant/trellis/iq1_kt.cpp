// iq1_kt: 1.75 bits per weight. Eight weights are one of 8192 computed groups, 32 share one of 16
// scale levels of either sign, one f32 scale a row. Source: docs/spec/types/iqk.md, section 16.
#include "base/bytes.h"
#include "quant/registry.h"
#include "quant/trellis/generator.h"
#include "quant/trellis/row_codec.h"
#include "quant/trellis/row_fit.h"
#include "quant/trellis/scale_levels.h"

namespace quant {
namespace {
constexpr std::size_t kScales = 0, kLow = 8, kHigh = 40, kBytes = 56;

struct Format : SignedLevels {
  static constexpr int kDim = 8;
  static constexpr std::array<std::array<float, 3>, 1> kProbes = {{{0.75F, 0.9F, 1.1F}}};
  static constexpr TrellisWidths kBest{.probe = {.margin = 0.7F, .cells = 60},
                                       .last = {.margin = 1.1F, .cells = 250}};
  static constexpr TrellisWidths kFast{.probe = {.margin = 0.5F, .cells = 60},
                                       .last = {.margin = 1.0F, .cells = 200}};
  static constexpr float kRivals = 1.0F;

  static const CodebookIndex<8, 32>& books() {
    static const CodebookIndex<8, 32> index(trellis_codebook(8192, 8, 0, false));
    return index;
  }
};

void decode_row(const std::byte* row, std::size_t cols, float* out) noexcept {
  const float d = base::load_f32(row);
  for (std::size_t b = 0; b < cols / kSuperBlock; ++b) {
    const std::byte* block = row + 4 + b * kBytes;
    for (std::size_t g = 0; g < 32; ++g) {
      const unsigned shared = base::load_u8(block + kScales + g / 4);
      const unsigned middle = (base::load_u8(block + kHigh + g % 16) >> 4 * (g / 16)) & 15U;
      const unsigned top = (shared >> (4 + g % 4)) & 1U;
      const unsigned index = base::load_u8(block + kLow + g) | middle << 8 | top << 12;
      const float scale = d * static_cast<float>(kScaleLevels[shared & 15U]);
      std::int8_t values[8];
      trellis_values(index + kTrellisOffset, values);
      for (std::size_t k = 0; k < 8; ++k) {
        out[b * kSuperBlock + 8 * g + k] = scale * static_cast<float>(values[k]);
      }
    }
  }
}

void encode_row(const float*, const RowInput& in, Effort effort, std::byte* row) {
  const auto fit = RowFit<Format>(in, effort).run();
  base::store(row, fit.d);
  for (std::size_t sub = 0; sub < fit.codes.size(); ++sub) {
    const auto& code = fit.codes[sub];
    std::byte* block = row + 4 + sub / 8 * kBytes;
    unsigned shared = static_cast<unsigned>(Format::stored_level(code.variant, code.level));
    for (std::size_t j = 0; j < 4; ++j) {
      const std::size_t g = sub % 8 * 4 + j;
      base::store_u8(block + kLow + g, code.index[j] & 255U);
      block[kHigh + g % 16] |= static_cast<std::byte>((code.index[j] >> 8 & 15U) << 4 * (g / 16));
      shared |= code.index[j] >> 12 << (4 + j);
    }
    base::store_u8(block + kScales + sub % 8, shared);
  }
}

}  // namespace

const Codec iq1_kt{.id = 158,
                   .name = "iq1_kt",
                   .family = Family::trellis,
                   .readers = Readers::ik_only,
                   .block_elems = kSuperBlock,
                   .block_bytes = kBytes,
                   .row_meta_bytes = 4,
                   .spec = "docs/spec/types/iqk.md, section 16",
                   .decode = decode_trellis_row<decode_row>,
                   .encode = encode_trellis_rows<kBytes, 127, encode_row, decode_row>,
                   .check = check_trellis_row<127>};
}  // namespace quant
