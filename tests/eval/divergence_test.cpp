#include "eval/divergence.h"

#include <cmath>
#include <cstring>
#include <random>

#include "support/support.h"

namespace {

constexpr std::size_t kVocab = 333;  // odd: the record ends in a padding word

std::vector<float> random_logits(std::mt19937& random, float spread) {
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> logits(kVocab);
  for (float& l : logits) l = normal(random);
  return logits;
}

std::vector<double> log_softmax(const std::vector<float>& logits) {
  double sum = 0;
  for (const float l : logits) sum += std::exp(static_cast<double>(l));
  std::vector<double> out;
  for (const float l : logits) out.push_back(static_cast<double>(l) - std::log(sum));
  return out;
}

std::vector<std::uint16_t> record_of(const std::vector<float>& logits) {
  const auto& kernels = *kernels::find_table("reference");
  std::vector<std::uint16_t> record(eval::record_words(kVocab));
  eval::encode_record(logits, eval::summarise(logits, kernels), record);
  return record;
}

TEST(BaseRecord, DecodesToLogProbabilitiesWithinHalfAStep) {
  std::mt19937 random(1);
  const auto logits = random_logits(random, 3);
  const auto record = record_of(logits);
  const auto expected = log_softmax(logits);
  const eval::Record r = eval::read_record(std::as_bytes(std::span(record)));
  for (std::size_t i = 0; i < kVocab; ++i) {
    EXPECT_NEAR(r.log_prob(i), expected[i], 0.51 * static_cast<double>(r.scale) + 1e-5);
  }
}

TEST(BaseRecord, OneThatIsNoDistributionIsCounted) {
  std::mt19937 random(2);
  const auto& kernels = *kernels::find_table("reference");
  eval::Divergence sums;
  for (const float spread : {0.0F, 1.0F, 3.0F, 20.0F}) {
    const auto logits = random_logits(random, spread);
    auto record = record_of(logits);
    const auto bytes = std::as_bytes(std::span(record));
    sums.add(eval::compare(logits, bytes, 5, kernels));
    EXPECT_EQ(sums.n_doubtful(), 0U) << spread;
  }
  const auto logits = random_logits(random, 3);
  auto record = record_of(logits);
  std::fill(record.begin() + 4, record.end() - 60, std::uint16_t{65535});
  sums.add(eval::compare(logits, std::as_bytes(std::span(record)), 5, kernels));
  std::fill(record.begin(), record.end(), std::uint16_t{0});  // a hole in the file
  sums.add(eval::compare(logits, std::as_bytes(std::span(record)), 5, kernels));
  EXPECT_EQ(sums.n_doubtful(), 2U);
}

TEST(BaseRecord, FarTailIsCutAt24BelowTheMaximum) {
  std::vector<float> logits(kVocab, -100.0F);
  logits[5] = 10;
  const auto record = record_of(logits);
  const eval::Record r = eval::read_record(std::as_bytes(std::span(record)));
  EXPECT_NEAR(r.log_prob(5), 0, 1e-4);
  EXPECT_NEAR(r.log_prob(0), -24, 1e-3);
}

TEST(BaseRecord, EqualLogitsGiveScaleZero) {
  const std::vector<float> logits(kVocab, 2.5F);
  const auto record = record_of(logits);
  const eval::Record r = eval::read_record(std::as_bytes(std::span(record)));
  EXPECT_EQ(r.scale, 0);
  EXPECT_NEAR(r.log_prob(7), -std::log(static_cast<double>(kVocab)), 1e-5);
}

TEST(Compare, AgreesWithThePlainFormula) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 20; ++trial) {
    const auto base = random_logits(random, 2);
    auto tested = base;
    std::normal_distribution<float> noise(0, 0.3F);
    for (float& l : tested) l += noise(random);
    const auto record = record_of(base);
    const std::size_t y = static_cast<std::size_t>(trial) * 7;
    const auto c = eval::compare(tested, std::as_bytes(std::span(record)), y,
                                 *kernels::find_table("reference"));
    const auto p = log_softmax(base);
    const auto q = log_softmax(tested);
    double kld = 0;
    for (std::size_t i = 0; i < kVocab; ++i) kld += std::exp(p[i]) * (p[i] - q[i]);
    EXPECT_NEAR(c.kld, kld, 1e-4);
    EXPECT_NEAR(c.nll, -q[y], 1e-5);
    EXPECT_NEAR(c.nll_base, -p[y], 3e-4);
    EXPECT_NEAR(c.delta_p, std::exp(q[y]) - std::exp(p[y]), 1e-4);
  }
}

TEST(Compare, AModelAgainstItselfHasNoDivergence) {
  std::mt19937 random(3);
  const auto logits = random_logits(random, 4);
  const auto record = record_of(logits);
  const auto c =
      eval::compare(logits, std::as_bytes(std::span(record)), 0, *kernels::find_table("reference"));
  EXPECT_NEAR(c.kld, 0, 2e-4);
  EXPECT_TRUE(c.same_top);
}

TEST(Compare, RecordThatIsNotFiniteIsRefused) {
  std::vector<std::uint16_t> record(eval::record_words(kVocab), 0);
  record[1] = 0x7fc0;  // scale = NaN
  const std::vector<float> logits(kVocab, 0.0F);
  EXPECT_THROW(
      eval::compare(logits, std::as_bytes(std::span(record)), 0, *kernels::find_table("reference")),
      base::Error);
}

eval::Divergence sample(std::size_t n) {
  eval::Divergence d;
  for (std::size_t i = 0; i < n; ++i) {
    const auto f = static_cast<float>(i);
    d.add({.nll = 2 + 0.01F * f,
           .nll_base = 2 + 0.009F * f,
           .kld = 0.001F * f,
           .delta_p = 0.0001F * f - 0.005F,
           .same_top = i % 4 != 0});
  }
  return d;
}

TEST(Divergence, MeansErrorsAndQuantiles) {
  const eval::Divergence d = sample(101);
  EXPECT_NEAR(d.mean_kld().value, 0.05, 1e-6);
  // Uniform 0..0.1: the standard deviation of 101 equal steps of 0.001.
  EXPECT_NEAR(d.mean_kld().error, std::sqrt(0.00085 / 100), 1e-6);
  EXPECT_NEAR(d.kld_quantile(0.99), 0.099, 1e-6);
  EXPECT_NEAR(d.kld_quantile(0.5), 0.05, 1e-6);
  EXPECT_NEAR(d.kld_quantile(1), 0.1, 1e-6);
  EXPECT_NEAR(d.delta_p_quantile(0), -0.005, 1e-7);
  EXPECT_NEAR(d.same_top().value, 75.0 / 101, 1e-9);
  EXPECT_NEAR(d.log_ratio().value, 0.05, 1e-5);
  EXPECT_NEAR(d.correlation(), 1, 1e-3);
  EXPECT_NEAR(d.perplexity().value, std::exp(2.5), 1e-3);
}

TEST(Divergence, ReportHasTheLinesThatScriptsParse) {
  const std::string report = eval::divergence_report(sample(200));
  for (const char* line :
       {"Mean    KLD: ", "Maximum KLD: ", "99.9%   KLD: ", " 5.0%   KLD: ", "Median  KLD: ",
        "Same top p: ", "RMS Δp    : ", "Mean PPL(Q)/PPL(base)         : ",
        "Cor(ln(PPL(Q)), ln(PPL(base))): "}) {
    EXPECT_NE(report.find(line), std::string::npos) << line;
  }
}

TEST(BaseFile, RoundTripAndRefusals) {
  const test::TempDir dir;
  const std::vector<std::int32_t> tokens = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  std::mt19937 random(4);
  std::vector<std::vector<std::uint16_t>> records;
  for (int i = 0; i < 6; ++i) records.push_back(record_of(random_logits(random, 2)));
  {
    eval::BaseFileWriter writer(dir / "base", 8, kVocab, tokens);
    for (const auto& r : records) writer.append(r);
    EXPECT_FALSE(std::filesystem::exists(dir / "base"));
    writer.finish();
  }
  const eval::BaseFile file = eval::BaseFile::open(dir / "base");
  EXPECT_EQ(file.window(), 8);
  EXPECT_EQ(file.n_windows(), 2);
  EXPECT_EQ(file.tokens(), tokens);
  const auto fifth = file.record(1, 1);
  EXPECT_EQ(std::memcmp(fifth.data(), records[4].data(), fifth.size()), 0);

  auto bytes = test::read_bytes(dir / "base");
  const auto refuse = [&](std::vector<std::byte> broken, const char* message) {
    test::write_bytes(dir / "broken", broken);
    try {
      eval::BaseFile::open(dir / "broken");
      FAIL() << message;
    } catch (const base::Error& e) {
      EXPECT_NE(std::string(e.what()).find(message), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find("broken"), std::string::npos) << e.what();
    }
  };
  refuse({bytes.begin(), bytes.end() - 1}, "wrong size");
  refuse({bytes.begin(), bytes.begin() + 15}, "file ends inside");
  auto magic = bytes;
  magic[0] = std::byte{'x'};
  refuse(magic, "not a base file");
  auto token = bytes;
  token[20 + 3] = std::byte{0x7f};
  refuse(token, "token id outside the vocabulary");
  auto count = bytes;
  count[16] = std::byte{0};
  refuse(count, "bad number of chunks");
}

TEST(BaseFile, AbandonedWriterLeavesNothing) {
  const test::TempDir dir;
  {
    const std::vector<std::int32_t> tokens(16, 1);
    eval::BaseFileWriter writer(dir / "base", 8, kVocab, tokens);
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

}  // namespace
