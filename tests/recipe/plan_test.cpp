// One test a row of docs/spec/recipes.md 2, 3, 6, 7, 9, 12 that the expected table does not reach.
#include "recipe/plan.h"

#include <gmock/gmock.h>

#include "recipe/importance_rules.h"
#include "recipe/models.h"
#include "support/support.h"

namespace {

using recipe::Action;
using recipe::Choice;
using recipe::Policy;
using testing::HasSubstr;

/// A small dense llama with the tensors that the tests name.
test::SyntheticModel small_model() {
  test::SyntheticModel m = test::synthetic_model("llama", 2, 0, 8, 8, 32000, 512);
  m.add("token_embd.weight", 512, 32000);
  m.add("blk.0.attn_norm.weight", 512, 1, 1, "F32");
  m.add("blk.0.attn_q.weight", 512, 512);
  m.add("blk.0.attn_v.weight", 512, 512);
  m.add("blk.0.ffn_gate_inp.weight", 512, 8, 1, "F32");
  m.add("blk.0.ffn_down.weight", 1024, 512);
  m.add("blk.1.attn_v.weight", 512, 512);
  m.add("blk.1.ffn_down.weight", 1024, 512);
  m.add("output.weight", 512, 32000);
  return m;
}

recipe::Options options_for(std::string_view symbol, Policy policy = Policy::ik) {
  recipe::Options options;
  options.policy = policy;
  options.recipe = recipe::recipe_by_symbol(policy, symbol);
  return options;
}

struct Planned {
  test::SyntheticModel model;
  recipe::TypePlan plan;

  const Choice& at(std::string_view name) const {
    for (const Choice& c : plan.choices) {
      if (model.tensors[c.input].name == name) return c;
    }
    throw std::runtime_error("no tensor " + std::string(name));
  }
  std::string_view type(std::string_view name) const { return at(name).type->symbol; }
};

Planned plan(test::SyntheticModel m, const recipe::Options& options) {
  recipe::TypePlan p = recipe::plan_types(options, m.metadata, m.tensors);
  return {std::move(m), std::move(p)};
}

TEST(RecipePlan, NormsAndRoutersKeepTheirType) {
  const Planned p = plan(small_model(), options_for("Q4_K_M"));
  EXPECT_EQ(p.at("blk.0.attn_norm.weight").action, Action::copy);
  EXPECT_EQ(p.type("blk.0.ffn_gate_inp.weight"), "F32");
}

TEST(RecipePlan, OnlyMatricesNamedWeightAreEligible) {
  test::SyntheticModel m = small_model();
  m.add("blk.0.attn_q.bias", 512, 2);
  m.add("blk.0.flat.weight", 4096, 1);
  m.add("blk.0.weight_of.scale", 512, 512);
  m.add("blk.0.ids.weight", 512, 512, 1, "I32");
  m.add("blk.0.ssm_conv1d.weight", 512, 512);
  m.add("blk.0.ssm_x.weight", 512, 512);
  m.add("blk.0.attn_rel_b.weight", 512, 512);
  m.add("position_embd.weight", 512, 512);  // only special for four architectures
  const Planned p = plan(m, options_for("Q4_0"));
  for (const char* name :
       {"blk.0.attn_q.bias", "blk.0.flat.weight", "blk.0.weight_of.scale", "blk.0.ids.weight",
        "blk.0.ssm_conv1d.weight", "blk.0.ssm_x.weight", "blk.0.attn_rel_b.weight"}) {
    EXPECT_EQ(p.at(name).action, Action::copy) << name;
  }
  EXPECT_EQ(p.type("position_embd.weight"), "Q4_0");
}

TEST(RecipePlan, RouterTypeMakesRoutersEligible) {
  recipe::Options options = options_for("Q4_K_M");
  options.role_types = {{"ffn_gate_inp", &recipe::known_type("BF16")}};
  EXPECT_EQ(plan(small_model(), options).type("blk.0.ffn_gate_inp.weight"), "BF16");
}

TEST(RecipePlan, LeaveOutputTensorCopiesIt) {
  recipe::Options options = options_for("Q4_K_M");
  options.leave_output_tensor = true;
  const Planned p = plan(small_model(), options);
  EXPECT_EQ(p.at("output.weight").action, Action::copy);
  EXPECT_EQ(p.type("token_embd.weight"), "Q4_K");
}

TEST(RecipePlan, PureGivesTheDefaultTypeToAll) {
  recipe::Options options = options_for("Q4_K_M");
  options.pure = true;
  options.custom_rules = recipe::parse_custom_rules("--custom-q", "attn_q=q8_0");
  const Planned p = plan(small_model(), options);
  for (const char* name : {"token_embd.weight", "output.weight", "blk.0.attn_q.weight"}) {
    EXPECT_EQ(p.type(name), "Q4_K") << name;
  }
}

TEST(RecipePlan, FloatRecipesIgnoreRulesAndRoleOptions) {
  recipe::Options options = options_for("BF16");
  options.custom_rules = recipe::parse_custom_rules("--custom-q", "attn_q=q8_0");
  options.role_types = {{"attn_v", &recipe::known_type("Q8_0")},
                        {"output", &recipe::known_type("Q6_K")}};
  const Planned p = plan(small_model(), options);
  EXPECT_EQ(p.type("blk.0.attn_q.weight"), "BF16");
  EXPECT_EQ(p.type("blk.0.attn_v.weight"), "BF16");
  EXPECT_EQ(p.type("output.weight"), "Q6_K");
}

TEST(RecipePlan, FirstMatchingCustomRuleWins) {
  recipe::Options options = options_for("Q4_K_M");
  options.custom_rules =
      recipe::parse_custom_rules("--custom-q", "blk\\.0\\.attn_.*=q8_0,attn_v=iq4_ks");
  const Planned p = plan(small_model(), options);
  EXPECT_EQ(p.type("blk.0.attn_v.weight"), "Q8_0");
  EXPECT_EQ(p.type("blk.1.attn_v.weight"), "IQ4_KS");
}

TEST(RecipePlan, RulesMayBeMeantForSomeLayers) {
  test::SyntheticModel m = test::synthetic_model("llama", 12, 0, 8, 8, 32000, 512);
  m.add("token_embd.weight", 512, 32000);
  for (int l = 0; l < 12; ++l) m.add("blk." + std::to_string(l) + ".attn_q.weight", 512, 512);
  recipe::Options options = options_for("Q4_0");
  options.custom_rules =
      recipe::parse_custom_rules("--custom-q", "0-1;10-:attn_q=q8_0,5:.=q6_K,token=q5_0");
  const Planned p = plan(m, options);
  for (int l = 0; l < 12; ++l) {
    const std::string_view want = l < 2 || l >= 10 ? "Q8_0" : l == 5 ? "Q6_K" : "Q4_0";
    EXPECT_EQ(p.type("blk." + std::to_string(l) + ".attn_q.weight"), want) << l;
  }
  EXPECT_EQ(p.type("token_embd.weight"), "Q5_0");  // ranges never mean tensors without layer
  EXPECT_EQ(p.at("blk.5.attn_q.weight").reason, "rule 5:.");
  options.custom_rules = {recipe::parse_tensor_type("--tensor-type", "3:ATTN_Q=q8_0")};
  EXPECT_EQ(plan(m, options).type("blk.3.attn_q.weight"), "Q8_0");
}

TEST(CustomRules, ExpressionsWithColonsAreNoRanges) {
  const auto rules = recipe::parse_custom_rules("--custom-q", "(?:attn|ffn)_=q8_0");
  EXPECT_TRUE(rules[0].layers.empty());
  EXPECT_TRUE(rules[0].fits({}, "blk.0.attn_q.weight"));
}

TEST(CustomRules, BadRangesAreRefused) {
  for (const char* list :
       {"-:a=q8_0", "1-2-3:a=q8_0", ";:a=q8_0", "1;:a=q8_0", "-3:a=q8_0", "99999999999:a=q8_0"}) {
    EXPECT_THROW(recipe::parse_custom_rules("--custom-q", list), base::Error) << list;
  }
}

TEST(RecipePlan, CountersAdvanceUnderCustomRules) {
  // Q3_K_M: the first two attn_v get Q5_K, the rest Q4_K; a rule takes the first one.
  test::SyntheticModel m = small_model();
  m.add("blk.2.attn_v.weight", 512, 512);
  recipe::Options options = options_for("Q3_K_M");
  options.custom_rules = recipe::parse_custom_rules("--custom-q", "blk\\.0\\.attn_v=q8_0");
  const Planned p = plan(m, options);
  EXPECT_EQ(p.type("blk.1.attn_v.weight"), "Q5_K");
  EXPECT_EQ(p.type("blk.2.attn_v.weight"), "Q4_K");
}

TEST(RecipePlan, RuleThatMatchesNothingIsReported) {
  recipe::Options options = options_for("Q4_K_M");
  options.custom_rules = recipe::parse_custom_rules("--custom-q", "no_such_tensor=q8_0");
  const Planned p = plan(small_model(), options);
  ASSERT_EQ(p.plan.findings.size(), 1U);
  EXPECT_EQ(p.plan.findings[0].where, "no_such_tensor");
}

TEST(RecipePlan, TypesByRoleThatDecideNothingAreReported) {
  struct Case {
    const char *recipe, *role, *type;
    bool pure;
    const char* text;  ///< null: it decides something, or all is as asked
  };
  constexpr const char* kNone = "decided the type of no tensor";
  const Case cases[] = {
      {"Q4_K_M", "attn_q", "Q8_0", false, nullptr},
      {"Q4_K_M", "attn_q", "Q8_0", true, "has no effect with --pure"},
      {"F16", "attn_q", "Q8_0", false, "has no effect with F16"},
      {"IQ2_XXS", "attn_q", "Q8_0", false, "no rule of IQ2_XXS asks for it"},
      {"IQ2_KT", "ffn_gate", "Q8_0", false, "no rule of IQ2_KT asks for it"},
      {"IQ2_KT", "ffn_down", "Q8_0", false, nullptr},
      {"Q4_K_M", "attn_k", "Q8_0", false, "no rule of Q4_K_M asks for it"},  // no such tensor
      {"Q4_K_M", "attn_qkv", "Q8_0", false, kNone},
      {"F16", "output", "Q8_0", true, nullptr},
      {"Q4_K_M", "token_embd", "Q4_K", false, nullptr},
      {"Q4_K_M", "per_layer_token_embd", "Q4_K", false, kNone},
      {"Q4_K_M", "ffn_gate_inp", "BF16", false, nullptr},
      {"Q4_K_M", "ffn_gate_inp", "F32", false, nullptr},  // as it is
  };
  for (const Case& c : cases) {
    recipe::Options options = options_for(c.recipe);
    options.pure = c.pure;
    options.role_types = {{c.role, &recipe::known_type(c.type)}};
    const base::Findings found = plan(small_model(), options).plan.findings;
    ASSERT_EQ(found.size(), c.text == nullptr ? 0U : 1U) << c.recipe << " " << c.role;
    if (c.text != nullptr) {
      EXPECT_THAT(found[0].text, HasSubstr(c.text));
    }
  }
  // A rule by name that decides instead.
  recipe::Options options = options_for("Q4_K_M");
  options.role_types = {{"attn_q", &recipe::known_type("Q8_0")}};
  options.custom_rules = recipe::parse_custom_rules("--custom-q", "attn_q=q6_K");
  const base::Findings found = plan(small_model(), options).plan.findings;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].where, "--attn-q-type");
}

TEST(RecipePlan, RunsThatChooseNoTypesTellWhatTheyDoNotUse) {
  for (const auto& [run, word] :
       {std::pair(recipe::Run::copy, "COPY"), std::pair(recipe::Run::repack, "--repack"),
        std::pair(recipe::Run::unpack, "--unpack")}) {
    recipe::Options options;
    options.run = run;
    options.role_types = {{"attn_q", &recipe::known_type("Q8_0")}};
    options.custom_rules = recipe::parse_custom_rules("--custom-q", "ffn=q6_K");
    options.repack_patterns.emplace_back("attn_q");
    options.repack_patterns.emplace_back("zzz");
    const base::Findings found = plan(small_model(), options).plan.findings;
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].where, "ffn");
    EXPECT_EQ(found[0].text, std::string("this rule has no effect with ") + word);
    EXPECT_EQ(found[1].where, "--attn-q-type");
    EXPECT_EQ(found[1].text, std::string("has no effect with ") + word);
    EXPECT_EQ(found[2].where, "zzz");
  }
}

TEST(RecipePlan, LateOverridesBeatRules) {
  recipe::Options options = options_for("Q4_K_M");
  options.custom_rules = recipe::parse_custom_rules("--custom-q", "output=q8_0,token_embd|_q=q8_0");
  options.role_types = {{"output", &recipe::known_type("IQ6_K")},
                        {"token_embd", &recipe::known_type("Q5_K")}};
  const Planned p = plan(small_model(), options);
  EXPECT_EQ(p.type("output.weight"), "IQ6_K");
  EXPECT_EQ(p.type("token_embd.weight"), "Q5_K");
  // The rule that is beaten everywhere is told.
  ASSERT_EQ(p.plan.findings.size(), 1U);
  EXPECT_EQ(p.plan.findings[0].where, "output");
}

TEST(RecipePlan, TokenEmbeddingTypeBeatsOutputTypeOnTiedModels) {
  test::SyntheticModel m = small_model();
  m.tensors.pop_back();
  recipe::Options options = options_for("Q4_K_M");
  options.role_types = {{"output", &recipe::known_type("IQ6_K")}};
  EXPECT_EQ(plan(m, options).type("token_embd.weight"), "IQ6_K");
  options.role_types.push_back({"token_embd", &recipe::known_type("Q5_K")});
  EXPECT_EQ(plan(m, options).type("token_embd.weight"), "Q5_K");
}

TEST(RecipePlan, RoleOptionsActInFamilyGeneral) {
  recipe::Options options = options_for("Q4_K_M");
  options.role_types = {{"attn_q", &recipe::known_type("IQ3_K")},
                        {"ffn_down", &recipe::known_type("Q8_0")}};
  const Planned p = plan(small_model(), options);
  EXPECT_EQ(p.type("blk.0.attn_q.weight"), "IQ3_K");
  EXPECT_EQ(p.type("blk.1.ffn_down.weight"), "Q8_0");
}

TEST(RecipePlan, FusedQkvFollowsItsOwnOptionAndElseThatOfQ) {
  test::SyntheticModel m = small_model();
  m.add("blk.0.attn_qkv.weight", 512, 1536);
  recipe::Options options = options_for("Q4_K_M");
  options.role_types = {{"attn_q", &recipe::known_type("IQ3_K")}};
  EXPECT_EQ(plan(m, options).type("blk.0.attn_qkv.weight"), "IQ3_K");
  options.role_types.push_back({"attn_qkv", &recipe::known_type("Q8_0")});
  EXPECT_EQ(plan(m, options).type("blk.0.attn_qkv.weight"), "Q8_0");
  EXPECT_EQ(plan(m, options).type("blk.0.attn_q.weight"), "IQ3_K");
}

TEST(RecipePlan, RowsThatDoNotFitFallBackAndAreCounted) {
  test::SyntheticModel m = small_model();
  m.add("blk.0.odd.weight", 576, 512);
  m.add("blk.0.odder.weight", 40, 512);
  const Planned p = plan(m, options_for("Q4_K_M"));
  EXPECT_EQ(p.type("blk.0.odd.weight"), "Q5_0");
  EXPECT_EQ(p.type("blk.0.odder.weight"), "F16");  // not even a multiple of 32
  EXPECT_EQ(p.plan.n_fallbacks, 2U);
  EXPECT_THAT(p.at("blk.0.odd.weight").reason, HasSubstr("576 columns"));
}

TEST(RecipePlan, LateOverridesAreFittedToo) {
  test::SyntheticModel m = small_model();
  m.tensors.back().shape.ne[0] = 96;
  recipe::Options options = options_for("Q4_K_M");
  options.role_types = {{"output", &recipe::known_type("Q5_K")}};
  EXPECT_EQ(plan(m, options).type("output.weight"), "Q6_0");
}

TEST(RecipePlan, BitnetTypesAreRefusedInsteadOfReplaced) {
  test::SyntheticModel m = small_model();
  m.add("blk.0.odd.weight", 96, 512);
  try {
    plan(m, options_for("IQ2_BN"));
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::bad_input);
    EXPECT_THAT(e.what(), HasSubstr("blk.0.odd.weight"));
    EXPECT_THAT(e.what(), HasSubstr("96 columns"));
  }
}

TEST(RecipePlan, TokenEmbeddingIsNeverInterleaved) {
  recipe::Options options = options_for("Q4_K_R4");
  EXPECT_EQ(plan(small_model(), options).type("token_embd.weight"), "Q4_K");
  options.role_types = {{"token_embd", &recipe::known_type("IQ4_KS_R4")}};
  EXPECT_EQ(plan(small_model(), options).type("token_embd.weight"), "IQ4_KS");
  options.role_types.clear();
  options.pure = true;
  EXPECT_EQ(plan(small_model(), options).type("token_embd.weight"), "Q4_K");
  EXPECT_EQ(plan(small_model(), options_for("BF16_R16")).type("token_embd.weight"), "BF16");
}

TEST(RecipePlan, RowsThatDoNotFillGroupsUseThePlainTypeAndAreFittedAgain) {
  test::SyntheticModel m = small_model();
  m.add("blk.0.three.weight", 512, 3);
  m.add("blk.0.short.weight", 96, 3);
  const Planned p = plan(m, options_for("IQ1_S_R4"));
  EXPECT_EQ(p.type("blk.0.three.weight"), "IQ1_S");
  EXPECT_EQ(p.at("blk.0.three.weight").wanted->symbol, "IQ1_S_R4");
  EXPECT_EQ(p.type("blk.0.short.weight"), "IQ4_NL");  // iq1_s needs 256 columns
}

TEST(RecipePlan, SameTypeIsCopied) {
  test::SyntheticModel m = small_model();
  m.tensors[2].type = &recipe::known_type("Q4_0");
  const Planned p = plan(m, options_for("Q4_0"));
  EXPECT_EQ(p.at("blk.0.attn_q.weight").action, Action::copy);
  EXPECT_FALSE(p.at("blk.0.attn_q.weight").requantize);
}

TEST(RecipePlan, QuantizedSourcesAreMarked) {
  test::SyntheticModel m = small_model();
  m.tensors[2].type = &recipe::known_type("Q8_0");
  EXPECT_TRUE(plan(m, options_for("Q4_0")).at("blk.0.attn_q.weight").requantize);
}

TEST(RecipePlan, PackedTensorsOfAnOriginalMayBeKeptAlsoUnderFloatRecipes) {
  test::SyntheticModel m = small_model();
  m.tensors[2].type = &recipe::known_type("MXFP4");
  for (const char* recipe : {"BF16", "Q4_K_M"}) {
    recipe::Options options = options_for(recipe);
    options.keep_quantized = true;
    const Planned p = plan(m, options);
    EXPECT_EQ(p.at("blk.0.attn_q.weight").action, Action::copy) << recipe;
    EXPECT_EQ(p.type("blk.0.attn_q.weight"), "MXFP4") << recipe;
  }
  EXPECT_EQ(plan(m, options_for("BF16")).type("blk.0.attn_q.weight"), "BF16");
}

TEST(RecipePlan, ExpertLayersAreReadFromNames) {
  test::SyntheticModel m = test::synthetic_model("llama", 16, 8, 8, 8, 32000, 512);
  m.add("blk.15.ffn_down_exps.weight", 512, 512, 8);
  m.add("blk.0.ffn_down_exps.weight", 512, 512, 8);
  const Planned p = plan(m, options_for("Q2_K_S"));
  EXPECT_EQ(p.type("blk.0.ffn_down_exps.weight"), "Q4_K");  // il < nl/8
  EXPECT_EQ(p.type("blk.15.ffn_down_exps.weight"), "Q2_K");
  m.add("blk.16.ffn_down_exps.weight", 512, 512, 8);
  EXPECT_THROW(plan(m, options_for("Q2_K_S")), base::Error);
}

TEST(RecipePlan, CopyKeepsAllAndNamesTheGuessedRecipe) {
  recipe::Options options;
  options.run = recipe::Run::copy;
  test::SyntheticModel m = small_model();
  EXPECT_EQ(plan(m, options).plan.file_type, 1U | recipe::kGuessed);  // mostly F16
  EXPECT_EQ(recipe::file_type_text(1U | recipe::kGuessed), "F16 (guessed)");
  m.metadata.set("general.file_type", std::uint32_t{15});
  const Planned p = plan(m, options);
  EXPECT_EQ(p.plan.file_type, 15U);
  for (const Choice& c : p.plan.choices) EXPECT_EQ(c.action, Action::copy);
}

test::SyntheticModel quantized_model() {
  test::SyntheticModel m = small_model();
  for (recipe::InputTensor& t : m.tensors) {
    if (t.type->symbol == "F16") t.type = &recipe::known_type("Q4_K");
  }
  m.add("blk.0.three.weight", 512, 3, 1, "Q4_K");
  m.add("blk.0.half.weight", 512, 64, 1, "F16");
  m.add("blk.0.kss.weight", 512, 64, 1, "IQ4_KSS");
  m.metadata.set("general.file_type", std::uint32_t{15});
  return m;
}

TEST(RecipePlan, RepackTakesEveryTensorWithAPartnerButEmbeddings) {
  recipe::Options options;
  options.run = recipe::Run::repack;
  const Planned p = plan(quantized_model(), options);
  EXPECT_EQ(p.type("blk.0.attn_q.weight"), "Q4_K_R4");
  EXPECT_EQ(p.at("blk.0.attn_q.weight").action, Action::repack);
  EXPECT_EQ(p.type("token_embd.weight"), "Q4_K");
  EXPECT_EQ(p.type("blk.0.three.weight"), "Q4_K");   // 3 rows
  EXPECT_EQ(p.type("blk.0.half.weight"), "F16");     // floats stay
  EXPECT_EQ(p.type("blk.0.kss.weight"), "IQ4_KSS");  // no partner
  EXPECT_EQ(p.plan.file_type, 214U);
}

TEST(RecipePlan, RepackPatternLimits) {
  recipe::Options options;
  options.run = recipe::Run::repack;
  options.repack_patterns.emplace_back("ffn_down");
  const Planned p = plan(quantized_model(), options);
  EXPECT_EQ(p.type("blk.0.attn_q.weight"), "Q4_K");
  EXPECT_EQ(p.type("blk.0.ffn_down.weight"), "Q4_K_R4");
}

TEST(RecipePlan, Bf16IsRepackedOnRequestOnly) {
  test::SyntheticModel m = small_model();
  m.add("blk.0.brain.weight", 512, 64, 1, "BF16");
  m.add("blk.0.three.weight", 512, 3, 1, "BF16");
  m.add("blk.0.half.weight", 512, 64, 1, "F16");
  m.metadata.set("general.file_type", std::uint32_t{32});
  recipe::Options options;
  options.run = recipe::Run::repack;
  for (const char* word : {"Q4_0", "BF16_R16"}) {
    options.recipe = recipe::recipe_by_symbol(Policy::ik, word);
    const bool asked = std::string_view(word) == "BF16_R16";
    const Planned p = plan(m, options);
    EXPECT_EQ(p.type("blk.0.brain.weight"), asked ? "BF16_R16" : "BF16");
    EXPECT_EQ(p.type("blk.0.three.weight"), "BF16");
    EXPECT_EQ(p.type("blk.0.half.weight"), "F16");
    EXPECT_EQ(p.plan.file_type, asked ? 232U : 32U);
  }
}

TEST(RecipePlan, UnpackIsTheWayBack) {
  recipe::Options options;
  options.run = recipe::Run::repack;
  Planned packed = plan(quantized_model(), options);
  test::SyntheticModel m = packed.model;
  for (const Choice& c : packed.plan.choices) m.tensors[c.input].type = c.type;
  m.metadata.set("general.file_type", packed.plan.file_type);
  options.run = recipe::Run::unpack;
  const Planned p = plan(m, options);
  const test::SyntheticModel original = quantized_model();
  for (const Choice& c : p.plan.choices) {
    EXPECT_EQ(c.type, original.tensors[c.input].type) << original.tensors[c.input].name;
  }
  EXPECT_EQ(p.plan.file_type, 15U);
}

TEST(RecipePlan, UnknownArchitectureGoesOnWithoutFacts) {
  test::SyntheticModel m;
  m.add("output.weight", 512, 512);
  const Planned p = plan(m, options_for("Q4_K_M"));
  EXPECT_EQ(p.type("output.weight"), "Q4_K");  // no role: the name "output" is unknown there
  ASSERT_FALSE(p.plan.findings.empty());
  EXPECT_EQ(p.plan.findings[0].where, "general.architecture");
}

TEST(RecipePlan, OddNumberOfAttnVIsAWarningOnly) {
  test::SyntheticModel m = small_model();
  m.add("blk.9.attn_v.weight", 512, 512);
  const Planned p = plan(m, options_for("Q4_K_M"));
  ASSERT_EQ(p.plan.findings.size(), 1U);
  EXPECT_THAT(p.plan.findings[0].text, HasSubstr("3 tensors for 2 layers"));
}

TEST(RecipePlan, MainlineSortsByLayerThenName) {
  const Planned p = plan(small_model(), options_for("Q4_K_M", Policy::mainline));
  std::vector<std::string> names;
  for (const Choice& c : p.plan.choices) names.push_back(p.model.tensors[c.input].name);
  EXPECT_THAT(names,
              testing::ElementsAre("output.weight", "token_embd.weight", "blk.0.attn_norm.weight",
                                   "blk.0.attn_q.weight", "blk.0.attn_v.weight",
                                   "blk.0.ffn_down.weight", "blk.0.ffn_gate_inp.weight",
                                   "blk.1.attn_v.weight", "blk.1.ffn_down.weight"));
}

TEST(RecipePlan, MainlineSortsCopiesTooButNotKeptShards) {
  recipe::Options options;
  options.policy = Policy::mainline;
  options.run = recipe::Run::copy;
  EXPECT_EQ(plan(small_model(), options).plan.choices.front().input, 8U);  // output.weight
  options.keep_split = true;
  EXPECT_EQ(plan(small_model(), options).plan.choices.front().input, 0U);
}

/// What llama.cpp's program gives to ten layers of which some are left out: block_count stays that
/// of the whole model, tensors are counted as they come.
TEST(RecipePlan, MainlineCountsLayersLeftOut) {
  struct Case {
    int n_left;
    const char *v, *down;  ///< one digit a layer: 4 is q4_K, 6 q6_K
  };
  for (const Case& c : {Case{10, "6446446466", "6446446466"}, Case{9, "644644666", "644644646"},
                        Case{8, "64464466", "64464464"}, Case{6, "446446", "644644"}}) {
    test::SyntheticModel m = test::synthetic_model("llama", 10, 0, 4, 1, 256, 256);
    m.add("output.weight", 256, 256);
    for (int l = 0; l < c.n_left; ++l) {
      m.add("blk." + std::to_string(l) + ".attn_v.weight", 256, 64);
      m.add("blk." + std::to_string(l) + ".ffn_down.weight", 512, 256);
    }
    const Planned p = plan(m, options_for("Q4_K_M", Policy::mainline));
    std::string v, down;
    for (int l = 0; l < c.n_left; ++l) {
      v += p.type("blk." + std::to_string(l) + ".attn_v.weight")[1];
      down += p.type("blk." + std::to_string(l) + ".ffn_down.weight")[1];
    }
    EXPECT_EQ(v, c.v) << c.n_left;
    EXPECT_EQ(down, c.down) << c.n_left;
  }
}

TEST(RecipePlan, MainlineTensorTypesWorkUnderPureAndDoNotAdvanceCounters) {
  recipe::Options options = options_for("Q3_K_M", Policy::mainline);
  options.custom_rules = {recipe::parse_tensor_type("--tensor-type", "BLK\\.0\\.ATTN_V=q8_0")};
  test::SyntheticModel m = small_model();
  m.add("blk.2.attn_v.weight", 512, 512);
  m.add("blk.3.attn_v.weight", 512, 512);
  Planned p = plan(m, options);
  EXPECT_EQ(p.type("blk.0.attn_v.weight"), "Q8_0");
  EXPECT_EQ(p.type("blk.2.attn_v.weight"), "Q5_K");
  EXPECT_EQ(p.type("blk.3.attn_v.weight"), "Q4_K");
  options.pure = true;
  p = plan(m, options);
  EXPECT_EQ(p.type("blk.0.attn_v.weight"), "Q8_0");
  EXPECT_EQ(p.type("blk.1.attn_v.weight"), "Q3_K");
}

TEST(RecipePlan, MainlineFallbacks) {
  test::SyntheticModel m = small_model();
  m.add("blk.0.odd.weight", 96, 512);
  EXPECT_EQ(plan(m, options_for("Q5_K_S", Policy::mainline)).type("blk.0.odd.weight"), "Q5_1");
  EXPECT_EQ(plan(m, options_for("Q3_K_S", Policy::mainline)).type("blk.0.odd.weight"), "Q4_0");
  m.add("blk.0.odder.weight", 40, 512);
  EXPECT_EQ(plan(m, options_for("Q5_K_S", Policy::mainline)).type("blk.0.odder.weight"), "F16");
  EXPECT_THROW(plan(m, options_for("Q4_0", Policy::mainline)), base::Error);
}

TEST(RecipePlan, MainlineMxfp4SendsExpertsToMxfp4AndTheRestToQ8) {
  test::SyntheticModel m = small_model();
  m.add("blk.0.ffn_up_exps.weight", 512, 512, 8);
  const Planned p = plan(m, options_for("MXFP4_MOE", Policy::mainline));
  EXPECT_EQ(p.type("blk.0.ffn_up_exps.weight"), "MXFP4");
  EXPECT_EQ(p.type("blk.0.attn_q.weight"), "Q8_0");
  EXPECT_EQ(p.type("token_embd.weight"), "Q8_0");
}

TEST(RecipeWords, NamesIdsAndAliases) {
  const auto symbol = [](std::string_view word) {
    const recipe::Recipe* r = recipe::recipe_for_word(Policy::ik, word);
    return r == nullptr ? std::string_view("-") : r->symbol;
  };
  EXPECT_EQ(symbol("q4_k"), "Q4_K_M");
  EXPECT_EQ(symbol("Q4_k_M"), "Q4_K_M");
  EXPECT_EQ(symbol("15"), "Q4_K_M");
  EXPECT_EQ(symbol("15abc"), "-");
  EXPECT_EQ(symbol("41"), "-");  // can be read, not selected
  EXPECT_EQ(symbol("4"), "-");
  EXPECT_EQ(symbol("0"), "F32");
}

TEST(CustomRules, BadTextsAreRefused) {
  for (const char* list : {"", ",", "=q8_0", "a=", "a", "a= ", "a=nonsense", "(=q8_0"}) {
    EXPECT_THROW(recipe::parse_custom_rules("--custom-q", list), base::Error) << list;
  }
}

TEST(Pattern, HostileExpressionsGiveUpWithAMessage) {
  const recipe::Pattern pattern("(a|aa)+$");
  try {
    pattern.search(std::string(62, 'a') + "b");
    FAIL() << "no limit";
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::bad_usage);
  }
  // Deep nesting overflows the stack of recursive matchers.
  EXPECT_NO_THROW({
    try {
      recipe::Pattern(std::string(100000, '(') + std::string(100000, ')'));
    } catch (const base::Error&) {
    }
  });
}

TEST(ImportanceRules, ListsOfTheSpec) {
  const auto needs = [](std::string_view recipe_symbol, std::string_view type, const char* name) {
    return recipe::tensor_needs_importance(
        Policy::ik, *recipe::recipe_by_symbol(Policy::ik, recipe_symbol), recipe::known_type(type),
        recipe::InputTensor(name, &recipe::known_type("F16"), {.ne = {256, 256, 1, 1}}));
  };
  EXPECT_TRUE(needs("IQ4_KS", "IQ2_XXS", "blk.0.attn_q.weight"));
  EXPECT_FALSE(needs("IQ4_KS", "IQ2_XXS", "token_embd.weight"));
  EXPECT_FALSE(needs("Q2_K", "Q2_K", "blk.0.attn_q.weight"));
  EXPECT_TRUE(needs("Q2_K_S", "Q2_K", "blk.0.attn_q.weight"));
  EXPECT_TRUE(
      recipe::recipe_needs_importance(Policy::ik, *recipe::recipe_by_symbol(Policy::ik, "IQ2_S")));
  EXPECT_FALSE(
      recipe::recipe_needs_importance(Policy::ik, *recipe::recipe_by_symbol(Policy::ik, "IQ2_M")));
}

}  // namespace
