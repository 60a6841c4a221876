#include "recipe/eligible.h"

#include <algorithm>

#include "recipe/table_text.h"

namespace recipe {
namespace {

constexpr std::string_view kPlainIntegers[] = {"I8", "I16", "I32", "I64"};
constexpr std::string_view kPositionArchs[] = {"gpt2", "mpt", "starcoder", "bert"};
constexpr std::string_view kTokenTypeArchs[] = {"bert", "nomic-bert", "jina-bert-v2"};
constexpr std::string_view kNever[] = {"_norm.weight", "ssm_conv1d", "attn_rel_b.weight"};
constexpr std::string_view kNeverIk[] = {"ssm_x.weight", "ssm_dt.weight"};
constexpr std::string_view kNeverMainline[] = {
    "ffn_gate_inp.weight",
    "altup",
    "laurel",
    "per_layer_model_proj",
    "ffn_gate_tid2eid.weight",
    "shortconv.conv.weight",
    "indexer.k_proj.weight",
    "indexer.q_proj.weight",
    "time_mix_first.weight",
    "time_mix_w0.weight",
    "time_mix_w1.weight",
    "time_mix_w2.weight",
    "time_mix_v0.weight",
    "time_mix_v1.weight",
    "time_mix_v2.weight",
    "time_mix_a0.weight",
    "time_mix_a1.weight",
    "time_mix_a2.weight",
    "time_mix_g1.weight",
    "time_mix_g2.weight",
    "time_mix_decay_w1.weight",
    "time_mix_decay_w2.weight",
    "time_mix_lerp_fused.weight",
    ".position_embd",
    "sam.pos_embd",
    "sam.neck.",
    "sam.net_",
    ".rel_pos",
    ".patch_embd",
    ".patch_merger",
    "a.rvq.codebook",
    "mm.a.code_embd",
};

template <std::size_t N>
bool contains_any(std::string_view name, const std::string_view (&pieces)[N]) {
  return std::any_of(std::begin(pieces), std::end(pieces),
                     [name](std::string_view piece) { return contains(name, piece); });
}
template <std::size_t N>
bool is_one_of(std::string_view text, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

bool is_bert_table(const ModelFacts& model, std::string_view name) {
  if (name == "position_embd.weight") return is_one_of(model.arch, kPositionArchs);
  return name == "token_types.weight" && is_one_of(model.arch, kTokenTypeArchs);
}

}  // namespace

bool is_eligible(const Options& options, const ModelFacts& model, const InputTensor& tensor) {
  const std::string_view name = tensor.name;
  if (is_one_of(tensor.type->symbol, kPlainIntegers)) return false;
  if (!name.ends_with("weight") || tensor.shape.n_dims() < 2) return false;
  if (contains_any(name, kNever) || is_bert_table(model, name)) return false;
  if (options.leave_output_tensor && name == "output.weight") return false;
  if (options.policy == Policy::mainline) return !contains_any(name, kNeverMainline);
  if (contains_any(name, kNeverIk)) return false;
  if (contains(name, "ffn_gate_inp.weight")) {
    const TypeFacts* router = options.role_type("ffn_gate_inp");
    return router != nullptr && router != tensor.type;
  }
  return true;
}

}  // namespace recipe
