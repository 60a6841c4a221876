// What is missing, wrong or suspicious in importance files: docs/spec/imatrix.md, sections 8, 9.2.
#include "calibrate/coverage.h"

#include "calibrate/statistics.h"
#include "support/support.h"

namespace {

using calibrate::Coverage;
using calibrate::Entry;
using calibrate::Importance;
using calibrate::KindCoverage;

const KindCoverage& kind(const Coverage& c, std::string_view name) {
  for (const KindCoverage& k : c.kinds) {
    if (k.kind == name) return k;
  }
  throw std::runtime_error("no kind " + std::string(name));
}

std::vector<std::string> texts(const Coverage& c) {
  std::vector<std::string> out;
  for (const auto& f : c.findings) out.push_back(f.where + ": " + f.text);
  return out;
}

Importance golden() {
  return calibrate::load_importance(test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf"));
}

struct Model {
  gguf::FileSet files = gguf::FileSet::open(test::source_path("data/tiny-mla-bf16.gguf"));
  model::ModelSpec spec = model::describe(files);
};

TEST(Coverage, NameIsTakenApart) {
  EXPECT_EQ(calibrate::kind_of("blk.12.ffn_up.weight").layer, 12);
  EXPECT_EQ(calibrate::kind_of("blk.12.ffn_up.weight").kind, "ffn_up");
  EXPECT_EQ(calibrate::kind_of("output.weight").layer, -1);
  EXPECT_EQ(calibrate::kind_of("output.weight").kind, "output");
  EXPECT_EQ(calibrate::kind_of("blk.x").kind, "blk.x");
  EXPECT_EQ(calibrate::kind_of("blk.").kind, "blk.");
}

TEST(Coverage, GoldenFileIsComplete) {
  const Model m;
  const Coverage c = coverage(golden(), m.spec, m.files);
  EXPECT_EQ(texts(c), std::vector<std::string>{});
  EXPECT_EQ(kind(c, "ffn_up_exps").n_entries, 5u);
  EXPECT_EQ(kind(c, "ffn_up_exps").n_vectors, 40u);
  EXPECT_EQ(texts(coverage(golden())), std::vector<std::string>{});
}

TEST(Coverage, MissingEntriesAreCounted) {
  Importance m = golden();
  m.entries.erase("blk.2.attn_output.weight");
  m.entries.erase("blk.5.attn_output.weight");
  const Model model;
  const Coverage with = coverage(m, model.spec, model.files);
  EXPECT_EQ(kind(with, "attn_output").n_missing, 2u);
  EXPECT_EQ(texts(with), std::vector<std::string>{"attn_output: 2 tensors have no entry"});
  const Coverage without = coverage(m);
  EXPECT_EQ(kind(without, "attn_output").n_missing, 1u);
  EXPECT_EQ(texts(without),
            std::vector<std::string>{"attn_output: 1 layers in between have no entry"});
}

TEST(Coverage, LostLatentEntriesAreExplained) {
  Importance m = golden();
  std::erase_if(m.entries, [](const auto& e) {
    const std::string k = calibrate::kind_of(e.first).kind;
    return k == "attn_kv_b" || k == "attn_k_b" || k == "attn_v_b";
  });
  EXPECT_EQ(
      texts(coverage(m)),
      std::vector<std::string>{
          "attn_kv_b, attn_k_b, attn_v_b: no entries though the model has latent attention: "
          "ik_llama.cpp loses them by default; collect again, or keep these tensors at 5 to 8 "
          "bits"});
}

/// The golden file with one entry replaced by `n` ones and twos.
Coverage with_entry(const std::string& name, std::size_t n) {
  Importance m = golden();
  Entry e{.n_cols = n, .n_vectors = 1, .sums = {}, .counts = {1}};
  for (std::size_t i = 0; i < n; ++i) e.sums.push_back(1.0 + static_cast<double>(i % 2));
  m.entries[name] = e;
  const Model model;
  return coverage(m, model.spec, model.files);
}

TEST(Coverage, HeadAveragedKeysAreNotUsable) {
  const Coverage c = with_entry("blk.0.attn_k_b.weight", 128);
  EXPECT_EQ(texts(c), std::vector<std::string>{
                          "blk.0.attn_k_b.weight: 128 values instead of 128 * 4: collected before "
                          "mid-2025, garbage or an average over the heads; not usable"});
  EXPECT_EQ(kind(c, "attn_k_b").n_wrong_size, 1u);
  EXPECT_EQ(c.findings[0].level, base::Finding::Level::error);
}

TEST(Coverage, HeadAveragedValuesAreUsable) {
  EXPECT_EQ(texts(with_entry("blk.0.attn_v_b.weight", 512)),
            std::vector<std::string>{
                "blk.0.attn_v_b.weight: 512 values instead of 512 * 4: an average over the heads; "
                "usable for each of them"});
}

TEST(Coverage, DefectiveConverterIsRecognised) {
  EXPECT_EQ(
      texts(with_entry("blk.1.ffn_up_exps.weight", 8)),
      std::vector<std::string>{
          "blk.1.ffn_up_exps.weight: 8 values instead of 256 * 8: made by a defective GGUF to "
          ".dat converter; use the GGUF file"});
}

TEST(Coverage, EntryOfAnotherModel) {
  EXPECT_EQ(texts(with_entry("blk.0.ffn_up.weight", 100)),
            std::vector<std::string>{
                "blk.0.ffn_up.weight: 100 values instead of 256 * 1: from another model?"});
  EXPECT_EQ(texts(with_entry("blk.77.ffn_up.weight", 100)),
            std::vector<std::string>{"blk.77.ffn_up.weight: is not a tensor of this model"});
}

TEST(Coverage, FileOfAnotherModel) {
  Importance m = golden();
  for (auto& [name, e] : m.entries) {
    e.n_cols *= 2;
    e.sums.resize(e.sums.size() * 2, 1.0);
  }
  const Model model;
  const Coverage c = coverage(m, model.spec, model.files);
  EXPECT_THAT(texts(c), testing::Contains("entries: 80 have the wrong size: from another model"));
  EXPECT_EQ(std::count_if(c.findings.begin(), c.findings.end(),
                          [](const auto& f) { return f.level == base::Finding::Level::error; }),
            9);
}

TEST(Coverage, ExpertsWithoutDataAndFlatVectors) {
  Importance m = golden();
  Entry& e = m.entries.at("blk.1.ffn_up_exps.weight");
  e.counts[3] = 0;
  for (std::size_t j = 0; j < e.n_cols; ++j) e.sums[5 * e.n_cols + j] = 7;
  const Coverage c = coverage(m);
  EXPECT_EQ(kind(c, "ffn_up_exps").n_empty, 1u);
  EXPECT_EQ(kind(c, "ffn_up_exps").n_flat, 1u);
  EXPECT_EQ(texts(c),
            (std::vector<std::string>{
                "ffn_up_exps: 1 of 40 vectors have no data: the text was too short, or these "
                "experts are never chosen",
                "ffn_up_exps: 1 of 40 vectors hold one value only, probably in place of missing "
                "data"}));
}

TEST(Coverage, OnesOfALegacyFileAreSeenWithTheModel) {
  Importance m = golden();
  Entry& e = m.entries.at("blk.1.ffn_up_exps.weight");
  for (std::size_t j = 0; j < e.n_cols; ++j) e.sums[j] = static_cast<double>(e.counts[0]);
  const auto bytes = calibrate::dat_bytes(m);
  const Importance legacy = calibrate::parse_importance(bytes, "x.dat");
  const Model model;
  const Coverage c = coverage(legacy, model.spec, model.files);
  EXPECT_EQ(kind(c, "ffn_up_exps").n_empty, 1u);
  EXPECT_EQ(kind(c, "ffn_up_exps").n_vectors, 40u);
}

TEST(Statistics, OfASmallEntry) {
  const Entry e{.n_cols = 4, .n_vectors = 2, .sums = {2, 2, 2, 10, 0, 0, 0, 0}, .counts = {2, 0}};
  const calibrate::EntryStatistics s = calibrate::statistics(e);
  EXPECT_EQ(s.n_values, 4u);
  EXPECT_EQ(s.sum, 8.0);
  EXPECT_EQ(s.mean, 2.0);
  EXPECT_EQ(s.min, 1.0);
  EXPECT_EQ(s.max, 5.0);
  EXPECT_NEAR(s.deviation, std::sqrt(3.0), 1e-12);
  EXPECT_EQ(s.max_to_mean, 2.5);
  EXPECT_NEAR(s.entropy, 3.0 / 8 * 3 + 5.0 / 8 * std::log2(8.0 / 5), 1e-12);
  EXPECT_NEAR(s.flatness, s.entropy / 2, 1e-12);
  EXPECT_EQ(s.active, 1.0);
  EXPECT_EQ(s.outliers, 0.25);
  EXPECT_EQ(s.n_empty, 1u);
  EXPECT_EQ(s.n_flat, 0u);
  EXPECT_EQ(s.min_count, 0);
  EXPECT_EQ(s.max_count, 2);
}

TEST(Statistics, WithoutDataAllIsZero) {
  const Entry e{.n_cols = 2, .n_vectors = 1, .sums = {0, 0}, .counts = {3}};
  const calibrate::EntryStatistics s = calibrate::statistics(e);
  EXPECT_EQ(s.n_empty, 1u);
  EXPECT_EQ(s.entropy, 0.0);
  EXPECT_EQ(s.max_to_mean, 0.0);
}

TEST(Statistics, CosineOfEqualAndOrthogonalEntries) {
  const Entry a{.n_cols = 2, .n_vectors = 1, .sums = {3, 0}, .counts = {1}};
  const Entry b{.n_cols = 2, .n_vectors = 1, .sums = {0, 5}, .counts = {1}};
  const Entry c{.n_cols = 1, .n_vectors = 1, .sums = {5}, .counts = {1}};
  EXPECT_DOUBLE_EQ(cosine(a, a), 1.0);
  EXPECT_EQ(cosine(a, b), 0.0);
  EXPECT_EQ(cosine(a, c), 0.0);
}

}  // namespace
