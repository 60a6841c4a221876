// The name tests of the public programs as sets of roles: docs/spec/recipes.md 3, 5.1, 13.
#include "recipe/name_test.h"

#include <set>

#include "recipe/plan.h"
#include "recipe/table_text.h"
#include "support/support.h"

namespace {

using model::Role;
using recipe::NameTest;

bool holds(std::string_view test, const std::string& name) {
  return NameTest(test).holds(model::parse_tensor_name(name), name);
}

/// The test as the public programs make it: on the text of the name alone.
bool plainly_holds(std::string_view test, std::string_view name) {
  const std::size_t colon = test.find(':');
  if (colon == std::string_view::npos) return true;
  const std::string_view kind = test.substr(0, colon);
  for (const std::string_view text : recipe::split(test.substr(colon + 1), '|')) {
    if (kind == "eq" && name == text) return true;
    if (kind == "has" && recipe::contains(name, text)) return true;
    if (kind == "ends" && name.ends_with(text)) return true;
  }
  return false;
}

/// Every name that a role covers, of no layer and of some; single experts; names without a role.
std::vector<std::string> names() {
  std::vector<std::string> out = {"per_layer_token_embd.weight",
                                  "blk.0.ssm_conv1d.weight",
                                  "v.blk.0.attn_k.weight",
                                  "blk.00.ffn_up.weight",
                                  "blk.3.attn_k_scale.weight",
                                  "blk.0.ffn_downs",
                                  "mm.2.weight",
                                  "blk.1.time_mix_w1.weight"};
  for (std::size_t r = 0; r < static_cast<std::size_t>(Role::count); ++r) {
    for (const int layer : {-1, 0, 1, 10, 100}) {
      out.push_back(model::tensor_name(static_cast<Role>(r), layer));
    }
  }
  for (const char* stem : {"ffn_gate", "ffn_up", "ffn_down"}) {
    for (const char* layer : {"0", "7"}) {
      out.push_back("blk." + std::string(layer) + "." + stem + ".3.weight");
    }
  }
  return out;
}

std::set<std::string> tests_of_the_tables() {
  std::set<std::string> out = {"ends:weight", "has:ffn_gate_inp.weight", "eq:output.weight",
                               "has:_norm.weight|ssm_conv1d|attn_rel_b.weight"};
  for (const char* table : {"recipe_roles.tsv", "recipe_lc_roles.tsv"}) {
    const std::string text =
        test::read_text(test::source_path("src/recipe/data/" + std::string(table)));
    for (const recipe::Fields& f : recipe::table_rows(text)) out.emplace(f.at(2));
  }
  return out;
}

TEST(NameTests, RolesAnswerAsTheTextOfTheNameWould) {
  for (const std::string& test : tests_of_the_tables()) {
    for (const std::string& name : names()) {
      EXPECT_EQ(holds(test, name), plainly_holds(test, name)) << test << " on " << name;
    }
  }
}

TEST(NameTests, TheRoleDecidesWhenItIsKnown) {
  // A spec may call an odd name attn_v: then the rules of attn_v apply.
  const model::TensorId id{.role = Role::attn_v, .layer = 2};
  EXPECT_TRUE(NameTest("has:attn_v.weight").holds(id, "decoder.value.2"));
  EXPECT_FALSE(NameTest("has:attn_k").holds(id, "decoder.attn_k.2"));
}

TEST(NameTests, UnknownKindsAreMistakesInOurTables) {
  EXPECT_THROW(NameTest("begins:attn"), std::logic_error);
  EXPECT_THROW(NameTest("attn"), std::logic_error);
}

}  // namespace
