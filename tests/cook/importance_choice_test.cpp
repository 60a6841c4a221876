// docs/spec/imatrix.md 5.2, 6 and 8; docs/spec/recipes.md 8.
#include "cook/importance_choice.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "support/bytes_builder.h"

namespace {

using cook::ImportanceChoice;
using Kind = ImportanceChoice::Kind;
using testing::HasSubstr;

/// Vector v of the entry holds base + v everywhere; counts are 1.
calibrate::Entry entry(std::size_t n_cols, std::size_t n_vectors, double base) {
  calibrate::Entry e;
  e.n_cols = n_cols;
  e.n_vectors = n_vectors;
  e.counts.assign(n_vectors, 1);
  for (std::size_t v = 0; v < n_vectors; ++v) {
    e.sums.insert(e.sums.end(), n_cols, base + static_cast<double>(v));
  }
  return e;
}

tensor::Shape shape(std::uint64_t a, std::uint64_t b, std::uint64_t c = 1) {
  return {.ne = {a, b, c, 1}};
}

ImportanceChoice choose(const calibrate::Importance& i, const std::string& name,
                        const tensor::Shape& s, std::size_t group = 1) {
  return cook::choose_importance(i, {name, &recipe::known_type("F32"), s}, group);
}

/// The value of column 0 that weighs a row; -1 if none.
float weight_of(const cook::RowWeights& w, std::size_t row) {
  const auto at = w.at(row);
  return at.vector.empty() ? -1.0F : at.vector[0];
}

TEST(ImportanceChoice, OwnEntryWins) {
  calibrate::Importance i;
  i.entries["blk.0.ffn_gate.weight"] = entry(8, 1, 1);
  i.entries["blk.0.ffn_up.weight"] = entry(8, 1, 2);
  EXPECT_EQ(choose(i, "blk.0.ffn_gate.weight", shape(8, 4)).origin, "blk.0.ffn_gate.weight");
}

struct SubstituteCase {
  const char *wanted, *given;
};
class Substitutes : public testing::TestWithParam<SubstituteCase> {};
TEST_P(Substitutes, AreFound) {
  calibrate::Importance i;
  i.entries[GetParam().given] = entry(8, 1, 1);
  const ImportanceChoice c = choose(i, GetParam().wanted, shape(8, 4));
  EXPECT_EQ(c.kind, Kind::by_matrix);
  EXPECT_EQ(c.origin, GetParam().given);
}
INSTANTIATE_TEST_SUITE_P(
    Table, Substitutes,
    testing::Values(SubstituteCase{"blk.1.ffn_up_exps.weight", "blk.1.ffn_gate_up_exps.weight"},
                    SubstituteCase{"blk.1.ffn_gate_exps.weight", "blk.1.ffn_gate_up_exps.weight"},
                    SubstituteCase{"blk.1.ffn_gate_exps.weight", "blk.1.ffn_up_exps.weight"},
                    SubstituteCase{"blk.1.ffn_gate_up_exps.weight", "blk.1.ffn_up_exps.weight"},
                    SubstituteCase{"blk.1.ffn_gate.weight", "blk.1.ffn_up.weight"},
                    SubstituteCase{"blk.1.ffn_up.weight", "blk.1.ffn_gate.weight"},
                    SubstituteCase{"blk.1.ffn_gate_shexp.weight", "blk.1.ffn_up_shexp.weight"},
                    SubstituteCase{"blk.1.attn_v_b.weight", "blk.1.attn_kv_b.weight"},
                    SubstituteCase{"blk.1.attn_k.weight", "blk.1.attn_v.weight"},
                    SubstituteCase{"blk.1.attn_q.weight", "blk.1.attn_k.weight"}));

TEST(ImportanceChoice, NothingFitsTensorsWithoutRelatives) {
  calibrate::Importance i;
  i.entries["blk.0.ffn_up.weight"] = entry(8, 1, 1);
  EXPECT_EQ(choose(i, "blk.0.ffn_down.weight", shape(8, 4)).kind, Kind::none);
  EXPECT_EQ(choose(i, "blk.1.ffn_gate.weight", shape(8, 4)).kind, Kind::none);  // other layer
}

TEST(ImportanceChoice, ExpertsAreWeighedByTheirOwnVectors) {
  calibrate::Importance i;
  i.entries["blk.0.ffn_up_exps.weight"] = entry(8, 3, 10);
  const auto w = row_weights(choose(i, "blk.0.ffn_up_exps.weight", shape(8, 4, 3)), shape(8, 4, 3));
  EXPECT_EQ(weight_of(w, 0), 10);
  EXPECT_EQ(weight_of(w, 3), 10);
  EXPECT_EQ(weight_of(w, 4), 11);
  EXPECT_EQ(weight_of(w, 11), 12);
  EXPECT_EQ(w.at(5).n_rows, 3U);
}

TEST(ImportanceChoice, SingleExpertsTakeTheirVectorOutOfTheStack) {
  calibrate::Importance i;
  i.entries["blk.0.ffn_up_exps.weight"] = entry(8, 3, 10);
  const ImportanceChoice c = choose(i, "blk.0.ffn_up.2.weight", shape(8, 4));
  EXPECT_EQ(c.origin, "blk.0.ffn_up_exps.weight");
  EXPECT_EQ(weight_of(row_weights(c, shape(8, 4)), 3), 12);
  // Gate and up see the same input.
  EXPECT_EQ(choose(i, "blk.0.ffn_gate.1.weight", shape(8, 4)).expert, 1U);
  EXPECT_THROW(choose(i, "blk.0.ffn_up.3.weight", shape(8, 4)), base::Error);
}

TEST(ImportanceChoice, LastExpertsOfAnEarlyFileMayHaveNoData) {
  calibrate::Importance i;
  calibrate::Entry& e = i.entries["blk.0.ffn_up_exps.weight"] = entry(8, 3, 10);
  EXPECT_THROW(choose(i, "blk.0.ffn_up_exps.weight", shape(8, 4, 4)), base::Error);
  e.open_ended = true;
  const ImportanceChoice stack = choose(i, "blk.0.ffn_up_exps.weight", shape(8, 4, 4));
  EXPECT_THAT(stack.findings.at(0).text, HasSubstr("last 1 of 4 experts"));
  const auto w = row_weights(stack, shape(8, 4, 4));
  EXPECT_EQ(weight_of(w, 8), 12);
  EXPECT_EQ(weight_of(w, 12), 11) << "the mean of the others";
  const ImportanceChoice single = choose(i, "blk.0.ffn_up.3.weight", shape(8, 4));
  EXPECT_EQ(weight_of(row_weights(single, shape(8, 4)), 0), 11);
  EXPECT_THROW(choose(i, "blk.0.ffn_up_exps.weight", shape(8, 4, 6)), base::Error)
      << "half are missing: another model";
}

TEST(ImportanceChoice, OneVectorOfAllValuesIsCutByExpert) {
  calibrate::Importance i;
  calibrate::Entry flat = entry(8, 3, 10);
  flat.n_cols = 24;
  flat.n_vectors = 1;
  flat.counts = {1};
  i.entries["blk.0.ffn_up_exps.weight"] = flat;
  const auto w = row_weights(choose(i, "blk.0.ffn_up_exps.weight", shape(8, 4, 3)), shape(8, 4, 3));
  EXPECT_EQ(weight_of(w, 8), 12);
}

TEST(ImportanceChoice, FourthDimensionReusesTheSlices) {
  calibrate::Importance i;
  i.entries["x.weight"] = entry(8, 2, 10);
  const tensor::Shape s{.ne = {8, 4, 2, 2}};
  const auto w = row_weights(choose(i, "x.weight", s), s);
  EXPECT_EQ(weight_of(w, 8), 10);   // matrix (0, 1)
  EXPECT_EQ(weight_of(w, 12), 11);  // matrix (1, 1)
}

TEST(ImportanceChoice, ExpertsThatNeverRanGetTheMeanOfTheOthers) {
  calibrate::Importance i;
  calibrate::Entry e = entry(8, 3, 10);
  e.counts[1] = 0;
  for (std::size_t j = 8; j < 16; ++j) e.sums[j] = 0;
  i.entries["blk.0.ffn_up_exps.weight"] = e;
  const auto w = row_weights(choose(i, "blk.0.ffn_up_exps.weight", shape(8, 4, 3)), shape(8, 4, 3));
  EXPECT_EQ(weight_of(w, 4), 11);
}

TEST(ImportanceChoice, ZerosAreRaisedToAFloorAndZeroVectorsAreNoData) {
  calibrate::Importance i;
  calibrate::Entry e = entry(4, 2, 0);
  e.sums = {0, 4, 4, 4, 0, 0, 0, 0};
  i.entries["blk.0.ffn_up_exps.weight"] = e;
  const auto w = row_weights(choose(i, "blk.0.ffn_up_exps.weight", shape(4, 2, 2)), shape(4, 2, 2));
  EXPECT_FLOAT_EQ(weight_of(w, 0), 3e-6F);
  EXPECT_EQ(weight_of(w, 2), -1);
}

TEST(ImportanceChoice, WrongSizeNamesBothNumbers) {
  calibrate::Importance i;
  i.entries["blk.0.attn_q.weight"] = entry(16, 1, 1);
  try {
    choose(i, "blk.0.attn_q.weight", shape(8, 4));
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::bad_input);
    EXPECT_EQ(e.message(),
              "imatrix size 16 is different from tensor size 8 for blk.0.attn_q.weight");
    EXPECT_EQ(e.hint_text(), "importance data of another model");
  }
  // Only where there are heads can a program have averaged over them.
  i.entries["blk.0.attn_k_b.weight"] = entry(16, 3, 1);
  EXPECT_THAT(test::error_text([&] { choose(i, "blk.0.attn_k_b.weight", shape(8, 4, 2)); }),
              HasSubstr("averaged over heads"));
}

TEST(ImportanceChoice, WrongSizeOfEmbeddingAndOutputIsAWarning) {
  for (const char* name : {"token_embd.weight", "output.weight"}) {
    calibrate::Importance i;
    i.entries[name] = entry(16, 1, 1);
    const ImportanceChoice c = choose(i, name, shape(8, 4));
    EXPECT_EQ(c.kind, Kind::none);
    ASSERT_EQ(c.findings.size(), 1U);
    EXPECT_THAT(c.findings[0].text, HasSubstr("16"));
  }
}

/// Latent attention: rank 8, 2 heads, 4 K rows and 6 V rows a head.
calibrate::Importance latent() {
  calibrate::Importance i;
  i.entries["blk.0.attn_kv_b.weight"] = entry(8, 1, 1);
  i.entries["blk.0.attn_k_b.weight"] = entry(4, 2, 100);
  i.entries["blk.0.attn_v_b.weight"] = entry(8, 2, 10);
  return i;
}

TEST(ImportanceChoice, KvBWeighsKeyRowsByLatentAndValueRowsByHead) {
  const calibrate::Importance i = latent();
  const ImportanceChoice c = choose(i, "blk.0.attn_kv_b.weight", shape(8, 20));
  EXPECT_EQ(c.kind, Kind::kv_rows);
  const auto w = row_weights(c, shape(8, 20));
  EXPECT_EQ(weight_of(w, 0), 1);
  EXPECT_EQ(weight_of(w, 3), 1);
  EXPECT_EQ(weight_of(w, 4), 10);
  EXPECT_EQ(weight_of(w, 9), 10);
  EXPECT_EQ(weight_of(w, 10), 1);
  EXPECT_EQ(weight_of(w, 14), 11);
  EXPECT_EQ(w.at(9).n_rows, 1U);
}

TEST(ImportanceChoice, KvBRowsOfOneGroupShareTheirWeights) {
  const calibrate::Importance i = latent();
  // Heads of 10 rows cannot be cut into groups of 4.
  EXPECT_EQ(choose(i, "blk.0.attn_kv_b.weight", shape(8, 20), 4).kind, Kind::by_matrix);
}

TEST(ImportanceChoice, KvBWithoutTheOtherTwoUsesItsOwn) {
  calibrate::Importance i = latent();
  i.entries.erase("blk.0.attn_k_b.weight");
  EXPECT_EQ(choose(i, "blk.0.attn_kv_b.weight", shape(8, 20)).kind, Kind::by_matrix);
}

TEST(ImportanceChoice, KvBFromValuesTakesTheMeanOverHeads) {
  calibrate::Importance i = latent();
  i.entries.erase("blk.0.attn_kv_b.weight");
  const ImportanceChoice c = choose(i, "blk.0.attn_kv_b.weight", shape(8, 20));
  EXPECT_EQ(c.kind, Kind::pooled);
  EXPECT_EQ(c.findings.size(), 1U);
  EXPECT_FLOAT_EQ(weight_of(row_weights(c, shape(8, 20)), 19), 10.5F);
}

TEST(ImportanceChoice, SplitTensorsUseTheirHeads) {
  const calibrate::Importance i = latent();
  const auto k = row_weights(choose(i, "blk.0.attn_k_b.weight", shape(4, 8, 2)), shape(4, 8, 2));
  EXPECT_EQ(weight_of(k, 8), 101);
  const auto v = row_weights(choose(i, "blk.0.attn_v_b.weight", shape(8, 6, 2)), shape(8, 6, 2));
  EXPECT_EQ(weight_of(v, 6), 11);
}

TEST(ImportanceChoice, FlatSplitTensorsUseTheRowsOfTheirHeads) {
  const calibrate::Importance i = latent();
  const ImportanceChoice c = choose(i, "blk.0.attn_k_b.weight", shape(4, 16));
  EXPECT_EQ(c.kind, Kind::by_head_rows);
  const auto w = row_weights(c, shape(4, 16));
  EXPECT_EQ(weight_of(w, 7), 100);
  EXPECT_EQ(weight_of(w, 8), 101);
}

TEST(ImportanceChoice, ValueHeadsShareALatentVector) {
  calibrate::Importance i = latent();
  i.entries.erase("blk.0.attn_v_b.weight");
  const ImportanceChoice c = choose(i, "blk.0.attn_v_b.weight", shape(8, 6, 2));
  EXPECT_EQ(c.kind, Kind::shared);
  EXPECT_EQ(c.findings.size(), 1U);
  EXPECT_EQ(weight_of(row_weights(c, shape(8, 6, 2)), 11), 1);
}

TEST(ImportanceChoice, HeadAveragedKeysAreNotUsed) {
  calibrate::Importance i;
  i.entries["blk.0.attn_k_b.weight"] = entry(4, 1, 100);
  const ImportanceChoice c = choose(i, "blk.0.attn_k_b.weight", shape(4, 8, 2));
  EXPECT_EQ(c.kind, Kind::none);
  ASSERT_EQ(c.findings.size(), 1U);
  EXPECT_THAT(c.findings[0].text, HasSubstr("head-averaging"));
}

}  // namespace
