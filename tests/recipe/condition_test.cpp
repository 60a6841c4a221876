#include "recipe/condition.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "recipe/types.h"

namespace {

class FixedScope final : public recipe::Scope {
 public:
  recipe::ConditionValue variable(std::string_view name) const override {
    if (name == "il") return std::int64_t{5};
    if (name == "nl") return std::int64_t{32};
    if (name == "zero") return std::int64_t{0};
    if (name == "arch") return std::string_view("falcon");
    throw std::logic_error("unknown");
  }
  bool has_option(std::string_view option) const override { return option == "attn_v"; }
  std::int64_t block_length(std::string_view type) const override {
    return static_cast<std::int64_t>(recipe::known_type(type).block_elems);
  }
};

bool holds(std::string_view text) { return recipe::Condition::parse(text).holds(FixedScope()); }

TEST(Condition, ComparesNumbers) {
  EXPECT_TRUE(holds("il<nl"));
  EXPECT_TRUE(holds("il>=5"));
  EXPECT_FALSE(holds("il<=4"));
  EXPECT_FALSE(holds("il>5"));
  EXPECT_TRUE(holds("il!=4"));
}
TEST(Condition, DividesTowardsZeroAndTakesRemainders) {
  EXPECT_TRUE(holds("nl//5==6"));
  EXPECT_TRUE(holds("nl%5!=0"));
  EXPECT_TRUE(holds("(7*nl)//8==28"));
}
TEST(Condition, AndBindsTighterThanOr) {
  EXPECT_TRUE(holds("1 or zero and zero"));
  EXPECT_FALSE(holds("(1 or zero) and zero"));
}
TEST(Condition, NotBindsTighterThanAnd) {
  EXPECT_TRUE(holds("not zero and 1"));
  EXPECT_FALSE(holds("not (zero or 1)"));
}
TEST(Condition, FindsTextsInLists) {
  EXPECT_TRUE(holds("arch in ('llama','falcon')"));
  EXPECT_FALSE(holds("arch not in ('llama','falcon')"));
  EXPECT_TRUE(holds("arch not in ('llama')"));
}
TEST(Condition, CallsItsThreeFunctions) {
  EXPECT_TRUE(holds("has_opt(attn_v)"));
  EXPECT_FALSE(holds("has_opt(attn_k)"));
  EXPECT_TRUE(holds("block('Q4_K')==256"));
  EXPECT_FALSE(holds("more(il,nl)"));  // 5 - 4 = 1
  EXPECT_TRUE(holds("more(6,nl)"));    // 6 - 4 = 2
}
TEST(Condition, RightSideOfOrIsNotEvaluatedWhenLeftHolds) { EXPECT_TRUE(holds("1 or unknown")); }
TEST(Condition, TextsCannotBeComparedWithNumbers) {
  EXPECT_THROW(holds("arch==1"), std::logic_error);
}
TEST(Condition, BrokenTextsAreRefused) {
  for (const char* text : {"", "il<", "il<nl)", "(il", "'open", "il nl", "more(1", "1 not 2"}) {
    EXPECT_THROW(recipe::Condition::parse(text), std::logic_error) << text;
  }
}

TEST(UseMoreBits, FirstAndLastEighthAndEveryThirdBetween) {
  for (const std::int64_t i : {0, 1, 2, 3, 6, 9, 28, 31}) {
    EXPECT_TRUE(recipe::use_more_bits(i, 32)) << i;
  }
  for (const std::int64_t i : {4, 5, 7, 8, 26}) EXPECT_FALSE(recipe::use_more_bits(i, 32)) << i;
}

}  // namespace
