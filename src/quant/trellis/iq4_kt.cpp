// iq4_kt: 4 bits per weight. Four weights are one of 32768 computed groups of one of two codebooks;
// 32 share the codebook and a 7-bit scale of either sign, one f32 scale a row.
// Source: docs/spec/types/iqk.md, section 19.
#include "base/bytes.h"
#include "quant/registry.h"
#include "quant/trellis/generator.h"
#include "quant/trellis/row_codec.h"
#include "quant/trellis/row_fit.h"

namespace quant {
namespace {
constexpr std::size_t kShared = 0, kLow = 32, kHigh = 96, kBytes = 128;
constexpr std::uint32_t kEntries = 32768;

constexpr std::array<float, 63> count_up() {
  std::array<float, 63> levels{};
  for (std::size_t i = 0; i < levels.size(); ++i) levels[i] = static_cast<float>(i + 1);
  return levels;
}

/// Variant: bit 0 = codebook, bit 1 = negative scale. The level -64 is not used.
struct Format {
  static constexpr int kDim = 4;
  static constexpr int kSigns = 2;
  static constexpr int kBooks = 2;
  static constexpr bool kMagnitudes = false;
  static constexpr bool kUniform = true;
  static constexpr bool kZeroLevel = true;
  static constexpr std::array<std::array<float, 63>, 4> kLevels = {count_up(), count_up(),
                                                                   count_up(), count_up()};
  static constexpr std::array<std::array<float, 3>, 3> kProbes = {
      {{0.94F, 1.02F, 1.10F}, {0.70F, 0.78F, 0.86F}, {1.18F, 1.26F, 1.34F}}};
  static constexpr TrellisWidths kBest{.probe = {.margin = 1.0F, .cells = 60},
                                       .last = {.margin = 1.6F, .cells = 200},
                                       .every_set = 0.8F};
  static constexpr TrellisWidths kFast{.probe = {.margin = 0.75F, .cells = 60},
                                       .last = {.margin = 1.4F, .cells = 200}};
  static constexpr float kRivals = 0.9995F;

  static const CodebookIndex<4, 48, 2>& books() {
    static const CodebookIndex<4, 48, 2> index(trellis_codebook(2 * kEntries, 4, 0, false));
    return index;
  }
};

void decode_row(const std::byte* row, std::size_t cols, float* out) noexcept {
  const float d = base::load_f32(row);
  for (std::size_t b = 0; b < cols / kSuperBlock; ++b) {
    const std::byte* block = row + 4 + b * kBytes;
    for (std::size_t g = 0; g < 64; ++g) {
      const std::uint32_t shared = base::load_u32(block + kShared + 4 * (g / 8));
      const std::uint32_t middle = (base::load_u8(block + kHigh + g % 32) >> 4 * (g / 32)) & 15U;
      const std::uint32_t top = (shared >> (8 + 3 * (g % 8))) & 7U;
      const std::uint32_t index = base::load_u8(block + kLow + g) | middle << 8 | top << 12;
      const int level = static_cast<int>((shared >> 1) & 127U) - 64;
      const float scale = d * static_cast<float>(level);
      std::int8_t values[4];
      trellis_values(index + kTrellisOffset + kEntries * (shared & 1U), values);
      for (std::size_t k = 0; k < 4; ++k) {
        out[b * kSuperBlock + 4 * g + k] = scale * static_cast<float>(values[k]);
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
    const int level = !code.used ? 0 : (code.variant & 2) == 0 ? code.level + 1 : -code.level - 1;
    std::uint32_t shared =
        static_cast<std::uint32_t>(level + 64) << 1 | static_cast<std::uint32_t>(code.variant & 1);
    for (std::size_t j = 0; j < 8; ++j) {
      const std::size_t g = sub % 8 * 8 + j;
      base::store_u8(block + kLow + g, code.index[j] & 255U);
      block[kHigh + g % 32] |= static_cast<std::byte>((code.index[j] >> 8 & 15U) << 4 * (g / 32));
      shared |= code.index[j] >> 12 << (8 + 3 * j);
    }
    base::store(block + kShared + 4 * (sub % 8), shared);
  }
}

}  // namespace

const Codec iq4_kt{.id = 155,
                   .name = "iq4_kt",
                   .family = Family::trellis,
                   .readers = Readers::ik_only,
                   .block_elems = kSuperBlock,
                   .block_bytes = kBytes,
                   .row_meta_bytes = 4,
                   .spec = "docs/spec/types/iqk.md, section 19",
                   .decode = decode_trellis_row<decode_row>,
                   .encode = encode_trellis_rows<kBytes, 64, encode_row, decode_row>,
                   .check = check_trellis_row<64>};
}  // namespace quant
