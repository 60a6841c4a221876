// What every codec of the registry must hold, whatever its format.
#include <fmt/format.h>

#include <bit>
#include <cctype>
#include <cstring>
#include <set>

#include "support/matrices.h"
#include "support/support.h"

namespace {

using quant::Codec;
using quant::Effort;

TEST(Registry, IdsAscendAndNamesDiffer) {
  std::set<std::string> names;
  std::optional<std::uint32_t> last;
  for (const Codec* codec : quant::all_codecs()) {
    if (last) {
      EXPECT_LT(*last, codec->id) << codec->name;
    }
    last = codec->id;
    std::string lower(codec->name);
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    EXPECT_TRUE(names.insert(lower).second) << codec->name;
  }
}

TEST(Registry, FindsByIdAndByNameIgnoringCase) {
  for (const Codec* codec : quant::all_codecs()) {
    EXPECT_EQ(quant::find_codec(codec->id), codec);
    std::string upper(codec->name);
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(quant::find_codec(upper), codec);
  }
  EXPECT_EQ(quant::find_codec(15u), nullptr);
  EXPECT_FALSE(quant::why_unknown(15).empty());
}

/// Encoding woven rows must lose exactly what encoding them in the plain format loses.
void expect_woven_as_plain(const Codec& codec, std::span<const float> importance) {
  constexpr std::size_t kCols = 512;
  const std::size_t rows = 2 * codec.group_rows;
  const std::vector<float> x = test::gaussian(rows * kCols, 0.02f, 5);
  const quant::EncodeInput in{.x = x, .rows = rows, .cols = kCols, .importance = importance};
  const auto woven = test::decode(codec, test::encode(codec, in), rows, kCols);
  const auto plain = test::decode(*codec.plain, test::encode(*codec.plain, in), rows, kCols);
  for (std::size_t i = 0; i < woven.size(); ++i) {
    // As numbers: q5_0_r4 and q6_0_r4 give +0 where the plain format gives -0.
    ASSERT_EQ(woven[i], plain[i]) << "row " << i / kCols << " column " << i % kCols;
  }
}

TEST(Registry, InterleavedRowsAreThePlainRows) {
  const auto importances = test::hostile_importances(512);
  for (const Codec* codec : quant::all_codecs()) {
    if (codec->plain == nullptr || codec->encode == nullptr) continue;
    SCOPED_TRACE(codec->name);
    expect_woven_as_plain(*codec, importances[2].values);
    if (!codec->needs_importance) expect_woven_as_plain(*codec, {});
  }
}

class EveryCodec : public testing::TestWithParam<const Codec*> {
 protected:
  const Codec& codec() const { return *GetParam(); }
  /// A row long enough for every block length, with several blocks of most formats.
  static constexpr std::size_t kCols = 512;

  std::vector<float> weights(std::size_t rows, std::uint64_t seed = 3) const {
    return test::gaussian(rows * kCols, 0.02f, seed);
  }
  std::vector<float> spread_importance() const {
    return test::hostile_importances(kCols)[2].values;
  }

  quant::EncodeInput input(std::span<const float> x, std::span<const float> importance,
                           Effort effort = Effort::best) const {
    return {.x = x,
            .rows = x.size() / kCols,
            .cols = kCols,
            .importance = importance,
            .effort = effort};
  }
};

TEST_P(EveryCodec, DescribesItself) {
  EXPECT_FALSE(codec().name.empty());
  EXPECT_FALSE(codec().spec.empty());
  EXPECT_GT(codec().block_elems, 0u);
  EXPECT_GT(codec().block_bytes, 0u);
  EXPECT_GE(codec().group_rows, 1u);
  ASSERT_NE(codec().decode, nullptr);
  ASSERT_NE(codec().check, nullptr);
  EXPECT_EQ(codec().row_bytes(codec().block_elems * 2),
            codec().row_meta_bytes + 2 * codec().block_bytes);
  if (codec().plain != nullptr) {
    EXPECT_GE(codec().plain->row_bytes(kCols), codec().row_bytes(kCols));
  }
}

/// What a test weighs errors with: nothing if all importance is zero.
std::vector<float> measurable(std::span<const float> importance) {
  const bool any = std::ranges::any_of(importance, [](float v) { return v > 0; });
  return any ? std::vector<float>(importance.begin(), importance.end()) : std::vector<float>();
}

/// The encoded hostile matrix must be sound: check passes, all finite, error not above that of
/// zero.
void expect_sound(const Codec& codec, const quant::EncodeInput& in) {
  const auto bytes = test::encode(codec, in);
  const std::size_t group_bytes = codec.group_rows * codec.row_bytes(in.cols);
  for (std::size_t g = 0; g < in.rows / codec.group_rows; ++g) {
    const auto bad = codec.check(std::span(bytes).subspan(g * group_bytes, group_bytes), in.cols);
    ASSERT_FALSE(bad.has_value()) << bad->what << " in block " << bad->block;
  }
  const auto decoded = test::decode(codec, bytes, in.rows, in.cols);
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    ASSERT_TRUE(std::isfinite(decoded[i])) << "element " << i << " of " << in.x[i];
  }
  const std::vector<float> v = measurable(in.importance);
  if (test::relative_error(in.x, std::vector<float>(in.x.size()), v) == 0) {
    EXPECT_EQ(test::relative_error(in.x, decoded, v), 0) << "zeros must stay zeros";
  } else {
    EXPECT_LE(test::relative_error(in.x, decoded, v), 1 + 1e-6) << "worse than zeros";
  }
}

/// Few bits make coded weights too short unless the encoder sees to their length. What counts is
/// what products make of them.
TEST_P(EveryCodec, KeepsTheNormOfTheWeights) {
  if (codec().encode == nullptr) GTEST_SKIP() << "read-only format";
  const std::vector<float> x = weights(4 * codec().group_rows);
  const std::vector<float> importance(kCols, 1.0f);
  const auto bytes = test::encode(codec(), input(x, importance));
  const auto decoded = test::decode(codec(), bytes, x.size() / kCols, kCols);
  double before = 0, after = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double y = static_cast<double>(decoded[i]) * codec().product_gain;
    before += static_cast<double>(x[i]) * x[i];
    after += y * y;
  }
  // Three levels or fewer have no length to choose where the scale is their mean.
  const double least =
      codec().family == quant::Family::ternary ||
              (codec().plain != nullptr && codec().plain->family == quant::Family::ternary)
          ? 0.6
          : 0.97;
  EXPECT_GE(std::sqrt(after / before), least);
  EXPECT_LE(std::sqrt(after / before), 1.03);
}

TEST_P(EveryCodec, SurvivesHostileRows) {
  if (codec().encode == nullptr) GTEST_SKIP() << "read-only format";
  for (const auto& [row_name, row] : test::hostile_rows(kCols)) {
    // Plain formats keep what they are given; f16 turns huge values into infinity, which check
    // refuses.
    const float peak =
        std::fabs(*std::ranges::max_element(row, {}, [](float value) { return std::fabs(value); }));
    const Codec& plain = codec().plain == nullptr ? codec() : *codec().plain;
    if (plain.is_float() && peak > 65504) continue;
    std::vector<float> x;
    for (std::size_t r = 0; r < codec().group_rows; ++r) x.insert(x.end(), row.begin(), row.end());
    for (const auto& [importance_name, importance] : test::hostile_importances(kCols)) {
      if (importance.empty() && codec().needs_importance) continue;
      for (const Effort effort : {Effort::fast, Effort::best}) {
        SCOPED_TRACE(row_name + ", importance " + importance_name +
                     (effort == Effort::fast ? ", fast" : ", best"));
        expect_sound(codec(), input(x, importance, effort));
        if (HasFatalFailure()) return;
      }
    }
  }
}

/// Squared errors of what has a scale of its own (a block, or a row that begins with one), each
/// against the energy of its weights.
void expect_parts_sound(const Codec& codec, const quant::EncodeInput& in) {
  const Codec& plain = codec.plain == nullptr ? codec : *codec.plain;
  const std::size_t part = plain.row_meta_bytes > 0 ? in.cols : plain.block_elems;
  const auto y = test::decode(codec, test::encode(codec, in), in.rows, in.cols);
  for (std::size_t first = 0; first < y.size(); first += part) {
    double error = 0, energy = 0;
    for (std::size_t i = first; i < first + part; ++i) {
      const double v = in.importance.empty() ? 1 : static_cast<double>(in.importance[i % in.cols]);
      const double x = static_cast<double>(in.x[i]), off = x - static_cast<double>(y[i]);
      error += v * off * off;
      energy += v * x * x;
    }
    ASSERT_LE(error, energy * (1 + 1e-6)) << "weights from " << first;
  }
}

/// The floats of a fuzz find, which iq4_k made worse than zeros, again and again.
std::vector<float> fuzzed(std::size_t n) {
  constexpr float kFound[] = {1.1368684e-13F, -7.6293945e-06F, 1.653674e-38F,  3.4627416e-39F,
                              3.857091e-39F,  -3.4086406e-07F, -7.67132e-06F,  1.3525333e-41F,
                              1.506676e-41F,  2.8511775e-28F,  -3.408692e-07F, 5.184805e-44F,
                              5.885454e-44F,  -1.3569921e-07F, 3.134903e-16F};
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = kFound[i % std::size(kFound)];
  return x;
}

/// So small that the common scale is one of the last f16 numbers, or none.
TEST_P(EveryCodec, TinyRowsAreNotWorseThanZeros) {
  if (codec().encode == nullptr) GTEST_SKIP() << "read-only format";
  const std::vector<float> normal = weights(codec().group_rows);
  std::vector<test::NamedValues> cases{{"fuzzed", fuzzed(normal.size())}};
  for (const float scale : {1e-9F, 1e-7F, 4.4e-7F, 1e-6F, 2.3e-6F, 1e-5F, 1e-4F}) {
    std::vector<float> tiny = normal, spikes(normal.size());
    for (std::size_t i = 0; i < tiny.size(); ++i) {
      tiny[i] *= scale * 50;
      spikes[i] = (i * 7 + 1) % 5 == 0 ? scale * 3 : -scale * 0.37F;
    }
    std::vector<float> mixed = tiny;
    std::copy_n(normal.begin(), kCols / 2, mixed.begin());
    cases.push_back({fmt::format("normal of {}", scale), std::move(tiny)});
    cases.push_back({fmt::format("spikes of {}", scale), std::move(spikes)});
    cases.push_back({fmt::format("mixed of {}", scale), std::move(mixed)});
  }
  const std::vector<float> importance = spread_importance();
  for (const auto& [name, x] : cases) {
    for (const Effort effort : {Effort::fast, Effort::best}) {
      SCOPED_TRACE(name + (effort == Effort::fast ? ", fast" : ", best"));
      expect_parts_sound(codec(), input(x, importance, effort));
      if (!codec().needs_importance) expect_parts_sound(codec(), input(x, {}, effort));
      if (HasFatalFailure()) return;
    }
  }
}

/// Columns that were never reached may hold anything, and encoders that count them a little must
/// not pay for them with the others.
TEST_P(EveryCodec, HugeWeightsWithoutImportanceDoNotSpoilTheOthers) {
  if (codec().encode == nullptr) GTEST_SKIP() << "read-only format";
  if (codec().is_float()) GTEST_SKIP() << "keeps what it is given";
  std::vector<float> importance = spread_importance();
  for (std::size_t i = 5; i < kCols; i += 32) importance[i] = i % 64 == 5 ? 0.0F : 1e-9F;
  for (const float huge : {1e2F, 1e4F, -1e6F}) {
    for (const float mean : {0.0F, 0.1F}) {
      std::vector<float> x = weights(codec().group_rows);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 32 == 5 ? huge : x[i] + mean;
      for (const Effort effort : {Effort::fast, Effort::best}) {
        SCOPED_TRACE(fmt::format("{} among {}", huge, mean));
        expect_parts_sound(codec(), input(x, importance, effort));
        if (HasFatalFailure()) return;
      }
    }
  }
}

/// Found by fuzzing: whole sub-blocks of next to no importance hold large weights, and the columns
/// that count hold next to nothing.
TEST_P(EveryCodec, ColumnsOfNextToNoImportanceDoNotDecide) {
  if (codec().encode == nullptr) GTEST_SKIP() << "read-only format";
  if (codec().is_float()) GTEST_SKIP() << "keeps what it is given";
  std::vector<float> importance(kCols), x(codec().group_rows * kCols);
  for (const float large : {-155.0F, 2e4F}) {
    for (std::size_t i = 0; i < kCols; ++i) importance[i] = i % 3 == 1 ? 8e-33F : 155.0F;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % kCols % 3 == 1 ? large : 8e-33F;
    for (const Effort effort : {Effort::fast, Effort::best}) {
      SCOPED_TRACE(large);
      expect_parts_sound(codec(), input(x, importance, effort));
      if (HasFatalFailure()) return;
    }
  }
}

/// Rows of one, three and sixteen blocks: encoders that take many blocks at a time begin and end in
/// the middle of rows.
TEST_P(EveryCodec, EncodesRowGroupsIndependently) {
  if (codec().encode == nullptr) GTEST_SKIP() << "read-only format";
  const std::size_t groups = 3;
  for (const std::size_t blocks : {1, 3, 16}) {
    const std::size_t cols = blocks * codec().block_elems;
    const std::size_t group_elems = codec().group_rows * cols;
    const std::vector<float> x = test::gaussian(groups * group_elems, 0.02F, 3);
    const std::vector<float> importance = test::hostile_importances(cols)[2].values;
    const auto encoded = [&](std::span<const float> part) {
      return test::encode(
          codec(), {.x = part, .rows = part.size() / cols, .cols = cols, .importance = importance});
    };
    std::vector<std::byte> apart;
    for (std::size_t g = 0; g < groups; ++g) {
      const auto one = encoded(std::span(x).subspan(g * group_elems, group_elems));
      apart.insert(apart.end(), one.begin(), one.end());
    }
    EXPECT_EQ(encoded(x), apart) << blocks << " blocks a row";
  }
}

TEST_P(EveryCodec, EncodingItsOwnOutputChangesLessThanTheFirstTime) {
  if (codec().encode == nullptr) GTEST_SKIP() << "read-only format";
  const std::vector<float> x = weights(codec().group_rows);
  const std::vector<float> importance(kCols, 1.0f);
  const auto once =
      test::decode(codec(), test::encode(codec(), input(x, importance)), codec().group_rows, kCols);
  const auto twice = test::decode(codec(), test::encode(codec(), input(once, importance)),
                                  codec().group_rows, kCols);
  EXPECT_LE(test::relative_error(once, twice, {}), test::relative_error(x, once, {}));
}

TEST_P(EveryCodec, ScalesWithItsInput) {
  if (codec().encode == nullptr) GTEST_SKIP() << "read-only format";
  if (codec().name == "nvfp4") GTEST_SKIP() << "its scale is an 8-bit float, coarse below 0.1";
  const std::vector<float> x = weights(codec().group_rows);
  std::vector<float> larger = x;
  for (float& value : larger) value *= 16;
  const std::vector<float> importance = spread_importance();
  const auto error = [&](std::span<const float> in) {
    return test::relative_error(in,
                                test::decode(codec(), test::encode(codec(), input(in, importance)),
                                             codec().group_rows, kCols),
                                importance);
  };
  EXPECT_NEAR(error(x), error(larger), 0.05 * error(x));
}

TEST_P(EveryCodec, DecodesFromUnalignedBytes) {
  if (codec().encode == nullptr) GTEST_SKIP() << "read-only format";
  const std::vector<float> x = weights(codec().group_rows);
  const auto bytes = test::encode(codec(), input(x, spread_importance()));
  std::vector<std::byte> shifted(bytes.size() + 1);
  std::ranges::copy(bytes, shifted.begin() + 1);
  EXPECT_EQ(test::decode(codec(), bytes, codec().group_rows, kCols),
            test::decode(codec(), std::span(shifted).subspan(1), codec().group_rows, kCols));
}

/// Damages one place of a sound row group; whatever then decodes to NaN or infinity must be
/// refused.
TEST_P(EveryCodec, RefusesWhatDecodesToNaNOrInfinity) {
  if (codec().encode == nullptr) GTEST_SKIP() << "read-only format";
  const std::vector<float> x = weights(codec().group_rows);
  const auto sound = test::encode(codec(), input(x, spread_importance()));
  ASSERT_FALSE(codec().check(sound, kCols).has_value());
  constexpr std::uint32_t kPatterns[] = {0x7e00,     0x7c00,     0xfc00,     0x7fc0,
                                         0x7fc00000, 0x7f800000, 0xff800000, 0xffffffff};
  std::size_t refused = 0;
  // The first blocks of the group are enough; formats repeat.
  const std::size_t end = codec().group_rows * (codec().row_meta_bytes + 2 * codec().block_bytes);
  for (std::size_t offset = 0; offset + 4 <= std::min(end, sound.size()); ++offset) {
    for (const std::uint32_t pattern : kPatterns) {
      std::vector<std::byte> damaged = sound;
      std::memcpy(damaged.data() + offset, &pattern, pattern <= 0xffff ? 2 : 4);
      const auto decoded = test::decode(codec(), damaged, codec().group_rows, kCols);
      const bool finite = std::ranges::all_of(decoded, [](float y) { return std::isfinite(y); });
      const auto bad = codec().check(damaged, kCols);
      if (bad) {
        ++refused;
        EXPECT_LT(bad->offset, sound.size());
        EXPECT_FALSE(bad->what.empty());
      }
      ASSERT_TRUE(finite || bad.has_value()) << "pattern " << std::hex << pattern << " at offset "
                                             << std::dec << offset << " passed the check";
    }
  }
  EXPECT_GT(refused, 0u);
}

TEST_P(EveryCodec, DecodesAnyBytes) {
  std::vector<std::byte> bytes(codec().group_rows * codec().row_bytes(kCols));
  std::uint32_t state = 12345;
  for (int round = 0; round < 20; ++round) {
    for (std::byte& b : bytes) {
      state = state * 1664525u + 1013904223u;
      b = static_cast<std::byte>(state >> 24);
    }
    const auto decoded = test::decode(codec(), bytes, codec().group_rows, kCols);
    const bool finite = std::ranges::all_of(decoded, [](float y) { return std::isfinite(y); });
    EXPECT_TRUE(finite || codec().check(bytes, kCols).has_value());
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, EveryCodec,
                         testing::ValuesIn(quant::all_codecs().begin(), quant::all_codecs().end()),
                         [](const auto& tested) { return test::codec_label(tested.param); });

}  // namespace
