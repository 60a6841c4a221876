// iq2_kt: 2.125 bits per weight. Eight weights are one of 65536 computed groups, 32 share one of 16
// scale levels of either sign, one f32 scale a row. Source: docs/spec/types/iqk.md, section 17.
//
// The matrix products of ik_llama.cpp multiply this format by a gain that its decoder leaves out.
// Weights are meant with the gain, so the stored scale is the wanted one divided by it.
#include "base/bytes.h"
#include "quant/registry.h"
#include "quant/trellis/generator.h"
#include "quant/trellis/row_codec.h"
#include "quant/trellis/row_fit.h"
#include "quant/trellis/scale_levels.h"

namespace quant {
namespace {
constexpr std::size_t kIndices = 4, kBytes = 68;
constexpr float kGain = 1.05F;

struct Format : SignedLevels {
  static constexpr int kDim = 8;
  static constexpr std::array<std::array<float, 3>, 1> kProbes = {{{0.75F, 0.9F, 1.1F}}};
  static constexpr TrellisWidths kBest{.probe = {.margin = 0.6F, .cells = 60},
                                       .last = {.margin = 1.35F, .cells = 200}};
  static constexpr TrellisWidths kFast{.probe = {.margin = 0.4F, .cells = 50},
                                       .last = {.margin = 0.8F, .cells = 200}};
  static constexpr float kRivals = 1.0F;

  static const CodebookIndex<8, 64>& books() {
    static const CodebookIndex<8, 64> index(trellis_codebook(65536, 8, 0, false));
    return index;
  }
};

void decode_row(const std::byte* row, std::size_t cols, float* out) noexcept {
  const float d = base::load_f32(row);
  for (std::size_t b = 0; b < cols / kSuperBlock; ++b) {
    const std::byte* block = row + 4 + b * kBytes;
    for (std::size_t g = 0; g < 32; ++g) {
      const std::size_t sub = g / 4;
      const unsigned level = (base::load_u8(block + sub % 4) >> 4 * (sub / 4)) & 15U;
      const float scale = d * static_cast<float>(kScaleLevels[level]);
      std::int8_t values[8];
      trellis_values(base::load_u16(block + kIndices + 2 * g) + kTrellisOffset, values);
      for (std::size_t k = 0; k < 8; ++k) {
        out[b * kSuperBlock + 8 * g + k] = scale * static_cast<float>(values[k]);
      }
    }
  }
}

void encode_row(const float*, const RowInput& in, Effort effort, std::byte* row) {
  const auto fit = RowFit<Format>(in, effort).run();
  base::store(row, fit.d / kGain);
  for (std::size_t sub = 0; sub < fit.codes.size(); ++sub) {
    const auto& code = fit.codes[sub];
    std::byte* block = row + 4 + sub / 8 * kBytes;
    const std::size_t j = sub % 8;
    block[j % 4] |=
        static_cast<std::byte>(Format::stored_level(code.variant, code.level) << 4 * (j / 4));
    for (std::size_t g = 0; g < 4; ++g) {
      base::store(block + kIndices + 2 * (4 * j + g), static_cast<std::uint16_t>(code.index[g]));
    }
  }
}

}  // namespace

const Codec iq2_kt{.id = 153,
                   .name = "iq2_kt",
                   .family = Family::trellis,
                   .readers = Readers::ik_only,
                   .block_elems = kSuperBlock,
                   .block_bytes = kBytes,
                   .row_meta_bytes = 4,
                   .product_gain = kGain,
                   .spec = "docs/spec/types/iqk.md, section 17",
                   .decode = decode_trellis_row<decode_row>,
                   .encode = encode_trellis_rows<kBytes, 127, encode_row, decode_row>,
                   .check = check_trellis_row<127>};
}  // namespace quant
