// iq3_kt: 3.125 bits per weight. Eight magnitudes are one of 65536 computed groups, a sign bit
// each, a 4-bit scale for 32 weights, one f32 scale a row.
// Source: docs/spec/types/iqk.md, section 18.
//
// The matrix products of ik_llama.cpp multiply this format by a gain that its decoder leaves out.
// Weights are meant with the gain, so the stored scale is the wanted one divided by it.
#include "base/bytes.h"
#include "quant/registry.h"
#include "quant/trellis/generator.h"
#include "quant/trellis/row_codec.h"
#include "quant/trellis/row_fit.h"

namespace quant {
namespace {
constexpr std::size_t kScales = 0, kIndices = 4, kSigns = 68, kBytes = 100;
constexpr float kGain = 1.01F;

struct Format {
  static constexpr int kDim = 8;
  static constexpr int kSigns = 1;
  static constexpr int kBooks = 1;
  static constexpr bool kMagnitudes = true;
  static constexpr bool kUniform = true;
  static constexpr bool kZeroLevel = true;
  static constexpr std::array<std::array<float, 15>, 1> kLevels = {
      {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}};
  static constexpr std::array<std::array<float, 4>, 1> kProbes = {{{0.7F, 0.85F, 1.0F, 1.2F}}};
  static constexpr TrellisWidths kBest{.probe = {.margin = 2.0F, .cells = 80},
                                       .last = {.margin = 2.5F, .cells = 300}};
  static constexpr TrellisWidths kFast{.probe = {.margin = 1.0F, .cells = 60},
                                       .last = {.margin = 2.0F, .cells = 250}};
  static constexpr float kRivals = 1.0F;

  static const CodebookIndex<8, 64>& books() {
    static const CodebookIndex<8, 64> index(trellis_codebook(65536, 8, 0, true));
    return index;
  }
};

void decode_row(const std::byte* row, std::size_t cols, float* out) noexcept {
  const float d = base::load_f32(row);
  for (std::size_t b = 0; b < cols / kSuperBlock; ++b) {
    const std::byte* block = row + 4 + b * kBytes;
    for (std::size_t g = 0; g < 32; ++g) {
      const std::size_t sub = g / 4;
      const unsigned level = (base::load_u8(block + kScales + sub % 4) >> 4 * (sub / 4)) & 15U;
      const float scale = d * static_cast<float>(level);
      std::int8_t values[8];
      trellis_values(base::load_u16(block + kIndices + 2 * g) + kTrellisOffset, values);
      for (std::size_t k = 0; k < 8; ++k) {
        const std::size_t i = 8 * g + k;
        const float m = scale * std::fabs(static_cast<float>(values[k]));
        const bool negative = ((base::load_u8(block + kSigns + i % 32) >> i / 32) & 1U) != 0;
        out[b * kSuperBlock + i] = negative ? -m : m;
      }
    }
  }
}

void encode_row(const float* x, const RowInput& in, Effort effort, std::byte* row) {
  const auto fit = RowFit<Format>(in, effort).run();
  base::store(row, fit.d / kGain);
  for (std::size_t sub = 0; sub < fit.codes.size(); ++sub) {
    const auto& code = fit.codes[sub];
    std::byte* block = row + 4 + sub / 8 * kBytes;
    const std::size_t j = sub % 8;
    const int level = code.used ? code.level + 1 : 0;
    block[kScales + j % 4] |= static_cast<std::byte>(level << 4 * (j / 4));
    for (std::size_t g = 0; g < 4; ++g) {
      base::store(block + kIndices + 2 * (4 * j + g), static_cast<std::uint16_t>(code.index[g]));
    }
    for (std::size_t i = 0; i < 32; ++i) {
      const unsigned negative = x[sub * kSubBlock + i] < 0 ? 1 : 0;
      block[kSigns + i] |= static_cast<std::byte>(negative << j);
    }
  }
}

}  // namespace

const Codec iq3_kt{.id = 154,
                   .name = "iq3_kt",
                   .family = Family::trellis,
                   .readers = Readers::ik_only,
                   .block_elems = kSuperBlock,
                   .block_bytes = kBytes,
                   .row_meta_bytes = 4,
                   .product_gain = kGain,
                   .spec = "docs/spec/types/iqk.md, section 18",
                   .decode = decode_trellis_row<decode_row>,
                   .encode = encode_trellis_rows<kBytes, 15, encode_row, decode_row>,
                   .check = check_trellis_row<15>};
}  // namespace quant
