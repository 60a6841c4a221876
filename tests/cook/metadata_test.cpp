// docs/spec/recipes.md 7 (overrides) and 10; docs/spec/gguf.md 3.
#include "cook/metadata.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace {

using recipe::Policy;
using testing::ElementsAre;

std::vector<std::string> keys(const gguf::Metadata& m) {
  std::vector<std::string> out;
  for (const auto& pair : m.pairs()) out.push_back(pair.first);
  return out;
}

gguf::Metadata input() {
  gguf::Metadata m;
  m.set("general.architecture", std::string("llama"));
  m.set("general.file_type", std::uint32_t{32});
  m.set("general.alignment", std::uint32_t{64});
  m.set("quern.room", std::string("   "));  // as the line above, of the file and not of the model
  m.set("llama.block_count", std::uint32_t{2});
  m.set("llama.scale", 1.5F);
  m.set("split.count", std::uint16_t{2});
  m.set("split.no", std::uint16_t{0});
  m.set("split.tensors.count", std::int32_t{3});
  m.set("tail", true);
  return m;
}

cook::ImportanceKeys all_keys() {
  return {.file = "a/b.dat", .dataset = "text", .n_entries = 5, .n_chunks = 7};
}

TEST(OutputMetadata, IkReplacesInPlaceAndAppends) {
  const gguf::Metadata m = output_metadata(Policy::ik, input(), {}, all_keys(), 14);
  EXPECT_THAT(keys(m),
              ElementsAre("general.architecture", "general.file_type", "llama.block_count",
                          "llama.scale", "tail", "general.quantization_version",
                          "quantize.imatrix.file", "quantize.imatrix.dataset",
                          "quantize.imatrix.entries_count", "quantize.imatrix.chunks_count"));
  EXPECT_EQ(m.integer("general.file_type"), 14);
  EXPECT_EQ(gguf::type_of(*m.find("quantize.imatrix.entries_count")), gguf::ValueType::i32);
}

TEST(OutputMetadata, MainlineMovesWhatItSetsToTheEnd) {
  const gguf::Metadata m = output_metadata(Policy::mainline, input(), {}, all_keys(), 14);
  EXPECT_THAT(keys(m),
              ElementsAre("general.architecture", "llama.block_count", "llama.scale", "tail",
                          "general.quantization_version", "general.file_type",
                          "quantize.imatrix.file", "quantize.imatrix.dataset",
                          "quantize.imatrix.entries_count", "quantize.imatrix.chunks_count"));
  EXPECT_EQ(gguf::type_of(*m.find("quantize.imatrix.entries_count")), gguf::ValueType::u32);
}

TEST(OutputMetadata, OverridesStayInPlaceAndMoveToTheEndUnderMainline) {
  const std::vector<cook::Override> overrides = {cook::parse_override("llama.scale=float:2.5")};
  const gguf::Metadata ik = output_metadata(Policy::ik, input(), overrides, std::nullopt, 14);
  EXPECT_EQ(keys(ik)[3], "llama.scale");
  EXPECT_EQ(ik.number("llama.scale"), 2.5);
  const gguf::Metadata mainline =
      output_metadata(Policy::mainline, input(), overrides, std::nullopt, 14);
  EXPECT_EQ(keys(mainline).back(), "llama.scale");
  EXPECT_EQ(mainline.number("llama.scale"), 2.5);
}

TEST(OutputMetadata, AbsentDatasetAndChunksAreNotWritten) {
  cook::ImportanceKeys few;
  few.file = "f";
  const gguf::Metadata m = output_metadata(Policy::ik, input(), {}, few, 1);
  EXPECT_TRUE(m.has("quantize.imatrix.file"));
  EXPECT_FALSE(m.has("quantize.imatrix.dataset"));
  EXPECT_FALSE(m.has("quantize.imatrix.chunks_count"));
}

TEST(OutputMetadata, HiddenImportanceTellsNothing) {
  cook::ImportanceKeys hidden = all_keys();
  hidden.hidden = true;
  const gguf::Metadata m = output_metadata(Policy::ik, input(), {}, hidden, 1);
  EXPECT_EQ(m.string("quantize.imatrix.file"), "top_secret");
  EXPECT_EQ(m.string("quantize.imatrix.dataset"), "top_secret");
  EXPECT_EQ(m.integer("quantize.imatrix.entries_count"), 0);
  EXPECT_EQ(m.integer("quantize.imatrix.chunks_count"), 0);
}

TEST(OutputMetadata, LongFileNamesAreCut) {
  cook::ImportanceKeys long_name = all_keys();
  long_name.file = std::string(200, 'x');
  const gguf::Metadata m = output_metadata(Policy::ik, input(), {}, long_name, 1);
  EXPECT_EQ(m.string("quantize.imatrix.file")->size(), 127U);
}

TEST(Override, KeepsTheTypeOfTheKey) {
  gguf::Metadata m = input();
  apply_override(m, cook::parse_override("llama.block_count=int:3"));
  EXPECT_EQ(gguf::type_of(*m.find("llama.block_count")), gguf::ValueType::u32);
  EXPECT_EQ(m.integer("llama.block_count"), 3);
  apply_override(m, cook::parse_override("llama.scale=float:0.25"));
  EXPECT_EQ(m.number("llama.scale"), 0.25);
  apply_override(m, cook::parse_override("tail=bool:false"));
  EXPECT_EQ(m.boolean("tail"), false);
  apply_override(m, cook::parse_override("general.architecture=str:a:b=c"));
  EXPECT_EQ(m.string("general.architecture"), "a:b=c");
}

TEST(Override, NewKeysAreU32OrI32) {
  gguf::Metadata m;
  apply_override(m, cook::parse_override("a=int:3"));
  apply_override(m, cook::parse_override("b=int:-3"));
  EXPECT_EQ(gguf::type_of(*m.find("a")), gguf::ValueType::u32);
  EXPECT_EQ(gguf::type_of(*m.find("b")), gguf::ValueType::i32);
}

TEST(Override, ValuesThatDoNotFitAreRefused) {
  gguf::Metadata m = input();
  for (const char* text : {"llama.block_count=int:-1", "llama.block_count=int:4294967296",
                           "llama.block_count=float:1", "llama.scale=int:1", "tail=str:true"}) {
    EXPECT_THROW(apply_override(m, cook::parse_override(text)), base::Error) << text;
  }
}

TEST(Override, BadTextsAreRefused) {
  for (const std::string& text :
       {std::string("a"), std::string("a=int"), std::string("=int:1"), std::string("a=u32:1"),
        std::string("a=int:1x"), std::string("a=int:"), std::string("a=bool:yes"),
        std::string("a=float:nan"), "a=str:" + std::string(128, 'x'),
        std::string(128, 'k') + "=int:1"}) {
    EXPECT_THROW(cook::parse_override(text), base::Error) << text;
  }
}

}  // namespace
