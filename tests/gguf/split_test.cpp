#include "gguf/split.h"

#include "gguf/file.h"
#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

using test::Bytes;

struct Shard {
  unsigned no = 0, count = 2;
  int n_tensors = 2;
  std::string tensor{};
};

Bytes shard_bytes(const Shard& s) {
  Bytes b;
  b.header(s.tensor.empty() ? 0 : 1, 3);
  b.str("split.no").u32(2).u16(s.no);
  b.str("split.count").u32(2).u16(s.count);
  b.str("split.tensors.count").u32(5).i32(s.n_tensors);
  if (!s.tensor.empty()) b.info(s.tensor, {2}, 0, 0).pad().f32(1).f32(2);
  return b;
}

class SplitSet : public testing::Test {
 protected:
  void write(unsigned no, unsigned of, const Bytes& b) {
    test::write_bytes(dir_ / gguf::shard_name("m", no, of), b.data());
  }
  std::filesystem::path first() const { return dir_ / "m-00001-of-00002.gguf"; }
  /// The message with the folder cut out.
  std::string refusal(const std::filesystem::path& path) const {
    std::string text = test::error_text([&] { gguf::FileSet::open(path); });
    const std::string dir = dir_.path().string() + "/";
    for (std::size_t at; (at = text.find(dir)) != std::string::npos;) text.erase(at, dir.size());
    return text;
  }
  test::TempDir dir_;
};

TEST_F(SplitSet, ReadsAsOneList) {
  write(0, 2, shard_bytes({.no = 0, .tensor = "a"}));
  write(1, 2, shard_bytes({.no = 1, .tensor = "b"}));
  const gguf::FileSet set = gguf::FileSet::open(first());
  ASSERT_EQ(set.tensors().size(), 2u);
  EXPECT_EQ(set.find("b")->shard, 1u);
  EXPECT_EQ(set.view(*set.find("b")).bytes.size(), 8u);
  EXPECT_EQ(set.metadata().integer("split.no"), 0);
}

TEST_F(SplitSet, FirstShardMayHoldNoTensor) {
  write(0, 2, shard_bytes({.no = 0, .n_tensors = 1}));
  write(1, 2, shard_bytes({.no = 1, .n_tensors = 1, .tensor = "b"}));
  EXPECT_EQ(gguf::FileSet::open(first()).tensors().size(), 1u);
}

TEST_F(SplitSet, CountZeroOrOneMeansNotSplit) {
  for (const unsigned count : {0u, 1u}) {
    test::write_bytes(dir_ / "merged.gguf",
                      shard_bytes({.no = 0, .count = count, .tensor = "a"}).data());
    EXPECT_EQ(gguf::FileSet::open(dir_ / "merged.gguf").tensors().size(), 1u);
  }
}

TEST_F(SplitSet, ExtraOutputTensorIsNotCounted) {
  write(0, 2, shard_bytes({.no = 0, .n_tensors = 1, .tensor = "a"}));
  write(1, 2, shard_bytes({.no = 1, .n_tensors = 1, .tensor = "output_extra.weight"}));
  EXPECT_EQ(gguf::FileSet::open(first()).tensors().size(), 2u);
}

TEST_F(SplitSet, OpenedByAnotherShard) {
  write(1, 2, shard_bytes({.no = 1, .tensor = "b"}));
  EXPECT_EQ(refusal(dir_ / "m-00002-of-00002.gguf"),
            "a split set is opened by its first shard (file: m-00002-of-00002.gguf, found: shard 2 "
            "of 2, expected: shard 1); open m-00001-of-00002.gguf");
}

TEST_F(SplitSet, NameDoesNotFit) {
  test::write_bytes(dir_ / "renamed.gguf", shard_bytes({.no = 0, .tensor = "a"}).data());
  EXPECT_EQ(refusal(dir_ / "renamed.gguf"),
            "file name does not fit its place in the split set (file: renamed.gguf, found: "
            "renamed.gguf, expected: a name ending in -00001-of-00002.gguf); give the shards their "
            "original names again");
}

TEST_F(SplitSet, ShardMissing) {
  write(0, 2, shard_bytes({.no = 0, .tensor = "a"}));
  EXPECT_EQ(refusal(first()),
            "shard of a split set is missing (file: m-00002-of-00002.gguf, expected: 2 shards in "
            "the same folder)");
}

TEST_F(SplitSet, LaterShardWithoutKeys) {
  write(0, 2, shard_bytes({.no = 0, .tensor = "a"}));
  Bytes plain;
  plain.header(0, 0);
  write(1, 2, plain);
  EXPECT_EQ(refusal(first()),
            "file is not a shard (file: m-00002-of-00002.gguf, key: split.count, found: no such "
            "key, or not above 1, expected: 2)");
}

TEST_F(SplitSet, LaterShardWithAnotherNumber) {
  write(0, 2, shard_bytes({.no = 0, .tensor = "a"}));
  write(1, 2, shard_bytes({.no = 0, .tensor = "b"}));
  EXPECT_EQ(refusal(first()),
            "shard does not belong to this split set (file: m-00002-of-00002.gguf, key: split.no, "
            "found: 0, expected: 1)");
}

TEST_F(SplitSet, LaterShardOfAnotherCount) {
  write(0, 2, shard_bytes({.no = 0, .tensor = "a"}));
  write(1, 2, shard_bytes({.no = 1, .count = 3, .tensor = "b"}));
  EXPECT_EQ(refusal(first()),
            "shard does not belong to this split set (file: m-00002-of-00002.gguf, key: "
            "split.count, found: 3, expected: 2)");
}

TEST_F(SplitSet, LaterShardOfAnotherModel) {
  write(0, 2, shard_bytes({.no = 0, .tensor = "a"}));
  write(1, 2, shard_bytes({.no = 1, .n_tensors = 9, .tensor = "b"}));
  EXPECT_EQ(refusal(first()),
            "shard does not belong to this split set (file: m-00002-of-00002.gguf, key: "
            "split.tensors.count, found: 9, expected: 2)");
}

TEST_F(SplitSet, TensorsMissing) {
  write(0, 2, shard_bytes({.no = 0, .n_tensors = 5, .tensor = "a"}));
  write(1, 2, shard_bytes({.no = 1, .n_tensors = 5, .tensor = "b"}));
  EXPECT_EQ(refusal(first()),
            "split set has the wrong number of tensors (file: m-00001-of-00002.gguf, key: "
            "split.tensors.count, found: 2 tensors in all shards, expected: 5)");
}

TEST_F(SplitSet, TensorNameInTwoShards) {
  write(0, 2, shard_bytes({.no = 0, .tensor = "a"}));
  write(1, 2, shard_bytes({.no = 1, .tensor = "a"}));
  EXPECT_EQ(refusal(first()),
            "tensor name appears twice in the split set (file: m-00002-of-00002.gguf, tensor: a, "
            "found: also in m-00001-of-00002.gguf, expected: every tensor in one shard)");
}

TEST_F(SplitSet, TooManyShards) {
  test::write_bytes(first(), shard_bytes({.no = 0, .count = 10001, .tensor = "a"}).data());
  EXPECT_EQ(
      refusal(first()),
      "metadata key of a split set is out of range (key: split.count, found: 10001, expected: "
      "0 to 10000, file: m-00001-of-00002.gguf)");
}

TEST_F(SplitSet, KeyMissing) {
  Bytes b;
  b.header(0, 1).str("split.count").u32(2).u16(2);
  test::write_bytes(first(), b.data());
  EXPECT_EQ(refusal(first()),
            "metadata key of a split set is missing (key: split.no, found: no such key, expected: "
            "an integer from 0 to 1, file: m-00001-of-00002.gguf)");
}

TEST_F(SplitSet, KeyOfAnotherType) {
  Bytes b;
  b.header(0, 1).pair_str("split.count", "2");
  test::write_bytes(first(), b.data());
  EXPECT_EQ(
      refusal(first()),
      "metadata value has the wrong type (found: str, expected: an integer, key: split.count, "
      "file: m-00001-of-00002.gguf)");
}

TEST(SplitNames, PrefixIsCutExactly) {
  EXPECT_EQ(gguf::shard_name("/d/m", 2, 30), "/d/m-00003-of-00030.gguf");
  EXPECT_EQ(gguf::shard_prefix("/d/m-00003-of-00030.gguf", 2, 30), "/d/m");
  EXPECT_EQ(gguf::shard_prefix("/d/m-00003-of-00030.gguf", 3, 30), std::nullopt);
  const auto number = gguf::shard_number("/d/m-00003-of-00030.gguf");
  ASSERT_TRUE(number.has_value());
  EXPECT_EQ(number->no, 2U);
  EXPECT_EQ(number->count, 30U);
  for (const char* other : {"m.gguf", "m-00003-of-00002.gguf", "m-00000-of-00002.gguf",
                            "m-0003-of-00030.gguf", "m-00003-or-00030.gguf", "m-00003-of-00030"}) {
    EXPECT_FALSE(gguf::shard_number(other)) << other;
  }
  EXPECT_EQ(gguf::shard_prefix("x.gguf", 0, 2), std::nullopt);
}

}  // namespace
