// The GGUF dialect: docs/spec/imatrix.md, sections 4 and 8.
#include "calibrate/importance.h"
#include "gguf/file.h"
#include "gguf/writer.h"
#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

using calibrate::Importance;
using test::Bytes;

struct Tensor {
  std::string name;
  std::vector<std::uint64_t> ne;
  std::vector<float> values;
  std::uint32_t type = 0;
};

/// An importance file with the usual keys and these tensors.
Bytes file_of(const std::vector<Tensor>& tensors, bool keys = true) {
  Bytes b;
  b.header(tensors.size(), keys ? 4 : 0);
  if (keys) {
    b.pair_str("general.type", "imatrix");
    b.str("imatrix.datasets").u32(9).u32(8).u64(1).str("wiki.txt");
    b.pair_u32("imatrix.chunk_count", 5).pair_u32("imatrix.chunk_size", 256);
  }
  std::uint64_t offset = 0;
  for (const Tensor& t : tensors) {
    b.info(t.name, t.ne, t.type, offset);
    offset += (t.values.size() * 4 + 31) / 32 * 32;
  }
  for (const Tensor& t : tensors) {
    b.pad();
    for (const float v : t.values) b.f32(v);
  }
  return b.pad();
}

Importance parse(const Bytes& b) { return calibrate::parse_importance(b.data(), "x.gguf"); }
std::string refusal(const Bytes& b) {
  return test::error_text([&] { parse(b); });
}

TEST(ImportanceGguf, ReadsSumsCountsAndKeys) {
  const Importance m = parse(file_of({{"a.in_sum2", {2, 2}, {2, 4, 30, 60}},
                                      {"a.counts", {1, 2}, {2, 10}},
                                      {"b.in_sum2", {2}, {3, 6}},
                                      {"b.counts", {1}, {3}}}));
  EXPECT_EQ(m.chunk_count, 5u);
  EXPECT_EQ(m.chunk_size, 256u);
  EXPECT_EQ(m.datasets, std::vector<std::string>{"wiki.txt"});
  EXPECT_EQ(m.find("a")->means(), (std::vector<float>{1, 2, 3, 6}));
  EXPECT_EQ(m.find("a")->counts, (std::vector<std::int64_t>{2, 10}));
  EXPECT_EQ(m.find("b")->means(), (std::vector<float>{1, 2}));
  EXPECT_TRUE(m.findings.empty());
}

TEST(ImportanceGguf, OneCountStandsForAllVectors) {
  const Importance m =
      parse(file_of({{"a.in_sum2", {2, 2}, {2, 4, 6, 8}}, {"a.counts", {1}, {2}}}));
  EXPECT_EQ(m.find("a")->n_vectors, 2u);
  EXPECT_EQ(m.find("a")->means(), (std::vector<float>{1, 2, 3, 4}));
}

TEST(ImportanceGguf, FlatSumsFollowTheNumberOfCounts) {
  const Importance m =
      parse(file_of({{"a.in_sum2", {4}, {2, 4, 6, 8}}, {"a.counts", {2}, {2, 1}}}));
  EXPECT_EQ(m.find("a")->n_vectors, 2u);
  EXPECT_EQ(m.find("a")->means(), (std::vector<float>{1, 2, 6, 8}));
}

TEST(ImportanceGguf, CountsAreRounded) {
  const Importance m = parse(file_of({{"a.in_sum2", {1}, {6}}, {"a.counts", {1}, {2.6f}}}));
  EXPECT_EQ(m.find("a")->counts[0], 3);
}

TEST(ImportanceGguf, VectorsWithoutCountHaveNoData) {
  const Importance m =
      parse(file_of({{"a.in_sum2", {1, 2}, {6, 7}}, {"a.counts", {1, 2}, {2, 0}}}));
  EXPECT_EQ(m.find("a")->means(), (std::vector<float>{3, 0}));
  ASSERT_EQ(m.findings.size(), 1u);
  EXPECT_EQ(m.findings[0].text, "has sums where the count is 0; ignored");
}

TEST(ImportanceGguf, MissingKeysAreWarnings) {
  const Importance m = parse(file_of({{"a.in_sum2", {1}, {6}}, {"a.counts", {1}, {2}}}, false));
  ASSERT_EQ(m.findings.size(), 4u);
  EXPECT_EQ(m.findings[0].text, "is not \"imatrix\"");
  EXPECT_EQ(m.findings[1].text, "is missing; llama.cpp refuses the file");
  EXPECT_EQ(m.findings[2].text, "is missing; 0 assumed; llama.cpp refuses the file");
  EXPECT_EQ(m.findings[3].text, "is missing; 512 assumed; llama.cpp refuses the file");
}

TEST(ImportanceGguf, UnknownTensorsAreIgnored) {
  const Importance m = parse(file_of({{"a.in_sum2", {1}, {6}},
                                      {"a.counts", {1}, {2}},
                                      {"a.in_sum", {1}, {-3}},
                                      {"other", {1}, {9}}}));
  EXPECT_EQ(m.entries.size(), 1u);
}

TEST(ImportanceGgufRefusal, HalfOfAPairMissing) {
  EXPECT_EQ(refusal(file_of({{"a.in_sum2", {1}, {6}}})),
            "one half of an importance entry is missing (tensor: a.counts, found: only a.in_sum2, "
            "expected: both tensors of the pair, file: x.gguf)");
  EXPECT_EQ(refusal(file_of({{"a.counts", {1}, {6}}})),
            "one half of an importance entry is missing (tensor: a.in_sum2, found: only a.counts, "
            "expected: both tensors of the pair, file: x.gguf)");
}

TEST(ImportanceGgufRefusal, WrongTensorType) {
  const Bytes b = file_of({{"a.in_sum2", {2}, {6}, 1}, {"a.counts", {1}, {2}}});
  EXPECT_EQ(refusal(b),
            "importance data has the wrong type (tensor: a.in_sum2, offset: 288, found: f16, "
            "expected: f32, file: x.gguf)");
}

TEST(ImportanceGgufRefusal, CountsDoNotDivideTheSums) {
  EXPECT_EQ(refusal(file_of({{"a.in_sum2", {3}, {1, 2, 3}}, {"a.counts", {2}, {1, 1}}})),
            "sums and counts do not fit together (tensor: a.in_sum2, found: 3 sums, 2 counts, "
            "expected: a multiple of the counts, file: x.gguf)");
}

TEST(ImportanceGgufRefusal, CountNegativeNanOrTooLarge) {
  const std::pair<float, std::string> cases[] = {
      {-1.0f, "-1"}, {std::nanf(""), "nan"}, {INFINITY, "inf"}, {1e17f, "1e+17"}};
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(refusal(file_of({{"a.in_sum2", {1}, {6}}, {"a.counts", {1}, {value}}})),
              "importance value cannot be used (tensor: a.counts, offset: 320, found: " + text +
                  ", expected: a count from 0 to 2^53, file: x.gguf)");
  }
}

TEST(ImportanceGgufRefusal, SumNegativeNanOrInfinite) {
  const std::pair<float, std::string> cases[] = {
      {-1.0f, "-1"}, {std::nanf(""), "nan"}, {INFINITY, "inf"}};
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(refusal(file_of({{"a.in_sum2", {2}, {6, value}}, {"a.counts", {1}, {1}}})),
              "importance value cannot be used (tensor: a.in_sum2, offset: 292, found: " + text +
                  ", expected: finite and >= 0, file: x.gguf); the program that collected it "
                  "overflowed: collect again");
  }
}

TEST(ImportanceGgufRefusal, TwoEntriesForOneTensor) {
  EXPECT_EQ(refusal(file_of({{"a.in_sum2", {1}, {6}},
                             {"a.counts", {1}, {1}},
                             {"a (view).in_sum2", {1}, {6}},
                             {"a (view).counts", {1}, {1}}})),
            "two entries for one tensor (tensor: a (view).in_sum2, file: x.gguf)");
}

TEST(ImportanceGgufRefusal, ModelInsteadOfImportance) {
  EXPECT_EQ(refusal(file_of({{"token_embd.weight", {1}, {6}}}, false)),
            "file holds no importance entries (found: 1 tensors, general.type absent, expected: "
            "pairs of NAME.in_sum2 and NAME.counts, file: x.gguf); is this a model?");
}

TEST(ImportanceGgufRefusal, ChunkCountOutOfRange) {
  Bytes b;
  b.header(0, 1).str("imatrix.chunk_count").u32(5).i32(-1);
  EXPECT_EQ(refusal(b),
            "metadata value is out of range (key: imatrix.chunk_count, found: -1, expected: 0 to "
            "4294967295, file: x.gguf)");
}

TEST(ImportanceGgufRefusal, DataSetsAreNotStrings) {
  Bytes b;
  b.header(0, 1).str("imatrix.datasets").u32(9).u32(4).u64(0);
  EXPECT_EQ(refusal(b),
            "data sets are not strings (key: imatrix.datasets, found: array of u32, expected: "
            "array of str, file: x.gguf)");
}

TEST(ImportanceGguf, GoldenFileReadsAndIsRewrittenEqual) {
  const auto path = test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf");
  const Importance m = calibrate::load_importance(path);
  EXPECT_EQ(m.entries.size(), 80u);
  EXPECT_EQ(m.chunk_count, 32u);
  EXPECT_EQ(m.chunk_size, 512u);
  EXPECT_EQ(m.datasets, std::vector<std::string>{"calibration.txt"});
  EXPECT_TRUE(m.findings.empty());
  const calibrate::Entry* experts = m.find("blk.1.ffn_up_exps.weight");
  ASSERT_NE(experts, nullptr);
  EXPECT_EQ(experts->n_vectors, 8u);
  EXPECT_EQ(experts->n_cols, 256u);
  const test::TempDir dir;
  calibrate::save_importance(m, dir / "again.gguf", calibrate::Dialect::gguf);
  const gguf::FileSet before = gguf::FileSet::open(path);
  const gguf::FileSet after = gguf::FileSet::open(dir / "again.gguf");
  ASSERT_EQ(after.tensors().size(), before.tensors().size());
  for (std::size_t i = 0; i < before.tensors().size(); ++i) {
    const auto& a = before.tensors()[i];
    const auto& b = after.tensors()[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.shape, b.shape) << a.name;
    const auto x = before.view(a).bytes;
    const auto y = after.view(b).bytes;
    EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin(), y.end())) << a.name;
  }
}

TEST(ImportanceGguf, BothDialectsHoldTheSameMeans) {
  const Importance m =
      calibrate::load_importance(test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf"));
  const test::TempDir dir;
  const auto path = dir / "m.dat";
  calibrate::save_importance(m, path, calibrate::dialect_for(path));
  const Importance back = calibrate::load_importance(path);
  ASSERT_EQ(back.entries.size(), m.entries.size());
  EXPECT_EQ(back.datasets, m.datasets);
  EXPECT_EQ(back.chunk_count, m.chunk_count);
  for (const auto& [name, entry] : m.entries) {
    const std::vector<float> a = entry.means();
    const std::vector<float> b = back.find(name)->means();
    ASSERT_EQ(a.size(), b.size()) << name;
    for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(b[i], a[i], 2e-7 * a[i]) << name;
  }
}

TEST(ImportanceGguf, DialectFollowsTheName) {
  EXPECT_EQ(calibrate::dialect_for("a/b.dat"), calibrate::Dialect::dat);
  EXPECT_EQ(calibrate::dialect_for("a/b.gguf"), calibrate::Dialect::gguf);
  EXPECT_EQ(calibrate::dialect_for("a/b.imatrix"), calibrate::Dialect::gguf);
}

TEST(ImportanceGguf, FailedWriteLeavesNoFile) {
  const test::TempDir dir;
  Importance m;
  m.entries["x"] = {.n_cols = 1, .n_vectors = 1, .sums = {1e39}, .counts = {1}};
  EXPECT_EQ(
      test::error_text(
          [&] { calibrate::save_importance(m, dir / "m.gguf", calibrate::Dialect::gguf); }),
      "importance value does not fit f32 (entry: x, file: " + (dir / "m.gguf").string() + ")");
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

}  // namespace
