// Merging: docs/spec/imatrix.md, section 7.
#include "calibrate/importance.h"
#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

using calibrate::Entry;
using calibrate::Importance;

Importance one(std::string name, Entry entry, std::uint32_t chunks = 1) {
  Importance m;
  m.entries.emplace(std::move(name), std::move(entry));
  m.chunk_count = chunks;
  return m;
}

TEST(ImportanceMerge, SumsCountsChunksAndDataSetsAddUp) {
  Importance a = one("x", {.n_cols = 2, .n_vectors = 1, .sums = {1, 2}, .counts = {1}}, 3);
  a.datasets = {"one"};
  Importance b = one("x", {.n_cols = 2, .n_vectors = 1, .sums = {9, 6}, .counts = {4}}, 5);
  b.datasets = {"one", "two"};
  b.entries["y"] = {.n_cols = 1, .n_vectors = 1, .sums = {7}, .counts = {7}};
  merge(a, b);
  EXPECT_EQ(a.find("x")->means(), (std::vector<float>{2.0f, 1.6f}));
  EXPECT_EQ(a.find("x")->counts[0], 5);
  EXPECT_EQ(a.find("y")->means(), std::vector<float>{1});
  EXPECT_EQ(a.chunk_count, 8u);
  EXPECT_EQ(a.datasets, (std::vector<std::string>{"one", "two"}));
}

TEST(ImportanceMerge, IntoAnEmptyOneCopies) {
  Importance a;
  Importance b = one("x", {.n_cols = 1, .n_vectors = 1, .sums = {1}, .counts = {1}}, 3);
  b.chunk_size = 2048;
  merge(a, b);
  EXPECT_EQ(a.chunk_size, 2048u);
  EXPECT_EQ(a.chunk_count, 3u);
  EXPECT_TRUE(a.findings.empty());
}

TEST(ImportanceMerge, LegacyFilesWeighByCalls) {
  const auto dat = [](float value, int calls) {
    test::Bytes b;
    b.i32(1).i32(1).raw("x").i32(calls).i32(1).f32(value).i32(calls).i32(0);
    return calibrate::parse_importance(b.data(), "x.dat");
  };
  Importance a = dat(2.0f, 1);  // mean 2
  merge(a, dat(12.0f, 3));      // mean 4
  EXPECT_EQ(a.find("x")->means(), std::vector<float>{3.5f});
  EXPECT_EQ(a.chunk_count, 4u);
}

TEST(ImportanceMerge, StacksOfSingleExpertsGrow) {
  const auto stack = [](std::vector<double> sums, bool open_ended) {
    Entry e{.n_cols = 1, .n_vectors = sums.size(), .sums = sums, .counts = {}};
    e.counts.assign(sums.size(), 1);
    e.open_ended = open_ended;
    return one("blk.0.ffn_up_exps.weight", e);
  };
  Importance a = stack({1, 2, 3}, true);
  merge(a, stack({1, 1, 1, 5}, false));  // the whole stack of the model
  const Entry& e = a.entries.begin()->second;
  EXPECT_EQ(e.sums, (std::vector<double>{2, 3, 4, 5}));
  EXPECT_EQ(e.counts, (std::vector<std::int64_t>{2, 2, 2, 1}));
  EXPECT_FALSE(e.open_ended);
  merge(a, stack({1, 1, 1}, true));
  EXPECT_EQ(a.entries.begin()->second.counts, (std::vector<std::int64_t>{3, 3, 3, 1}));
  EXPECT_THROW(merge(a, stack({1, 1, 1}, false)), base::Error);
}

TEST(ImportanceMerge, OneCountIsBroadcastOverVectors) {
  Importance a = one("x", {.n_cols = 4, .n_vectors = 1, .sums = {2, 4, 6, 8}, .counts = {2}});
  const Importance b =
      one("x", {.n_cols = 2, .n_vectors = 2, .sums = {1, 1, 1, 1}, .counts = {1, 0}});
  merge(a, b);
  EXPECT_EQ(a.find("x")->n_vectors, 2u);
  EXPECT_EQ(a.find("x")->counts, (std::vector<std::int64_t>{3, 2}));
  Importance c = b;
  merge(c, one("x", {.n_cols = 4, .n_vectors = 1, .sums = {2, 4, 6, 8}, .counts = {2}}));
  EXPECT_EQ(c.find("x")->sums, (std::vector<double>{3, 5, 7, 9}));
}

TEST(ImportanceMerge, AllOnesVectorOfALegacyFileWeighsNothing) {
  Importance a = one("x", {.n_cols = 4, .n_vectors = 1, .sums = {2, 2, 6, 8}, .counts = {2}});
  merge(a, one("x", {.n_cols = 2, .n_vectors = 2, .sums = {10, 20, 0, 0}, .counts = {5, 0}}));
  EXPECT_EQ(a.find("x")->counts, (std::vector<std::int64_t>{5, 2}));
  EXPECT_EQ(a.find("x")->means(), (std::vector<float>{2, 4, 3, 4}));
}

TEST(ImportanceMerge, DifferentChunkSizesWeighByTokens) {
  Importance a = one("x", {.n_cols = 1, .n_vectors = 1, .sums = {1}, .counts = {512}}, 1);
  Importance b = one("x", {.n_cols = 1, .n_vectors = 1, .sums = {1}, .counts = {4096}}, 2);
  b.chunk_size = 2048;
  merge(a, b);
  EXPECT_EQ(a.find("x")->counts[0], 4608);
  EXPECT_EQ(a.chunk_count, 9u);
  ASSERT_EQ(a.findings.size(), 1u);
  EXPECT_EQ(a.findings[0].text,
            "files with chunks of 512 and 2048 tokens merged, weighted by tokens");
}

TEST(ImportanceMerge, SizesMustAgreeAndNothingChangesIfNot) {
  Importance a = one("a", {.n_cols = 1, .n_vectors = 1, .sums = {1}, .counts = {1}});
  a.entries["x"] = {.n_cols = 2, .n_vectors = 1, .sums = {1, 2}, .counts = {1}};
  Importance b = one("a", {.n_cols = 1, .n_vectors = 1, .sums = {1}, .counts = {1}});
  b.entries["x"] = {.n_cols = 3, .n_vectors = 1, .sums = {1, 2, 3}, .counts = {1}};
  EXPECT_EQ(test::error_text([&] { merge(a, b); }),
            "importance entries of one tensor differ in size (entry: x, found: 1 vectors of 3, "
            "expected: 1 vectors of 2); these files come from different models");
  EXPECT_EQ(a.find("a")->counts[0], 1);
}

TEST(ImportanceEntry, CutIntoVectorsOnlyIfItFits) {
  const Entry e{.n_cols = 4, .n_vectors = 1, .sums = {1, 2, 3, 4}, .counts = {1}};
  EXPECT_EQ(with_vectors(e, 2).n_cols, 2u);
  EXPECT_EQ(test::error_text([&] { with_vectors(e, 3); }),
            "importance entry cannot be cut into vectors (found: 1 vectors of 4 columns, expected: "
            "3 vectors)");
}

TEST(ImportanceEntry, PooledMeanIsOverAllRows) {
  const Entry e{.n_cols = 1, .n_vectors = 3, .sums = {2, 10, 5}, .counts = {1, 2, 0}};
  EXPECT_EQ(e.pooled_mean(), std::vector<float>{4});
}

}  // namespace
