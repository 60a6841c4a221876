// iq2_kl: 256 weights in 8 sub-blocks of 32, pairs of neighbours address 32 points made of the 8
// levels of iq3_k, 6-bit scales, one f16 scale a row; 2.6875 bits per weight.
// Source: docs/spec/types/iqk.md, section 6.
#include <algorithm>

#include "quant/iqk/bits.h"
#include "quant/iqk/kernels.h"
#include "quant/iqk/level_fit.h"
#include "quant/registry.h"

namespace quant {
namespace {
using lanes::F8, lanes::I8, lanes::fused, lanes::kLanes, lanes::max, lanes::min, lanes::splat;
constexpr std::size_t kHigh = 0, kLow = 2, kCodes = 6, kFifth = 70, kBytes = 86;
constexpr std::size_t kPoints = 32, kLevels = LevelsT3::kLevel.size();

constexpr std::array<float, 2 * kPoints> kGrid{
#include "quant/iqk/data/iq2kl_grid.txt.inc"
};

/// Index of a coordinate in the level table.
constexpr std::uint8_t level_index(float level) noexcept {
  std::uint8_t k = 0;
  while (LevelsT3::kLevel[k] != level) ++k;
  return k;
}

/// The points as level indices: [0] of the even element, [1] of the odd one.
constexpr auto kIndices = [] {
  std::array<std::array<std::uint8_t, kPoints>, 2> out{};
  for (std::size_t c = 0; c < kPoints; ++c) {
    for (std::size_t e = 0; e < 2; ++e) out[e][c] = level_index(kGrid[2 * c + e]);
  }
  return out;
}();

constexpr auto kCoordinates = [] {
  std::array<std::array<float, kPoints>, 2> out{};
  for (std::size_t c = 0; c < kPoints; ++c) out[0][c] = kGrid[2 * c], out[1][c] = kGrid[2 * c + 1];
  return out;
}();

/// The points with even level k are kFirst[k] .. kFirst[k + 1] - 1.
constexpr auto kFirst = [] {
  std::array<std::uint8_t, kLevels + 1> out{};
  for (std::size_t c = 0; c < kPoints; ++c) {
    for (std::size_t k = kIndices[0][c] + 1U; k <= kLevels; ++k) ++out[k];
  }
  return out;
}();

/// Point of least weighted distance for the elements j and j + 1. The distances of the odd element
/// carry the point's place among those of its even level in their last three bits, so that one
/// minimum finds both.
I8 nearest_point(const Tile& tile, std::size_t j, F8 inverse) noexcept {
  std::array<std::array<F8, kLevels>, 2> cost;
  for (std::size_t e = 0; e < 2; ++e) {
    const F8 v = tile.x[j + e] * inverse;
    for (std::size_t k = 0; k < kLevels; ++k) {
      const F8 off = v - splat(LevelsT3::kLevel[k]);
      cost[e][k] = tile.w[j + e] * (off * off);
    }
  }
  constexpr std::int32_t kPlace = 7;
  std::array<I8, kLevels> odd;
  for (std::size_t k = 0; k < kLevels; ++k) odd[k] = reinterpret_cast<I8>(cost[1][k]) & ~kPlace;
  I8 point{};
  F8 least = splat(3e38F);
  for (std::size_t k = 0; k < kLevels; ++k) {
    // Not negative, so integers order them like floats.
    I8 nearest = odd[kIndices[1][kFirst[k]]];
    for (std::size_t c = kFirst[k] + 1U; c < kFirst[k + 1]; ++c) {
      const I8 other = odd[kIndices[1][c]] | static_cast<std::int32_t>(c - kFirst[k]);
      nearest = other < nearest ? other : nearest;
    }
    const F8 both = cost[0][k] + reinterpret_cast<F8>(nearest);
    const I8 at = (nearest & kPlace) + static_cast<std::int32_t>(kFirst[k]);
    point = both < least ? at : point;
    least = min(both, least);
  }
  return point;
}

// The same nearly, for sums: the plane is cut into squares, and for each a table names four points,
// nearest to its middle for even weights, for uneven ones, and the second nearest for even ones.
constexpr std::size_t kSquares = 16;  // a side, 8 wide, from -64 to 64

/// The coordinates of four points, even element first, one byte each: two points a word.
using Square = std::array<std::uint32_t, 2>;

Square points_near(float x0, float x1) noexcept {
  constexpr std::array<std::array<float, 2>, 4> kWeights{{{1, 1}, {1, 6}, {6, 1}, {1, 1}}};
  std::array<bool, kPoints> taken{};
  Square out{};
  for (std::size_t k = 0; k < kWeights.size(); ++k) {
    std::size_t nearest = kPoints;
    float least = 3e38F;
    for (std::size_t c = 0; c < kPoints; ++c) {
      const float off0 = x0 - kCoordinates[0][c], off1 = x1 - kCoordinates[1][c];
      const float distance = kWeights[k][0] * off0 * off0 + kWeights[k][1] * off1 * off1;
      if (!taken[c] && distance < least) least = distance, nearest = c;
    }
    taken[nearest] = true;
    for (std::size_t e = 0; e < 2; ++e) {
      const auto byte = static_cast<std::uint8_t>(static_cast<int>(kCoordinates[e][nearest]));
      out[k / 2] |= static_cast<std::uint32_t>(byte) << 8 * (k % 2 * 2 + e);
    }
  }
  return out;
}

std::array<Square, kSquares * kSquares> make_squares() noexcept {
  std::array<Square, kSquares * kSquares> out{};
  const auto middle = [](std::size_t i) { return 8.0F * static_cast<float>(i) - 60.0F; };
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = points_near(middle(i % kSquares), middle(i / kSquares));
  }
  return out;
}

/// Number of the strip of squares that holds v, or of the last one towards it.
I8 strip(F8 v) noexcept {
  constexpr float kLast = static_cast<float>(kSquares) - 0.5F;
  const F8 at = fused(v, splat(1 / 8.0F), splat(8.0F));
  return lanes::truncate(max(min(at, splat(kLast)), splat(0.0F)));
}

/// Byte `at` of each word, with its sign.
F8 byte_of(I8 word, int at) noexcept { return lanes::to_float(word << (24 - 8 * at) >> 24); }

struct Pair {
  F8 q0, q1;
};

Pair near_point(const Square& first, const Tile& tile, std::size_t j, F8 inverse) noexcept {
  const F8 v0 = tile.x[j] * inverse, v1 = tile.x[j + 1] * inverse;
  const I8 square = strip(v1) * static_cast<std::int32_t>(kSquares) + strip(v0);
  Pair best{};
  F8 least = splat(3e38F);
  for (std::size_t word = 0; word < first.size(); ++word) {
    const I8 points = lanes::gather(first.data() + word, square * 2);
    for (int p = 0; p < 2; ++p) {
      const F8 q0 = byte_of(points, 2 * p), q1 = byte_of(points, 2 * p + 1);
      const F8 off0 = v0 - q0, off1 = v1 - q1;
      const F8 cost = fused(tile.w[j] * off0, off0, tile.w[j + 1] * off1 * off1);
      best.q0 = cost < least ? q0 : best.q0;
      best.q1 = cost < least ? q1 : best.q1;
      least = min(cost, least);
    }
  }
  return best;
}

void sums(const Tile& tile, const F8& inverse, const F8&, Sums& out) noexcept {
  static const auto squares = make_squares();
  F8 xq{}, qq{};
  for (std::size_t j = 0; j < tile.elems; j += 2) {
    const Pair q = near_point(squares[0], tile, j, inverse);
    xq = fused(tile.wx[j], q.q0, xq);
    xq = fused(tile.wx[j + 1], q.q1, xq);
    qq = fused(tile.w[j] * q.q0, q.q0, qq);
    qq = fused(tile.w[j + 1] * q.q1, q.q1, qq);
  }
  out = {xq, qq};
}

void sums2(const Tile& tile, const F8 (&inverse)[2], const F8& shift, Sums (&out)[2]) noexcept {
  for (int i = 0; i < 2; ++i) sums(tile, inverse[i], shift, out[i]);
}

void codes(const Tile& tile, const F8& inverse, const F8&, std::uint8_t* out) noexcept {
  for (std::size_t j = 0; j < tile.elems; j += 2) {
    const I8 point = nearest_point(tile, j, inverse);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const auto c = static_cast<std::size_t>(point[lane]);
      out[lane * tile.elems + j] = kIndices[0][c];
      out[lane * tile.elems + j + 1] = kIndices[1][c];
    }
  }
}

constexpr LevelKernel kKernel{.first = LevelsT3::kLevel.front(),
                              .last = LevelsT3::kLevel.back(),
                              .shift = 0,
                              .levels = LevelsT3::kLevel,
                              .sums = sums,
                              .sums2 = sums2,
                              .codes = codes};

/// Code of a point given as level indices; every point of a LevelBlock is one of the grid.
constexpr auto kCodeOf = [] {
  std::array<std::uint8_t, kLevels * kLevels> out{};
  for (std::size_t c = 0; c < kPoints; ++c) {
    out[kIndices[0][c] * kLevels + kIndices[1][c]] = static_cast<std::uint8_t>(c);
  }
  return out;
}();

void pack(const LevelBlock& from, std::byte* block) noexcept {
  std::fill_n(block, kBytes, std::byte{0});
  for (std::size_t b = 0; b < 8; ++b) {
    const auto s = static_cast<std::uint32_t>(from.scale[b] + 32);
    put_bits(block + kLow + b % 4, s & 15U, 4 * (b / 4));
    put_bits(block + kHigh + b / 4, s >> 4, 2 * (b % 4));
    for (std::size_t p = 0; p < 16; ++p) {
      const std::size_t i = 32 * b + 2 * p;
      const std::uint32_t c = kCodeOf[from.code[i] * kLevels + from.code[i + 1]];
      put_bits(block + kCodes + 16 * (b / 2) + p, c & 15U, 4 * (b % 2));
      put_bits(block + kFifth + p, c >> 4, b);
    }
  }
}

void unpack(const std::byte* block, LevelBlock& to) noexcept {
  for (std::size_t b = 0; b < 8; ++b) {
    const std::uint32_t s = get_bits(block + kLow + b % 4, 4 * (b / 4), 4) |
                            get_bits(block + kHigh + b / 4, 2 * (b % 4), 2) << 4;
    to.scale[b] = static_cast<std::int16_t>(static_cast<int>(s) - 32);
    to.half[b] = 0;
    for (std::size_t p = 0; p < 16; ++p) {
      const std::uint32_t c = get_bits(block + kCodes + 16 * (b / 2) + p, 4 * (b % 2), 4) |
                              get_bits(block + kFifth + p, b, 1) << 4;
      to.code[32 * b + 2 * p] = kIndices[0][c];
      to.code[32 * b + 2 * p + 1] = kIndices[1][c];
    }
  }
}

constexpr LevelFormat kFormat{.kernel = &kKernel,
                              .sub_elems = 32,
                              .scales = {.min = -32, .max = 31},
                              .scope = LevelFormat::Scope::row,
                              .trials = 8,  // each costs more than in other formats
                              .fast_trials = 4,
                              .block_bytes = kBytes,
                              .pack = pack,
                              .unpack = unpack};
}  // namespace

const Codec iq2_kl = level_codec<kFormat>(157, "iq2_kl", Family::iqk, Readers::ik_only,
                                          "docs/spec/types/iqk.md, section 6");
}  // namespace quant
