// Values from text, and changes that are refused.
#include "surgery/metadata_edit.h"

#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

using surgery::MetadataEdit;
using testing::HasSubstr;
using Kind = MetadataEdit::Kind;

gguf::Metadata sample() {
  gguf::Metadata m;
  m.set("general.architecture", std::string("llama"));
  m.set("count", std::uint32_t{7});
  m.set("text", std::string("a"));
  const std::int32_t list[] = {1, 2};
  m.set("list", gguf::Array::of_i32(list));
  m.set("general.alignment", std::uint32_t{32});
  m.set("split.count", std::uint16_t{2});
  return m;
}

gguf::Metadata changed(const MetadataEdit& edit, bool force = false) {
  gguf::Metadata m = sample();
  surgery::apply(m, edit, force);
  return m;
}

std::string refusal(const MetadataEdit& edit, bool force = false) {
  return test::error_text([&] { changed(edit, force); });
}

MetadataEdit set(const char* text) { return surgery::parse_set("--set", text); }

TEST(MetadataEdit, AKeyKeepsItsType) {
  EXPECT_EQ(*changed(set("count=12")).find("count"), gguf::Value(std::uint32_t{12}));
  EXPECT_EQ(*changed(set("text=x:y=z")).find("text"), gguf::Value(std::string("x:y=z")));
  EXPECT_EQ(changed(set("list=[3, -4, 5]")).array("list")->size(), 3u);
  EXPECT_EQ(changed(set("list=[3, -4, 5]")).array("list")->integer(1), -4);
}

TEST(MetadataEdit, ANewKeyStatesItsType) {
  EXPECT_EQ(*changed(set("new=f32:0.5")).find("new"), gguf::Value(0.5F));
  EXPECT_EQ(*changed(set("new=i8:-128")).find("new"), gguf::Value(std::int8_t{-128}));
  EXPECT_EQ(*changed(set("new=bool:true")).find("new"), gguf::Value(true));
  EXPECT_EQ(*changed(set("new=u64:18446744073709551615")).find("new"),
            gguf::Value(~std::uint64_t{0}));
  EXPECT_EQ(changed(set("new=arr[str]:[\"a\",\"\"]")).array("new")->strings,
            (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(changed(set("new=arr[f32]:[1, 2.5]")).array("new")->number(1), 2.5);
  EXPECT_EQ(changed(set("new=arr[bool]:[true,false]")).array("new")->fixed,
            (std::vector<std::byte>{std::byte{1}, std::byte{0}}));
  EXPECT_THAT(refusal(set("coumt=3")), HasSubstr("a new key needs a type"));
  EXPECT_THAT(refusal(set("coumt=3")), HasSubstr("did you mean count?"));
}

TEST(MetadataEdit, ValuesThatDoNotFitAreRefused) {
  EXPECT_THAT(refusal(set("count=-1")), HasSubstr("a whole number from 0 to 4294967295"));
  EXPECT_THAT(refusal(set("count=4294967296")), HasSubstr("not a value of type u32"));
  EXPECT_THAT(refusal(set("count=7x")), HasSubstr("not a value of type u32"));
  EXPECT_THAT(refusal(set("count=")), HasSubstr("not a value of type u32"));
  EXPECT_THAT(refusal(set("new=u8:256")), HasSubstr("from 0 to 255"));
  EXPECT_THAT(refusal(set("new=f32:inf")), HasSubstr("a finite number"));
  EXPECT_THAT(refusal(set("new=bool:1")), HasSubstr("true or false"));
  EXPECT_THAT(refusal(set("list=[1, 2.5]")), HasSubstr("not a value of type i32"));
  EXPECT_THAT(refusal(set("list=[\"1\"]")), HasSubstr("not a value of type i32"));
  EXPECT_THAT(refusal(set("list=[[1]]")), HasSubstr("not a value of type i32"));
  EXPECT_THAT(refusal(set("list=7")), HasSubstr("not a list"));
}

TEST(MetadataEdit, AnotherTypeNeedsForce) {
  EXPECT_THAT(refusal(set("count=str:x")), HasSubstr("the key has another type"));
  EXPECT_THAT(refusal(set("list=u32:1")), HasSubstr("expected: arr[i32]"));
  const MetadataEdit text{.kind = Kind::set_text, .key = "count", .value = "x"};
  EXPECT_THAT(refusal(text), HasSubstr("the key has another type"));
  EXPECT_EQ(*changed(set("count=i32:3"), true).find("count"), gguf::Value(std::int32_t{3}));
}

TEST(MetadataEdit, RenameKeepsThePlace) {
  const gguf::Metadata m = changed({.kind = Kind::rename, .key = "count", .value = "number"});
  EXPECT_EQ(m.pairs()[1].first, "number");
  EXPECT_EQ(m.pairs().size(), sample().pairs().size());
  EXPECT_THAT(refusal({.kind = Kind::rename, .key = "count", .value = "text"}),
              HasSubstr("the new name is taken"));
  EXPECT_THAT(refusal({.kind = Kind::rename, .key = "none", .value = "x"}),
              HasSubstr("there is no such key"));
}

TEST(MetadataEdit, DeleteNeedsTheKey) {
  EXPECT_FALSE(changed({.kind = Kind::erase, .key = "count"}).has("count"));
  EXPECT_THAT(refusal({.kind = Kind::erase, .key = "tex"}), HasSubstr("did you mean text?"));
}

TEST(MetadataEdit, KeysThatDecideHowAFileIsReadAreNotForEditing) {
  for (const char* key : {"general.alignment", "split.count", "split.no", "split.tensors.count"}) {
    EXPECT_THAT(refusal({.kind = Kind::erase, .key = key}, true),
                HasSubstr("this key is not for editing"));
    EXPECT_THAT(refusal(set((std::string(key) + "=u32:1").c_str()), true),
                HasSubstr("this key is not for editing"));
    EXPECT_THAT(refusal({.kind = Kind::rename, .key = "count", .value = key}, true),
                HasSubstr("this key is not for editing"));
  }
}

TEST(MetadataEdit, OptionsWithoutAKeyAreWrongUsage) {
  EXPECT_THAT(test::error_text([] { surgery::parse_set("--set", "x"); }),
              HasSubstr("KEY=TYPE:VALUE"));
  EXPECT_THAT(test::error_text([] { surgery::parse_pair("--rename", Kind::rename, "=x"); }),
              HasSubstr("OLD=NEW"));
}

}  // namespace
