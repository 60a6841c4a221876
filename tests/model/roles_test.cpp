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

TEST(Roles, NamesAreTakenApartAgain) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(Role::count); ++i) {
    for (const int layer : {-1, 0, 12, 511}) {
      const TensorId id{.role = static_cast<Role>(i), .layer = layer};
      EXPECT_EQ(parse_tensor_name(tensor_name(id.role, layer)), id) << tensor_name(id.role, layer);
    }
  }
}

TEST(Roles, SingleExpertsBelongToTheStack) {
  EXPECT_EQ(parse_tensor_name("blk.3.ffn_up.7.weight"),
            (TensorId{.role = Role::ffn_up_exps, .layer = 3, .piece = 7}));
  EXPECT_EQ(parse_tensor_name("blk.3.ffn_down.0.weight").piece, 0);
  EXPECT_EQ(parse_tensor_name("blk.3.attn_q.7.weight").role, Role::count);
  EXPECT_EQ(parse_tensor_name("ffn_up.7.weight").role, Role::count);
}

TEST(Roles, NamesThatNoRoleCoversMayHaveALayer) {
  EXPECT_EQ(parse_tensor_name("blk.3.ssm_a"), (TensorId{.layer = 3}));
  EXPECT_EQ(parse_tensor_name("blk.3.exp_probs_b").role, Role::exp_probs_b);
  for (const char* name : {"", ".", "blk.", "blk.x", "blk.3", "blk.-1.attn_q.weight",
                           "blk.03.attn_q.weight", "blk.99999999999.attn_q.weight", "attn_q",
                           "v.blk.3.attn_q.weight", "blk.3.attn_q.weight.weight"}) {
    EXPECT_EQ(parse_tensor_name(name).role, Role::count) << name;
  }
}

TEST(Roles, TensorsOfTheWholeModelHaveNoLayer) {
  EXPECT_TRUE(parse_tensor_name("output.weight").is(Role::output));
  EXPECT_FALSE(parse_tensor_name("blk.0.output.weight").is(Role::output));
}

TEST(Roles, LayersAreExchangedInNames) {
  EXPECT_EQ(with_layer("blk.12.attn_q.weight", 3), "blk.3.attn_q.weight");
  EXPECT_EQ(with_layer("blk.1.ssm_a", 10), "blk.10.ssm_a");
  EXPECT_EQ(with_layer("output.weight", 3), "output.weight");
}

TEST(Roles, KindsGroupTensors) {
  EXPECT_EQ(kind_name("blk.3.attn_q.weight"), "attn_q");
  EXPECT_EQ(kind_name("blk.3.attn_q.bias"), "attn_q.bias");
  EXPECT_EQ(kind_name("blk.3.ffn_up.7.weight"), "ffn_up_exps");
  EXPECT_EQ(kind_name("blk.3.ssm_conv1d.weight"), "ssm_conv1d");
  EXPECT_EQ(kind_name("mm.0.bias"), "mm.0.bias");
}

TEST(Roles, TheSpecKnowsBetterThanTheName) {
  ModelSpec spec;
  spec.tensors.push_back({.name = "h.3.q", .role = Role::attn_q, .layer = 3});
  EXPECT_EQ(identify(&spec, "h.3.q"), (TensorId{.role = Role::attn_q, .layer = 3}));
  EXPECT_EQ(identify(nullptr, "h.3.q").role, Role::count);
  EXPECT_EQ(identify(&spec, "blk.0.attn_k.weight").role, Role::attn_k);
}

TEST(Roles, EveryArchitectureIsFoundByItsName) {
  for (const Architecture* a : all_architectures()) EXPECT_EQ(find_architecture(a->name), a);
  EXPECT_EQ(find_architecture("no-such-model"), nullptr);
}

}  // namespace
}  // namespace model
