#include <set>

#include "model/spec.h"
#include "support/support.h"

namespace model {
namespace {

TEST(Roles, NamesAreThoseOfFiles) {
  EXPECT_EQ(tensor_name(Role::token_embd, -1), "token_embd.weight");
  EXPECT_EQ(tensor_name(Role::attn_q_bias, 3), "blk.3.attn_q.bias");
  EXPECT_EQ(tensor_name(Role::exp_probs_b, 12), "blk.12.exp_probs_b.bias");
  EXPECT_EQ(tensor_name(Role::nextn_eh_proj, 61), "blk.61.nextn.eh_proj.weight");
}

TEST(Roles, EveryRoleHasItsOwnName) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Role::count); ++i) {
    EXPECT_TRUE(seen.insert(tensor_name(static_cast<Role>(i), 0)).second) << "role " << i;
  }
}

TEST(Roles, EveryArchitectureIsFoundByItsName) {
  for (const Architecture* a : all_architectures()) EXPECT_EQ(find_architecture(a->name), a);
  EXPECT_EQ(find_architecture("no-such-model"), nullptr);
}

}  // namespace
}  // namespace model
