// Rules by name as people write them: in a line, in several lines, in files.
#include <gmock/gmock.h>

#include "recipe/options.h"
#include "support/bytes_builder.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string told(const std::string& list) {
  std::string out;
  for (const recipe::CustomRule& rule : recipe::parse_custom_rules("--custom-q", list)) {
    out += rule.text + "|" + std::string(rule.type->name) + " ";
  }
  return out;
}

TEST(RuleText, BlanksCommentsAndTrailingCommasDoNotCount) {
  const std::string want = "attn_q|q8_0 0-1:ffn_up|q6_K ";
  for (const char* list : {"attn_q=q8_0,0-1:ffn_up=q6_K", "attn_q = q8_0 , 0-1:ffn_up = q6_K,",
                           " attn_q=q8_0,\n0-1:ffn_up=q6_K,\n",
                           "# all\nattn_q=q8_0 # why, as in a=b\n\n\t0-1:ffn_up=q6_K\t#\r\n",
                           "\nattn_q=q8_0,0-1:ffn_up=q6_K, # end"}) {
    EXPECT_EQ(told(list), want) << list;
  }
  EXPECT_EQ(told("a#b=q8_0"), "a#b|q8_0 ");
}

TEST(RuleText, WhatIsNoRuleIsRefusedWithRuleAndLine) {
  const auto error = [](const char* list) { return test::error_text([&] { told(list); }); };
  EXPECT_THAT(error("a=q8_0,,b=q8_0"), HasSubstr("not a rule (found: ''"));
  EXPECT_THAT(error(""), HasSubstr("not a rule"));
  EXPECT_THAT(error("a = "), HasSubstr("not a rule (found: 'a ='"));
  EXPECT_THAT(error("a = q9_9"),
              AllOf(HasSubstr("unknown tensor type"), HasSubstr("rule: 'a=q9_9'")));
  EXPECT_THAT(error("a=q8_0\n\nb=q9_9,\n"),
              AllOf(HasSubstr("rule: 'b=q9_9'"), HasSubstr("line: 3")));
}

TEST(RuleText, ARangeThatEndsBeforeItBegins) {
  EXPECT_THAT(test::error_text([] { told("0;3-2:attn_=q8_0"); }),
              AllOf(HasSubstr("a range of layers that ends before it begins"),
                    HasSubstr("found: '3-2'"), HasSubstr("expected: 2-3")));
  EXPECT_THAT(test::error_text([] { recipe::parse_tensor_type("--tensor-type", "3-2:a = q8_0"); }),
              HasSubstr("ends before it begins"));
}

}  // namespace
