#include "recipe/eligible.h"

#include <algorithm>

namespace recipe {
namespace {

constexpr std::string_view kPlainIntegers[] = {"I8", "I16", "I32", "I64"};
constexpr std::string_view kPositionArchs[] = {"gpt2", "mpt", "starcoder", "bert"};
constexpr std::string_view kTokenTypeArchs[] = {"bert", "nomic-bert", "jina-bert-v2"};
/// Both programs: matrices that they leave alone.
const NameTest& never() {
  static const NameTest test("has:_norm.weight|ssm_conv1d|attn_rel_b.weight");
  return test;
}
const NameTest& never_ik() {
  static const NameTest test("has:ssm_x.weight|ssm_dt.weight");
  return test;
}
const NameTest& never_mainline() {
  static const NameTest test(
      "has:ffn_gate_inp.weight|altup|laurel|per_layer_model_proj|ffn_gate_tid2eid.weight|"
      "shortconv.conv.weight|indexer.k_proj.weight|indexer.q_proj.weight|time_mix_first.weight|"
      "time_mix_w0.weight|time_mix_w1.weight|time_mix_w2.weight|time_mix_v0.weight|"
      "time_mix_v1.weight|time_mix_v2.weight|time_mix_a0.weight|time_mix_a1.weight|"
      "time_mix_a2.weight|time_mix_g1.weight|time_mix_g2.weight|time_mix_decay_w1.weight|"
      "time_mix_decay_w2.weight|time_mix_lerp_fused.weight|.position_embd|sam.pos_embd|sam.neck.|"
      "sam.net_|.rel_pos|.patch_embd|.patch_merger|a.rvq.codebook|mm.a.code_embd");
  return test;
}

template <std::size_t N>
bool is_one_of(std::string_view text, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

/// Look-up tables of bert and its kin.
bool is_bert_table(const ModelFacts& model, const InputTensor& tensor) {
  static const NameTest position("eq:position_embd.weight");
  static const NameTest token_types("eq:token_types.weight");
  if (tensor.fits(position)) return is_one_of(model.arch, kPositionArchs);
  return tensor.fits(token_types) && is_one_of(model.arch, kTokenTypeArchs);
}

}  // namespace

bool is_eligible(const Options& options, const ModelFacts& model, const InputTensor& tensor) {
  static const NameTest weight("ends:weight");
  if (is_one_of(tensor.type->symbol, kPlainIntegers)) return false;
  if (!tensor.fits(weight) || tensor.shape.n_dims() < 2) return false;
  if (tensor.fits(never()) || is_bert_table(model, tensor)) return false;
  if (options.leave_output_tensor && tensor.id.is(model::Role::output)) return false;
  if (options.policy == Policy::mainline) return !tensor.fits(never_mainline());
  if (tensor.fits(never_ik())) return false;
  if (is_router(tensor)) {
    const TypeFacts* router = options.role_type("ffn_gate_inp");
    return router != nullptr && router != tensor.type;
  }
  return true;
}

bool is_router(const InputTensor& tensor) noexcept {
  static const NameTest router("has:ffn_gate_inp.weight");
  return tensor.fits(router);
}

}  // namespace recipe
