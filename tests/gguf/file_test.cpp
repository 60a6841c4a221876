#include "gguf/file.h"

#include "gguf/read_value.h"
#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

using test::Bytes;

gguf::File parse(const Bytes& bytes) { return gguf::File::parse(bytes.data(), "x.gguf"); }

std::string refusal(const Bytes& bytes) {
  return test::error_text([&] { parse(bytes); });
}

/// One tensor "t" of these dimensions and type, followed by `data_bytes` zeros.
Bytes one_tensor(const std::vector<std::uint64_t>& ne, std::uint32_t type, std::uint64_t offset,
                 std::size_t data_bytes) {
  Bytes b;
  b.header(1, 0).info("t", ne, type, offset).pad().zeros(data_bytes);
  return b;
}

TEST(GgufFile, ReadsMetadataAndTensors) {
  Bytes b;
  b.header(2, 2).pair_str("general.architecture", "llama").pair_u32("llama.block_count", 3);
  b.info("a", {4, 2}, 0, 0).info("b", {32}, 8, 32).pad();
  for (int i = 0; i < 8; ++i) b.f32(static_cast<float>(i));
  b.zeros(34);
  const gguf::File file = parse(b);
  EXPECT_EQ(file.version(), 3u);
  EXPECT_EQ(file.metadata().string("general.architecture"), "llama");
  EXPECT_EQ(file.metadata().integer("llama.block_count"), 3);
  ASSERT_EQ(file.tensors().size(), 2u);
  EXPECT_EQ(file.tensors()[0].name, "a");
  EXPECT_EQ(file.tensors()[0].shape, (tensor::Shape{{4, 2, 1, 1}}));
  EXPECT_EQ(file.tensors()[0].size, 32u);
  EXPECT_EQ(file.tensors()[0].offset, file.data_start());
  EXPECT_EQ(file.tensors()[1].codec->name, "q8_0");
  EXPECT_EQ(file.tensors()[1].size, 34u);
  EXPECT_EQ(file.tensors()[1].offset, file.data_start() + 32);
  EXPECT_TRUE(file.findings().empty());
}

TEST(GgufFile, VersionTwoReadsTheSame) {
  Bytes b;
  b.header(0, 1, 2).pair_u32("k", 7);
  EXPECT_EQ(parse(b).version(), 2u);
  EXPECT_EQ(parse(b).metadata().integer("k"), 7);
}

TEST(GgufFile, WithoutTensorsPaddingIsOptional) {
  Bytes b;
  b.header(0, 1).pair_u32("k", 7);
  EXPECT_TRUE(parse(b).findings().empty());
  b.pad();
  EXPECT_TRUE(parse(b).findings().empty());
  b.zeros(5);
  ASSERT_EQ(parse(b).findings().size(), 1u);
  EXPECT_EQ(parse(b).findings()[0].text, "5 bytes behind the end of a file without tensors");
}

TEST(GgufFile, ExplicitTrailingUnitDimensionsAreAccepted) {
  EXPECT_EQ(parse(one_tensor({4, 1, 1}, 0, 0, 32)).tensors()[0].shape,
            (tensor::Shape{{4, 1, 1, 1}}));
}

TEST(GgufFile, AlignmentOfTheFileCounts) {
  Bytes b;
  b.header(1, 1).pair_u32("general.alignment", 64).info("t", {2}, 0, 0).pad(64).zeros(8);
  const gguf::File file = parse(b);
  EXPECT_EQ(file.alignment(), 64u);
  EXPECT_EQ(file.data_start() % 64, 0u);
}

TEST(GgufFile, NamesAndValuesHoldAnyBytesButNul) {
  Bytes b;
  b.header(1, 1).pair_str("k\xff", "\xc3\x28\xfe").info("t\x80", {2}, 0, 0).pad().zeros(8);
  const gguf::File file = parse(b);
  EXPECT_EQ(file.metadata().string("k\xff"), "\xc3\x28\xfe");
  EXPECT_EQ(file.tensors()[0].name, "t\x80");
}

TEST(GgufFile, GapsAndOrderAreWarnings) {
  Bytes b;
  b.header(2, 0).info("a", {8}, 0, 64).info("b", {8}, 0, 0).pad().zeros(96).zeros(7);
  const base::Findings findings = parse(b).findings();
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_EQ(findings[0].text,
            "does not lie in the order of the tensor list; llama.cpp refuses the file");
  EXPECT_EQ(findings[1].where, "a");
  EXPECT_EQ(findings[1].text,
            "gap in front of the data (1 gaps in the file); llama.cpp refuses the file");
  EXPECT_EQ(findings[2].text, "7 unused bytes behind the last tensor");
}

TEST(GgufFile, RepositoryModelReads) {
  const auto path = test::source_path("data/tiny-mla-bf16.gguf");
  const gguf::FileSet set = gguf::FileSet::open(path);
  EXPECT_EQ(set.metadata().string("general.architecture"), "deepseek2");
  EXPECT_TRUE(set.findings().empty());
  const gguf::TensorInfo* t = set.find("token_embd.weight");
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(set.view(*t).bytes.size(), t->size);
  EXPECT_EQ(set.find("no such tensor"), nullptr);
  std::size_t sum = 0;
  for (const auto& info : set.tensors()) sum += (info.size + 31) / 32 * 32;
  EXPECT_EQ(set.shards()[0].data_start() + sum, std::filesystem::file_size(path));
}

TEST(GgufFile, SharedModelsAndVocabulariesRead) {
  QUERN_NEEDS_SHARED("models/tiny-mla-split-bf16.gguf");
  EXPECT_FALSE(
      gguf::FileSet::open(test::shared_path("models/tiny-mla-split-bf16.gguf")).tensors().empty());
  std::size_t n = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(test::shared_path("data/tokenizers"))) {
    if (entry.path().extension() != ".gguf") continue;
    const gguf::File file = gguf::File::open(entry.path());
    EXPECT_NE(file.metadata().array("tokenizer.ggml.tokens"), nullptr) << entry.path();
    EXPECT_TRUE(file.findings().empty()) << entry.path();
    ++n;
  }
  EXPECT_EQ(n, 6u);
}

TEST(GgufFile, MissingFileSaysSo) {
  EXPECT_EQ(test::error_text([] { gguf::File::open("/nonexistent/x.gguf"); }),
            "cannot open file: No such file or directory (file: /nonexistent/x.gguf)");
}

// Refusals of docs/spec/gguf.md 1.2, in its order.

TEST(GgufRefusal, EmptyFile) {
  EXPECT_EQ(refusal(Bytes()),
            "file is too short for a GGUF header (offset: 0, found: 0 bytes, expected: at least 24 "
            "bytes, file: x.gguf); the file is truncated");
}

TEST(GgufRefusal, ShorterThanTheHeader) {
  Bytes b;
  b.header(0, 0).cut(23);
  EXPECT_EQ(refusal(b),
            "file is too short for a GGUF header (offset: 0, found: 23 bytes, expected: at least "
            "24 bytes, file: x.gguf); the file is truncated");
}

TEST(GgufRefusal, WrongMagic) {
  Bytes b;
  b.raw("PK\x03\x04").zeros(40);
  EXPECT_EQ(refusal(b),
            "not a GGUF file (offset: 0, found: 50 4b 03 04, expected: 47 47 55 46 (\"GGUF\"), "
            "file: x.gguf); is it another kind of file, or a Git LFS pointer?");
}

TEST(GgufRefusal, VersionOne) {
  Bytes b;
  b.header(0, 0, 1);
  EXPECT_EQ(refusal(b),
            "GGUF version 1 is too old (offset: 4, found: 1, expected: 2 or 3, file: x.gguf); "
            "convert the model again with a current converter");
}

TEST(GgufRefusal, VersionFromTheFuture) {
  Bytes b;
  b.header(0, 0, 4);
  EXPECT_EQ(refusal(b),
            "unknown GGUF version (offset: 4, found: 4, expected: 2 or 3, file: x.gguf); "
            "written by a newer program, or damaged");
  Bytes zero;
  zero.header(0, 0, 0);
  EXPECT_EQ(refusal(zero),
            "unknown GGUF version (offset: 4, found: 0, expected: 2 or 3, file: x.gguf); "
            "written by a newer program, or damaged");
}

TEST(GgufRefusal, BigEndian) {
  Bytes b;
  b.header(0, 0, 0x03000000);
  EXPECT_EQ(refusal(b),
            "GGUF file in big-endian byte order (offset: 4, found: version field 0x03000000, "
            "expected: a little-endian file, file: x.gguf); convert the model on a little-endian "
            "machine");
}

TEST(GgufRefusal, MorePairsThanTheFileCanHold) {
  Bytes b;
  b.header(0, 3).zeros(41);
  EXPECT_EQ(refusal(b),
            "more metadata pairs than the file can hold (offset: 16, found: 3, expected: at most 2 "
            "(41 bytes left), file: x.gguf); the file is truncated or its header damaged");
}

TEST(GgufRefusal, MoreTensorsThanTheFileCanHold) {
  Bytes b;
  b.header(2, 0).zeros(65);
  EXPECT_EQ(refusal(b),
            "more tensors than the file can hold (offset: 8, found: 2, expected: at most 1 "
            "(65 bytes left), file: x.gguf); the file is truncated or its header damaged");
}

TEST(GgufRefusal, MoreTensorsThanRemainBehindTheMetadata) {
  Bytes b;
  b.header(2, 1).pair_str("k", std::string(60, 'v')).zeros(40);
  EXPECT_EQ(refusal(b),
            "more tensors than the file can hold (offset: 8, found: 2, expected: at most 1 "
            "(40 bytes left), file: x.gguf); the file is truncated or its header damaged");
}

TEST(GgufRefusal, CountsBeyondThirtyOneBits) {
  Bytes tensors;
  tensors.header(std::uint64_t{1} << 31, 0);
  EXPECT_EQ(refusal(tensors),
            "too many tensors (offset: 8, found: 2147483648, expected: at most 2147483647, "
            "file: x.gguf); the header is damaged");
  Bytes pairs;
  pairs.header(0, ~std::uint64_t{0});
  EXPECT_EQ(refusal(pairs),
            "too many metadata pairs (offset: 16, found: 18446744073709551615, expected: at most "
            "2147483647, file: x.gguf); the header is damaged");
}

TEST(GgufRefusal, KeyLongerThanTheFile) {
  Bytes b;
  b.header(0, 1).u64(1000).raw("abc").zeros(20);
  EXPECT_EQ(refusal(b),
            "file ends inside metadata key (offset: 32, found: 23 bytes left, expected: 1000 "
            "bytes, key: number 1 of 1, file: x.gguf); the file is truncated or damaged");
}

TEST(GgufRefusal, StringBeyondOneGibibyte) {
  Bytes b;
  b.header(0, 1).str("k").u32(8).u64((std::uint64_t{1} << 30) + 1).zeros(8);
  EXPECT_EQ(refusal(b),
            "string value is too long (offset: 37, found: 1073741825 bytes, expected: at most "
            "1073741824 bytes, key: k, file: x.gguf)");
}

TEST(GgufRefusal, EmptyKey) {
  Bytes b;
  b.header(0, 1).pair_u32("", 1).zeros(20);
  EXPECT_EQ(refusal(b),
            "metadata key is empty (offset: 24, found: 0 bytes, expected: 1 to 65535 bytes, key: "
            "number 1 of 1, file: x.gguf)");
}

TEST(GgufRefusal, KeyTooLong) {
  Bytes b;
  b.header(0, 1).pair_u32(std::string(65536, 'k'), 1);
  EXPECT_EQ(refusal(b),
            "metadata key is too long (offset: 24, found: 65536 bytes, expected: 1 to 65535 bytes, "
            "key: number 1 of 1, file: x.gguf)");
}

TEST(GgufRefusal, KeyWithNul) {
  Bytes b;
  b.header(0, 1).pair_u32(std::string_view("a\0b", 3), 1);
  EXPECT_EQ(refusal(b),
            "metadata key contains a NUL byte (offset: 33, found: a\\x00b, expected: no NUL byte, "
            "key: number 1 of 1, file: x.gguf)");
}

TEST(GgufRefusal, UnknownValueType) {
  Bytes b;
  b.header(0, 1).str("k").u32(13).u64(0);
  EXPECT_EQ(refusal(b),
            "unknown value type (offset: 33, found: 13, expected: 0 to 12, key: k, file: x.gguf); "
            "written by a newer program, or damaged");
}

TEST(GgufRefusal, UnknownArrayElementType) {
  Bytes b;
  b.header(0, 1).str("k").u32(9).u32(99).u64(0);
  EXPECT_EQ(refusal(b),
            "unknown array element type (offset: 37, found: 99, expected: 0 to 12, key: k, file: "
            "x.gguf); written by a newer program, or damaged");
}

TEST(GgufRefusal, ArrayOfArrays) {
  Bytes b;
  b.header(0, 1).str("k").u32(9).u32(9).u64(0);
  EXPECT_EQ(refusal(b),
            "array of arrays (offset: 37, found: arr, expected: a scalar element type, key: k, "
            "file: x.gguf)");
}

TEST(GgufRefusal, ArrayLongerThanTheFile) {
  Bytes b;
  b.header(0, 1).str("k").u32(9).u32(4).u64(3).zeros(11);
  EXPECT_EQ(refusal(b),
            "array is longer than the rest of the file (offset: 41, found: 3 elements, expected: "
            "at most 2 (11 bytes left), key: k, file: x.gguf); the file is truncated or damaged");
}

TEST(GgufRefusal, StringArrayLongerThanTheFile) {
  Bytes b;
  b.header(0, 1).str("k").u32(9).u32(8).u64(1000000000).zeros(16);
  EXPECT_EQ(refusal(b),
            "array is longer than the rest of the file (offset: 41, found: 1000000000 elements, "
            "expected: at most 2 (16 bytes left), key: k, file: x.gguf); the file is truncated or "
            "damaged");
}

TEST(GgufRefusal, ArrayBeyondTheFormatsLimit) {
  Bytes b;
  b.header(0, 1).str("k").u32(9).u32(0).u64((std::uint64_t{1} << 30) + 1);
  EXPECT_EQ(refusal(b),
            "array is too long (offset: 41, found: 1073741825, expected: at most 1073741824 "
            "elements, key: k, file: x.gguf)");
}

/// Where few bytes of a large file ask for all memory. The rest of the file is a hole.
std::string refusal_of_sparse(const Bytes& head, std::uintmax_t size) {
  const test::TempDir dir;
  const auto path = dir / "x.gguf";
  test::write_bytes(path, head.data());
  std::filesystem::resize_file(path, size);
  return test::error_text([&] { gguf::File::open(path); });
}

TEST(GgufRefusal, MetadataThatAsksForTooMuchMemory) {
  Bytes strings;  // 2^25 strings of 32 bytes in memory, eight in the file
  strings.header(0, 1).str("k").u32(9).u32(8).u64(std::uint64_t{1} << 25);
  EXPECT_THAT(
      refusal_of_sparse(strings, std::uintmax_t{300} << 20),
      testing::HasSubstr("metadata and tensor list need too much memory (offset: 37, found: "));
  gguf::HeaderMemory memory;  // the sum counts
  memory.take(std::uint64_t{1} << 29, 0);
  memory.take(std::uint64_t{1} << 29, 0);
  EXPECT_THROW(memory.take(1, 0), base::Error);
}

TEST(GgufRefusal, BoolNeitherZeroNorOne) {
  Bytes scalar;
  scalar.header(0, 1).str("k").u32(7).u8(2);
  EXPECT_EQ(refusal(scalar),
            "bool is neither 0 nor 1 (offset: 37, found: 2, expected: 0 or 1, key: k, file: "
            "x.gguf)");
  Bytes array;
  array.header(0, 1).str("k").u32(9).u32(7).u64(3).u8(0).u8(1).u8(255);
  EXPECT_EQ(refusal(array),
            "bool is neither 0 nor 1 (offset: 51, found: 255, expected: 0 or 1, key: k, file: "
            "x.gguf)");
}

TEST(GgufRefusal, DuplicateKey) {
  Bytes b;
  b.header(0, 2).pair_u32("k", 1).pair_u32("k", 1);
  EXPECT_EQ(refusal(b), "metadata key appears twice (offset: 41, key: k, file: x.gguf)");
}

TEST(GgufRefusal, AlignmentOfAnotherType) {
  Bytes b;
  b.header(0, 1).str("general.alignment").u32(10).u64(32);
  EXPECT_EQ(
      refusal(b),
      "alignment cannot be used (offset: 24, key: general.alignment, found: u64 32, expected: "
      "u32, a power of two from 1 to 1048576, file: x.gguf)");
}

TEST(GgufRefusal, AlignmentZeroOddOrAbsurd) {
  for (const std::uint32_t a : {0u, 3u, 48u, 1u << 21}) {
    Bytes b;
    b.header(0, 1).pair_u32("general.alignment", a);
    EXPECT_EQ(refusal(b),
              "alignment cannot be used (offset: 24, key: general.alignment, found: u32 " +
                  std::to_string(a) +
                  ", expected: u32, a power of two from 1 to 1048576, file: x.gguf)");
  }
}

TEST(GgufRefusal, TensorNameEmpty) {
  Bytes b;
  b.header(1, 0).info("", {2}, 0, 0).pad().zeros(32);
  EXPECT_EQ(refusal(b),
            "tensor name is empty (offset: 24, found: 0 bytes, expected: 1 to 63 bytes, tensor: "
            "number 1 of 1, file: x.gguf)");
}

TEST(GgufRefusal, TensorNameTooLong) {
  Bytes b;
  b.header(1, 0).info(std::string(64, 'n'), {2}, 0, 0).pad().zeros(32);
  EXPECT_EQ(
      refusal(b),
      "tensor name is too long (offset: 24, found: 64 bytes, expected: 1 to 63 bytes, tensor: "
      "number 1 of 1, file: x.gguf)");
}

TEST(GgufRefusal, TensorNameWithNul) {
  Bytes b;
  b.header(1, 0).info(std::string_view("a\0", 2), {2}, 0, 0).pad().zeros(32);
  EXPECT_EQ(refusal(b),
            "tensor name contains a NUL byte (offset: 33, found: a\\x00, expected: no NUL byte, "
            "tensor: number 1 of 1, file: x.gguf)");
}

TEST(GgufRefusal, TensorNameTwice) {
  Bytes b;
  b.header(2, 0).info("t", {2}, 0, 0).info("t", {2}, 0, 32).pad().zeros(64);
  EXPECT_EQ(refusal(b), "tensor name appears twice (offset: 57, tensor: t, file: x.gguf)");
}

TEST(GgufRefusal, NoDimensionsOrFive) {
  EXPECT_EQ(refusal(one_tensor({}, 0, 0, 32)),
            "wrong number of dimensions (offset: 33, found: 0, expected: 1 to 4, tensor: t, file: "
            "x.gguf)");
  EXPECT_EQ(refusal(one_tensor({1, 1, 1, 1, 1}, 0, 0, 32)),
            "wrong number of dimensions (offset: 33, found: 5, expected: 1 to 4, tensor: t, file: "
            "x.gguf)");
}

TEST(GgufRefusal, DimensionZero) {
  EXPECT_EQ(refusal(one_tensor({4, 0}, 0, 0, 32)),
            "dimension 1 is 0 (offset: 45, found: 0, expected: at least 1, tensor: t, file: "
            "x.gguf)");
}

TEST(GgufRefusal, DimensionBeyondSixtyThreeBits) {
  EXPECT_EQ(refusal(one_tensor({std::uint64_t{1} << 63}, 0, 0, 32)),
            "tensor has too many elements (offset: 37, found: 1 * 9223372036854775808, expected: "
            "at most 2^63 - 1, tensor: t, file: x.gguf)");
}

TEST(GgufRefusal, ElementCountOverflows) {
  const std::uint64_t big = std::uint64_t{1} << 32;
  EXPECT_EQ(refusal(one_tensor({big, big, 1}, 0, 0, 32)),
            "tensor has too many elements (offset: 45, found: 4294967296 * 4294967296, expected: "
            "at most 2^63 - 1, tensor: t, file: x.gguf)");
}

TEST(GgufRefusal, UnknownTensorType) {
  EXPECT_EQ(refusal(one_tensor({4}, 77, 0, 32)),
            "tensor type id 77 cannot be read: unknown; written by a newer program? (offset: 45, "
            "found: 77, expected: an id listed by `quern types`, tensor: t, file: x.gguf)");
}

TEST(GgufRefusal, RemovedTensorType) {
  EXPECT_EQ(refusal(one_tensor({32}, 4, 0, 32)),
            "tensor type id 4 cannot be read: Q4_2 / Q4_3, removed from both programs (offset: 45, "
            "found: 4, expected: an id listed by `quern types`, tensor: t, file: x.gguf)");
}

TEST(GgufRefusal, ActivationOnlyTensorType) {
  EXPECT_EQ(refusal(one_tensor({256}, 15, 0, 320)),
            "tensor type id 15 cannot be read: q8_K, an activation format that never stands in "
            "files (offset: 45, found: 15, expected: an id listed by `quern types`, tensor: t, "
            "file: x.gguf)");
}

TEST(GgufRefusal, RowDoesNotFillItsBlocks) {
  // 16 x 2 elements fill one block of 32 in total, but no row does.
  EXPECT_EQ(refusal(one_tensor({16, 2}, 8, 0, 64)),
            "row length does not fill the blocks of its type (type: q8_0, found: 16, expected: a "
            "multiple of 32, shape: {16, 2}, offset: 33, tensor: t, file: x.gguf)");
}

TEST(GgufRefusal, RowsDoNotFillTheGroupsOfTheirType) {
  EXPECT_EQ(refusal(one_tensor({256, 6}, 339, 0, 4096)),
            "row count does not fill the row groups of its type (type: iq4_k_r4, found: 6, "
            "expected: a multiple of 4, shape: {256, 6}, offset: 33, tensor: t, file: x.gguf)");
}

TEST(GgufRefusal, TensorSizeOverflows) {
  EXPECT_EQ(refusal(one_tensor({std::uint64_t{1} << 62}, 0, 0, 32)),
            "size overflows 64 bits (shape: {4611686018427387904}, offset: 33, tensor: t, file: "
            "x.gguf)");
}

TEST(GgufRefusal, OffsetNotAligned) {
  EXPECT_EQ(refusal(one_tensor({4}, 0, 16, 64)),
            "tensor data is not aligned (offset: 80, tensor: t, found: offset 16 in the data "
            "section, expected: a multiple of 32, file: x.gguf)");
}

TEST(GgufRefusal, DataOutsideTheFile) {
  EXPECT_EQ(refusal(one_tensor({16}, 0, 0, 63)),
            "tensor data lies outside the file (offset: 64, tensor: t, found: 64 bytes at 0 of the "
            "data section, expected: at most 63 bytes, file: x.gguf); the file is truncated: "
            "compare its size with the original");
}

TEST(GgufRefusal, OffsetBehindTheFile) {
  EXPECT_EQ(
      refusal(one_tensor({1}, 0, std::uint64_t{1} << 40, 32)),
      "tensor data lies outside the file (offset: 1099511627840, tensor: t, found: 4 bytes at "
      "1099511627776 of the data section, expected: at most 32 bytes, file: "
      "x.gguf); the file is truncated: compare its size with the original");
}

TEST(GgufRefusal, OffsetThatWraps) {
  const std::string text = refusal(one_tensor({64}, 0, ~std::uint64_t{31}, 32));
  EXPECT_EQ(text,
            "tensor data lies outside the file (offset: 18446744073709551615, tensor: t, found: "
            "256 bytes at 18446744073709551584 of the data section, expected: at most 32 bytes, "
            "file: x.gguf); the file is truncated: compare its size with the original");
}

TEST(GgufRefusal, FileEndsBeforeTheDataSection) {
  Bytes b;
  b.header(1, 0).info("t", {1}, 0, 0);
  EXPECT_EQ(
      refusal(b),
      "tensor data lies outside the file (offset: 64, tensor: t, found: 4 bytes at 0 of the "
      "data section, expected: at most 0 bytes, file: x.gguf); the file is truncated: compare "
      "its size with the original");
}

TEST(GgufRefusal, TensorsOverlap) {
  Bytes b;
  b.header(2, 0).info("a", {16}, 0, 0).info("b", {16}, 0, 32).pad().zeros(128);
  EXPECT_EQ(refusal(b),
            "tensors overlap (offset: 128, tensor: b, found: begins at 32 in the data section, "
            "expected: at least 64, where a ends, file: x.gguf)");
}

TEST(GgufRefusal, EveryTruncationIsRefused) {
  Bytes whole;
  whole.header(2, 3).pair_str("general.architecture", "llama").pair_u32("n", 1);
  whole.str("list").u32(9).u32(8).u64(2).str("x").str("yz");
  whole.info("a", {4, 2}, 0, 0).info("b", {32}, 8, 32).pad().zeros(32 + 34);
  parse(whole);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Bytes part = whole;
    part.cut(size);
    EXPECT_NE(refusal(part), "no error") << size;
  }
}

TEST(PlannedFileSet, HasNamesAndShapesButNoBytes) {
  gguf::Metadata metadata;
  metadata.set("general.architecture", std::string("llama"));
  const quant::Codec* f32 = quant::find_codec("f32");
  const auto files =
      gguf::FileSet::planned(metadata, {{.name = "a", .codec = f32, .shape = {{{4, 2, 1, 1}}}},
                                        {.name = "b", .codec = f32, .shape = {{{4, 1, 1, 1}}}}});
  ASSERT_NE(files.find("b"), nullptr);
  EXPECT_EQ(files.find("a")->shape.to_string(), "{4, 2}");
  EXPECT_TRUE(files.view(*files.find("a")).bytes.empty());
  EXPECT_EQ(files.metadata().string("general.architecture"), "llama");
  EXPECT_THROW(gguf::FileSet::planned(metadata, {{.name = "a", .codec = f32, .shape = {}},
                                                 {.name = "a", .codec = f32, .shape = {}}}),
               base::Error);
}

}  // namespace
