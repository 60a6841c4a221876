#include "convert/safetensors.h"

#include "convert/convert_support.h"

namespace {

using convert::parse_safetensors;
using test::SafetensorsBuilder;

std::string refused(std::span<const std::byte> bytes) {
  return test::refusal(base::Fault::bad_file, [&] { parse_safetensors(bytes); });
}
/// With `data` zero bytes behind it.
std::string refused(const std::string& header, std::size_t data = 0) {
  return refused(SafetensorsBuilder::with_header(header, std::vector<std::byte>(data)));
}
void expect_all(const std::string& text, const std::vector<std::string>& pieces) {
  for (const std::string& piece : pieces) EXPECT_NE(text.find(piece), std::string::npos) << text;
}

TEST(Safetensors, TensorsInTheOrderOfTheirBytes) {
  const auto bytes = SafetensorsBuilder()
                         .add<float>("z", "F32", {2, 3}, {1, 2, 3, 4, 5, 6})
                         .add<std::uint16_t>("a", "BF16", {2}, {7, 8})
                         .add<float>("nothing", "F32", {0, 4}, {})
                         .bytes();
  const auto tensors = parse_safetensors(bytes);
  ASSERT_EQ(tensors.size(), 3U);
  EXPECT_EQ(tensors[0].name, "z");
  EXPECT_EQ(tensors[0].shape, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(tensors[0].dtype->name, "F32");
  EXPECT_EQ(tensors[1].name, "a");
  EXPECT_EQ(tensors[1].size, 4U);
  EXPECT_EQ(tensors[1].offset + tensors[1].size, bytes.size());
  EXPECT_EQ(tensors[2].name, "nothing");
  EXPECT_EQ(tensors[2].size, 0U);
}

TEST(Safetensors, MetadataIsTextAndMayBeAnything) {
  EXPECT_TRUE(parse_safetensors(
                  SafetensorsBuilder::with_header(R"({"__metadata__": {"format": "pt", "x": ""}})"))
                  .empty());
  expect_all(refused(R"({"__metadata__": {"n": 1}})"), {"another form", "found: 1", "text"});
  expect_all(refused(R"({"__metadata__": {"n": {}}})"), {"another form", "an object"});
}

TEST(SafetensorsMalformed, HeaderCutOffOrTooLong) {
  expect_all(refused(std::vector<std::byte>(7)), {"the length of the header", "7 bytes left"});
  auto bytes = SafetensorsBuilder::with_header("{}");
  bytes[0] = std::byte{3};
  expect_all(refused(bytes), {"header is too long", "3 bytes", "at most 2"});
  bytes[7] = std::byte{0xFF};
  expect_all(refused(bytes), {"header is too long"});
}

TEST(SafetensorsMalformed, TextInPlaceOfTheFile) {
  const auto text = [](const std::string& t) { return refused(std::as_bytes(std::span(t))); };
  expect_all(text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
             {"a Git LFS pointer", "git lfs pull"});
  expect_all(text("<!DOCTYPE html>\n<html>"), {"a text file", "<!DOCTYPE html>"});
}

TEST(SafetensorsMalformed, NoJson) {
  expect_all(refused(""), {"no JSON object", "offset: 8"});
  expect_all(refused("[]"), {"no JSON object"});
  expect_all(refused("{"), {"no JSON", "offset: 1"});
  expect_all(refused(R"({"a": tru})"), {"no JSON"});
  expect_all(refused("{} x"), {"no JSON"});
  expect_all(refused("{\"a\xFF\": {}}"), {"no JSON"});
  expect_all(refused(R"({"a": )" + std::string(100'000, '[') + "}"), {"another form", "a list"});
}

TEST(SafetensorsMalformed, FieldsOfATensor) {
  expect_all(refused(R"({"a": 5})"), {"another form", "found: 5", "tensor: a"});
  expect_all(refused(R"({"a": {"dtype": "F32", "shape": [1]}})"), {"incomplete", "2 fields"});
  expect_all(refused(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}})"),
             {"incomplete", "1 offsets"});
  expect_all(refused(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}})", 4),
             {"incomplete", "3 offsets"});
  expect_all(refused(R"({"a": {"dtype": "F33", "shape": [1], "data_offsets": [0, 4]}})", 4),
             {"unknown element type", "F33", "BF16"});
  expect_all(refused(R"({"a": {"dtype": 1, "shape": [1], "data_offsets": [0, 4]}})", 4),
             {"another form"});
  expect_all(refused(R"({"a": {"dtype": "F32", "dtype": "F32"}})"), {"stands twice", "dtype"});
  expect_all(refused(R"({"a": {"kind": "F32"}})"), {"unknown field", "kind"});
  expect_all(refused(R"({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}})", 4),
             {"another form", "-1", "whole numbers"});
  expect_all(refused(R"({"a": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]}})", 4),
             {"another form", "1.5"});
  expect_all(refused(R"({"a": {"dtype": "F32", "shape": [[1]], "data_offsets": [0, 4]}})", 4),
             {"another form"});
  expect_all(
      refused(R"({"a": {"dtype": "F32", "shape": [1,1,1,1,1,1,1,1,1], "data_offsets": [0, 4]}})"),
      {"a list is too long", "8"});
  expect_all(refused(R"({"": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})", 4),
             {"without name"});
}

TEST(SafetensorsMalformed, TwoTensorsOfOneName) {
  expect_all(refused(R"({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
                         "a": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}})",
                     2),
             {"two tensors of one name", "a"});
}

TEST(SafetensorsMalformed, SizesThatContradictEachOther) {
  expect_all(refused(R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}})", 4),
             {"do not fit its shape", "found: 4 bytes", "expected: 8 bytes", "tensor: a"});
  expect_all(refused(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}})", 4),
             {"ends before it begins"});
  expect_all(refused(R"({"a": {"dtype": "F32", "shape": [4294967296, 4294967296, 4],
                        "data_offsets": [0, 0]}})"),
             {"more bytes than 64 bits", "tensor: a", "(4294967296, 4294967296, 4)"});
}

TEST(SafetensorsMalformed, PlacesOfTensors) {
  expect_all(refused(R"({"a": {"dtype": "U8", "shape": [9], "data_offsets": [0, 9]}})", 8),
             {"reaches beyond the file", "0 to 9", "8"});
  expect_all(refused(R"({"a": {"dtype": "U8", "shape": [1],
                        "data_offsets": [18446744073709551614, 18446744073709551615]}})",
                     8),
             {"reaches beyond the file"});
  expect_all(refused(R"({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
                         "b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]}})",
                     6),
             {"overlap", "tensor: b", "2 to 6", "a begin at 4"});
  expect_all(refused(R"({"a": {"dtype": "U8", "shape": [4], "data_offsets": [1, 5]}})", 5),
             {"a gap", "a begin at 0"});
  expect_all(refused(R"({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}})", 6),
             {"longer than its tensors", "2 bytes more"});
}

TEST(Safetensors, TheFileIsNamed) {
  const test::TempDir dir;
  test::write_bytes(dir / "m.safetensors", std::vector<std::byte>(5));
  EXPECT_NE(test::refusal(base::Fault::bad_file,
                          [&] { convert::read_safetensors(dir / "m.safetensors"); })
                .find("m.safetensors"),
            std::string::npos);
  test::refusal(base::Fault::io, [&] { convert::read_safetensors(dir / "none"); });
  const std::string header = R"({"a": {"dtype": "I9", "shape": [], "data_offsets": [0, 0]}})";
  test::write_bytes(dir / "type.safetensors", test::SafetensorsBuilder::with_header(header, {}));
  expect_all(test::refusal(base::Fault::bad_file,
                           [&] { convert::read_safetensors(dir / "type.safetensors"); }),
             {"unknown element type", "type.safetensors", "; the file is damaged"});
}

}  // namespace
