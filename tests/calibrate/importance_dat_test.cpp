// The legacy dialect: docs/spec/imatrix.md, sections 3 and 8.
#include "calibrate/importance.h"
#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

using calibrate::Importance;
using test::Bytes;

Bytes& entry(Bytes& b, std::string_view name, int calls, const std::vector<float>& values) {
  b.i32(static_cast<int>(name.size())).raw(name).i32(calls).i32(static_cast<int>(values.size()));
  for (const float v : values) b.f32(v);
  return b;
}

Importance parse(const Bytes& b) { return calibrate::parse_importance(b.data(), "x.dat"); }
std::string refusal(const Bytes& b) {
  return test::error_text([&] { parse(b); });
}
std::vector<std::string> finding_texts(const Importance& m) {
  std::vector<std::string> out;
  for (const auto& f : m.findings) out.push_back(f.where + ": " + f.text);
  return out;
}

/// The example of the specification.
Bytes example() {
  Bytes b;
  b.i32(1);
  return entry(b, "blk.0.attn_k.weight", 3, {1.5f, 6.0f});
}

TEST(ImportanceDat, ExampleOfTheSpecification) {
  Bytes b = example();
  b.i32(3).i32(8).raw("wiki.txt");
  const Importance m = parse(b);
  const calibrate::Entry* e = m.find("blk.0.attn_k.weight");
  ASSERT_NE(e, nullptr);
  EXPECT_EQ(e->means(), (std::vector<float>{0.5f, 2.0f}));
  EXPECT_EQ(e->n_vectors, 1u);
  EXPECT_EQ(e->counts, std::vector<std::int64_t>{3 * 512});
  EXPECT_EQ(m.chunk_count, 3u);
  EXPECT_EQ(m.datasets, std::vector<std::string>{"wiki.txt"});
  EXPECT_TRUE(m.findings.empty());
}

TEST(ImportanceDat, TrailerMayBeMissing) {
  const Importance m = parse(example());
  EXPECT_EQ(m.chunk_count, 3u);
  EXPECT_TRUE(m.datasets.empty());
  EXPECT_EQ(finding_texts(m),
            std::vector<std::string>{
                "file: number of chunks not stored; the largest number of calls is taken"});
}

TEST(ImportanceDat, DataSetNameMayBeMissing) {
  Bytes b = example();
  b.i32(7);
  EXPECT_EQ(parse(b).chunk_count, 7u);
}

TEST(ImportanceDat, ChunkCountZeroMeansUnknown) {
  Bytes b = example();
  b.i32(0).i32(0);
  EXPECT_EQ(parse(b).chunk_count, 3u);
}

TEST(ImportanceDat, ZeroCallsLeaveTheValuesAsTheyAre) {
  Bytes b;
  b.i32(1);
  entry(b, "a", 0, {0.25f, 4.0f}).i32(5).i32(0);
  const Importance m = parse(b);
  EXPECT_EQ(m.find("a")->means(), (std::vector<float>{0.25f, 4.0f}));
  EXPECT_EQ(finding_texts(m),
            std::vector<std::string>{"a: number of calls is 0; values taken as means"});
}

TEST(ImportanceDat, DecoratedNamesAreCleaned) {
  Bytes b;
  b.i32(2);
  entry(b, "blk.0.attn_k_b.weight (reshaped) (cont)", 1, {1});
  entry(b, "CUDA0#blk.0.ffn_up.weight#0", 1, {1}).i32(1).i32(0);
  const Importance m = parse(b);
  EXPECT_NE(m.find("blk.0.attn_k_b.weight"), nullptr);
  EXPECT_NE(m.find("blk.0.ffn_up.weight"), nullptr);
  EXPECT_EQ(m.findings.size(), 2u);
}

TEST(ImportanceDat, SingleExpertEntriesBecomeAStack) {
  Bytes b;
  b.i32(3);
  entry(b, "blk.0.ffn_up.1.weight", 2, {4, 6});
  entry(b, "blk.0.ffn_up.3.weight", 1, {7, 8});
  entry(b, "blk.0.ffn_up.weight", 1, {1}).i32(2).i32(0);
  const Importance m = parse(b);
  EXPECT_EQ(m.entries.size(), 2u);
  const calibrate::Entry* e = m.find("blk.0.ffn_up_exps.weight");
  ASSERT_NE(e, nullptr);
  EXPECT_EQ(e->n_vectors, 4u);
  EXPECT_EQ(e->counts, (std::vector<std::int64_t>{0, 1024, 0, 512}));
  EXPECT_EQ(e->means(), (std::vector<float>{0, 0, 2, 3, 0, 0, 7, 8}));
}

TEST(ImportanceDat, StacksOfSingleExpertsAreAsLongAsTheLongestOfTheFile) {
  Bytes b;
  b.i32(3);
  entry(b, "blk.0.ffn_up.0.weight", 1, {4, 6});
  entry(b, "blk.0.ffn_up.1.weight", 1, {7, 8});
  entry(b, "blk.1.ffn_up.2.weight", 1, {1, 2}).i32(2).i32(0);
  const Importance m = parse(b);
  EXPECT_EQ(m.find("blk.0.ffn_up_exps.weight")->counts, (std::vector<std::int64_t>{512, 512, 0}));
  EXPECT_EQ(m.find("blk.1.ffn_up_exps.weight")->n_vectors, 3u);
}

TEST(ImportanceDat, OddTrailersAreWarnings) {
  Bytes behind = example();
  behind.i32(3).i32(1).raw("x").zeros(9);
  EXPECT_EQ(finding_texts(parse(behind)),
            std::vector<std::string>{"trailer: 9 unused bytes behind the data set name"});
  Bytes stub = example();
  stub.u16(1);
  EXPECT_EQ(finding_texts(parse(stub))[0], "trailer: bytes behind the entries are no trailer");
  Bytes negative = example();
  negative.i32(-4);
  EXPECT_EQ(finding_texts(parse(negative))[0], "trailer: number of chunks is -4; ignored");
  Bytes cut = example();
  cut.i32(3).u8(1);
  EXPECT_EQ(finding_texts(parse(cut))[0], "trailer: bytes behind the number of chunks");
  Bytes longer = example();
  longer.i32(3).i32(100).raw("wiki");
  EXPECT_EQ(finding_texts(parse(longer))[0],
            "trailer: length of the data set name is 100, 4 bytes are left; ignored");
}

TEST(ImportanceDatRefusal, EmptyFile) {
  EXPECT_EQ(refusal(Bytes()),
            "file ends inside number of entries (offset: 0, found: 0 bytes left, expected: 4 "
            "bytes, file: x.dat); the file is truncated or damaged");
}

TEST(ImportanceDatRefusal, NoOrTooManyEntries) {
  for (const int n : {0, -1, (1 << 20) + 1}) {
    Bytes b;
    b.i32(n).zeros(100);
    EXPECT_EQ(refusal(b),
              "number of entries cannot be right (offset: 0, found: " + std::to_string(n) +
                  ", expected: 1 to 1048576, file: x.dat); is this an importance "
                  "matrix? neither a GGUF nor a .dat file begins so");
  }
}

TEST(ImportanceDatRefusal, NameLengthZeroNegativeOrAbsurd) {
  for (const int n : {0, -5, 1025}) {
    Bytes b;
    b.i32(1).i32(n).zeros(2000);
    EXPECT_EQ(refusal(b),
              "length of entry name cannot be right (offset: 4, found: " + std::to_string(n) +
                  ", expected: 1 to 1024, entry: number 1 of 1, file: x.dat); the file "
                  "is damaged, or not an importance matrix");
  }
}

TEST(ImportanceDatRefusal, NameLongerThanTheFile) {
  Bytes b;
  b.i32(1).i32(100).raw("abc");
  EXPECT_EQ(refusal(b),
            "file ends inside entry name (offset: 8, found: 3 bytes left, expected: 100 bytes, "
            "entry: number 1 of 1, file: x.dat); the file is truncated or damaged");
}

TEST(ImportanceDatRefusal, NoValues) {
  for (const int n : {0, -3}) {
    Bytes b;
    b.i32(1).i32(1).raw("a").i32(1).i32(n).zeros(8);
    EXPECT_EQ(refusal(b),
              "number of values cannot be right (offset: 13, found: " + std::to_string(n) +
                  ", expected: 1 to 2 (8 bytes left), entry: a, file: x.dat); the file "
                  "is truncated or damaged");
  }
}

TEST(ImportanceDatRefusal, MoreValuesThanTheFileHolds) {
  Bytes b;
  b.i32(1).i32(1).raw("a").i32(1).i32(3).zeros(11);
  EXPECT_EQ(refusal(b),
            "number of values cannot be right (offset: 13, found: 3, expected: 1 to 2 (11 bytes "
            "left), entry: a, file: x.dat); the file is truncated or damaged");
}

TEST(ImportanceDatRefusal, NegativeCalls) {
  Bytes b;
  b.i32(1);
  entry(b, "a", -1, {1});
  EXPECT_EQ(refusal(b),
            "number of calls is negative (offset: 9, found: -1, expected: >= 0, entry: a, file: "
            "x.dat)");
}

TEST(ImportanceDatRefusal, NanInfinityOrNegativeValue) {
  const std::pair<float, std::string> cases[] = {
      {std::nanf(""), "nan"}, {INFINITY, "inf"}, {-1.0f, "-1"}};
  for (const auto& [value, text] : cases) {
    Bytes b;
    b.i32(1);
    entry(b, "a", 1, {1, value});
    EXPECT_EQ(refusal(b),
              "importance value cannot be used (offset: 21, column: 1, found: " + text +
                  ", expected: finite and >= 0, entry: a, file: x.dat); the program that collected "
                  "it overflowed: collect again");
  }
}

TEST(ImportanceDatRefusal, TwoEntriesForOneTensor) {
  Bytes b;
  b.i32(2);
  entry(b, "a", 1, {1});
  const std::size_t at = b.size() + 4 + 12;
  entry(b, "a (reshaped)", 1, {1});
  EXPECT_EQ(refusal(b), "two entries for one tensor (offset: " + std::to_string(at) +
                            ", entry: a (reshaped), file: x.dat)");
}

TEST(ImportanceDatRefusal, DefectiveConverterIsExplained) {
  // 2 experts of 3 columns, but the number of values says 2.
  Bytes b;
  b.i32(2);
  const std::string name = "blk.0.ffn_up_exps.weight";
  b.i32(static_cast<int>(name.size())).raw(name).i32(1).i32(2);
  for (int i = 0; i < 6; ++i) b.f32(0.5f);
  entry(b, "blk.0.ffn_up_shexp.weight", 1, {1});
  EXPECT_EQ(refusal(b),
            "length of entry name cannot be right (offset: 48, found: 1056964608, expected: 1 to "
            "1024, previous entry: blk.0.ffn_up_exps.weight with 2 values, entry: number 2 of 2, "
            "file: x.dat); the file is damaged, or was made by a defective GGUF to .dat converter "
            "that miscounts the values of expert stacks: use the GGUF file instead");
}

TEST(ImportanceDatRefusal, ExpertsOfUnequalSize) {
  Bytes b;
  b.i32(2);
  entry(b, "blk.0.ffn_up.0.weight", 1, {1, 1});
  entry(b, "blk.0.ffn_up.1.weight", 1, {1}).i32(1).i32(0);
  EXPECT_EQ(refusal(b),
            "experts of one stack have entries of unequal size (entry: blk.0.ffn_up.1.weight, "
            "found: 1 values, expected: 2 values, as in blk.0.ffn_up.0.weight, stack: "
            "blk.0.ffn_up_exps.weight, file: x.dat)");
}

TEST(ImportanceDatRefusal, EveryTruncationInsideTheEntriesIsRefused) {
  const Bytes whole = example();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Bytes part = whole;
    part.cut(size);
    EXPECT_NE(refusal(part), "no error") << size;
  }
}

// Writing.

calibrate::Entry two_experts(std::int64_t first, std::int64_t second) {
  return {.n_cols = 2, .n_vectors = 2, .sums = {2, 4, 30, 60}, .counts = {first, second}};
}

TEST(ImportanceDat, WritesSortedWithChunksAsCalls) {
  Importance m;
  m.entries["b"] = {.n_cols = 1, .n_vectors = 1, .sums = {10}, .counts = {20}};
  m.entries["a"] = {.n_cols = 2, .n_vectors = 1, .sums = {1, 2}, .counts = {4}};
  m.chunk_count = 3;
  m.datasets = {"one.txt", "two.txt"};
  Bytes expected;
  expected.i32(2);
  entry(expected, "a", 3, {0.75f, 1.5f});
  entry(expected, "b", 3, {1.5f}).i32(3).i32(15).raw("one.txt,two.txt");
  EXPECT_EQ(calibrate::dat_bytes(m), expected.data());
}

TEST(ImportanceDat, ExpertWithoutDataGetsTheMeanOfTheOthers) {
  Importance m;
  m.chunk_count = 1;
  calibrate::Entry e = two_experts(2, 10);
  e.n_vectors = 3;
  e.counts.push_back(0);
  e.sums.insert(e.sums.end(), {99, 99});
  m.entries["x"] = e;
  m.entries["empty"] = {.n_cols = 1, .n_vectors = 1, .sums = {0}, .counts = {0}};
  const Importance back = calibrate::parse_importance(calibrate::dat_bytes(m), "x.dat");
  EXPECT_EQ(back.entries.size(), 1u);
  EXPECT_EQ(back.find("x")->means(), (std::vector<float>{1, 2, 3, 6, 32.0f / 12, 64.0f / 12}));
}

TEST(ImportanceDat, IkRuleFillsFewAndDropsMany) {
  calibrate::Entry e{.n_cols = 1, .n_vectors = 64, .sums = {}, .counts = {}};
  e.sums.assign(64, 4);
  e.counts.assign(64, 2);
  e.counts[5] = e.counts[6] = 0;
  Importance m;
  m.chunk_count = 1;
  m.entries["x"] = e;
  const auto rule = calibrate::MissingExperts::ik_rule;
  const Importance back = calibrate::parse_importance(calibrate::dat_bytes(m, rule), "x.dat");
  EXPECT_EQ(back.find("x")->means()[5], 1.0f);
  EXPECT_EQ(back.find("x")->means()[7], 2.0f);
  m.entries["x"].counts[7] = 0;
  EXPECT_EQ(test::error_text([&] { calibrate::dat_bytes(m, rule); }),
            "importance matrix has no data to write");
}

TEST(ImportanceDat, ChunksComeFromTheCountsIfUnknown) {
  Importance m;
  m.entries["x"] = two_experts(513, 10);
  const Importance back = calibrate::parse_importance(calibrate::dat_bytes(m), "x.dat");
  EXPECT_EQ(back.chunk_count, 2u);
}

TEST(ImportanceDat, OverflowingValueIsRefused) {
  Importance m;
  m.chunk_count = 4;
  m.entries["x"] = {.n_cols = 1, .n_vectors = 1, .sums = {3e38}, .counts = {1}};
  EXPECT_EQ(test::error_text([&] { calibrate::dat_bytes(m); }),
            "importance value does not fit f32 (entry: x)");
}

}  // namespace
