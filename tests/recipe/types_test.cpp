#include "recipe/types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "quant/codec.h"

namespace {

TEST(TypeFacts, AgreeWithEveryCodec) {
  for (const quant::Codec* codec : quant::all_codecs()) {
    const recipe::TypeFacts* type = recipe::find_type(codec->id);
    ASSERT_NE(type, nullptr) << codec->name;
    EXPECT_EQ(type->name, codec->name);
    EXPECT_EQ(type->group_rows, codec->group_rows) << codec->name;
    if (type->per_tensor) continue;  // sized by the tensor, not by the row
    // A codec may join blocks to say that a row holds a multiple of them (bf16_r16: even lengths).
    EXPECT_EQ(codec->block_elems % type->block_elems, 0U) << codec->name;
    EXPECT_EQ(type->block_bytes * (codec->block_elems / type->block_elems), codec->block_bytes)
        << codec->name;
    EXPECT_EQ(type->row_meta_bytes, codec->row_meta_bytes) << codec->name;
  }
}

TEST(TypeFacts, IdsSymbolsAndNamesAreUnique) {
  std::set<std::uint32_t> ids;
  std::set<std::string_view> symbols, names;
  for (const recipe::TypeFacts& t : recipe::all_types()) {
    ids.insert(t.id);
    symbols.insert(t.symbol);
    names.insert(t.name);
  }
  EXPECT_EQ(ids.size(), recipe::all_types().size());
  EXPECT_EQ(symbols.size(), ids.size());
  EXPECT_EQ(names.size(), ids.size());
}

TEST(TypeFacts, NamesAreFoundInAnyCase) {
  EXPECT_EQ(recipe::type_by_name("Q4_k")->symbol, "Q4_K");
  EXPECT_EQ(recipe::type_by_name("Q8_KV_R8")->symbol, "Q8_KV_R8");
  EXPECT_EQ(recipe::type_by_name("q1_0")->symbol, "Q1_0_G128");
  EXPECT_EQ(recipe::type_by_name("q4_9"), nullptr);
}

TEST(TypeFacts, BytesCountRowMetadata) {
  // iq4_ks: 4 bytes a row and 136 bytes for 256 weights.
  EXPECT_EQ(recipe::known_type("IQ4_KS").bytes({.ne = {512, 3, 2, 1}}), 6U * (4 + 2 * 136));
}

TEST(TypeFacts, OptionsRefuseTypesThatNoFileIsMadeOf) {
  for (const char* name : {"q8_K", "i32", "q4_0_4x4", "i2_s", "q8_k_r16", "nonsense"}) {
    try {
      recipe::type_for_option("--output-tensor-type", name);
      ADD_FAILURE() << name;
    } catch (const base::Error& e) {
      EXPECT_EQ(e.fault(), base::Fault::bad_usage);
      EXPECT_THAT(e.message(), testing::HasSubstr("--output-tensor-type"));
    }
  }
  EXPECT_EQ(recipe::type_for_option("--x", "f16").symbol, "F16");
}

}  // namespace
