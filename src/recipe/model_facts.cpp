#include "recipe/model_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "recipe/table_text.h"

namespace recipe {
namespace {

template <std::size_t N>
bool any_equal(const std::string_view (&list)[N], std::string_view text) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

// Source: docs/spec/recipes.md 4, `no_out_name`.
constexpr std::string_view kNoOutputName[] = {
    "gptj",      "bert",    "nomic-bert", "jina-bert-v2",
    "gemma",     "gemma2",  "gemma4_mtp", "gemma4-assistant",
    "command-r", "openelm", "bitnet",     "cohere2"};
constexpr std::string_view kLarge80[] = {"deci", "qwen2", "qwen2vl", "olmo"};

constexpr std::int64_t kLargestCount = 1'000'000'000;

/// Integer key of the architecture; for a list with one value a layer, that of layer 0. Absurd
/// values are clamped, so that no rule can overflow.
std::int64_t integer_of(const gguf::Metadata& metadata, const std::string& key,
                        std::int64_t absent) {
  const gguf::Value* value = metadata.find(key);
  if (value == nullptr) return absent;
  std::int64_t found = absent;
  if (gguf::type_of(*value) == gguf::ValueType::arr) {
    const gguf::Array* array = metadata.array(key);
    if (array->size() > 0) found = array->integer(0);
  } else {
    found = metadata.integer(key).value_or(absent);
  }
  return std::clamp<std::int64_t>(found, 0, kLargestCount);
}

struct Heads {
  std::int64_t q = 0, kv = 0;
};

std::string size_class_of(const ModelFacts& m, Heads heads, std::int64_t n_embd) {
  if (m.arch == "llama" && m.n_experts != 8) {
    if (m.n_layers == 80 && heads.q != heads.kv) return "70B";
    if (m.n_layers == 32 && m.n_vocab >= 40000 && m.n_vocab != 49152) return "8B";
    if (m.n_layers == 36) return "8B";
  }
  if (any_equal(kLarge80, m.arch) && m.n_layers == 80) return "70B";
  if ((m.arch == "qwen3" || m.arch == "qwen3vl") && m.n_layers == 36 && n_embd != 2560) return "8B";
  if (m.arch == "cohere2" && m.n_layers == 32) return "8B";
  if (m.arch == "mistral3" && m.n_layers == 34) return "8B";
  return "";
}

std::int64_t count_attn_v(Policy policy, const std::vector<InputTensor>& tensors) {
  static const NameTest ik("has:attn_v.weight|attn_qkv.weight");
  static const NameTest mainline("has:attn_v.weight|attn_qkv.weight|attn_kv_b.weight");
  const NameTest& test = policy == Policy::ik ? ik : mainline;
  return std::count_if(tensors.begin(), tensors.end(),
                       [&](const InputTensor& t) { return t.fits(test); });
}

void warn_about_attn_v(ModelFacts& m) {
  const bool exempt = m.arch.empty() || m.arch == "deci" || m.arch == "gemma4" || m.n_layers == 0;
  const std::int64_t n = m.n_attn_v;
  if (exempt || n == 0 || n == m.n_layers || n == 3 * m.n_layers) return;
  m.findings.push_back({.where = "attn_v.weight",
                        .text = fmt::format("{} tensors for {} layers; mixes that count layers "
                                            "may give them other types than expected",
                                            n, m.n_layers)});
}

}  // namespace

ModelFacts model_facts(Policy policy, const gguf::Metadata& metadata,
                       const std::vector<InputTensor>& tensors) {
  ModelFacts m;
  m.arch = metadata.string("general.architecture").value_or("");
  if (m.arch.empty()) {
    m.findings.push_back({.where = "general.architecture",
                          .text = "absent; rules that depend on the model see zero experts, zero "
                                  "heads and a tied output"});
  }
  m.n_experts = integer_of(metadata, m.arch + ".expert_count", 0);
  m.n_layers = integer_of(metadata, m.arch + ".block_count", 0);
  Heads heads;
  heads.q = integer_of(metadata, m.arch + ".attention.head_count", 0);
  heads.kv = integer_of(metadata, m.arch + ".attention.head_count_kv", heads.q);
  m.gqa = heads.kv == 0 ? 0 : heads.q / heads.kv;
  const gguf::Array* tokens = metadata.array("tokenizer.ggml.tokens");
  m.n_vocab = integer_of(metadata, m.arch + ".vocab_size",
                         tokens == nullptr ? 0 : static_cast<std::int64_t>(tokens->size()));
  m.no_output_name = policy == Policy::ik && (m.arch.empty() || any_equal(kNoOutputName, m.arch));
  const bool has_output = std::any_of(tensors.begin(), tensors.end(), [](const InputTensor& t) {
    return t.id.is(model::Role::output);
  });
  m.tied = !has_output || m.no_output_name;
  m.size_class = size_class_of(m, heads, integer_of(metadata, m.arch + ".embedding_length", 0));
  m.big_vocab = m.n_vocab >= 127999 && !m.size_class.empty();
  m.n_attn_v = count_attn_v(policy, tensors);
  if (policy == Policy::ik) warn_about_attn_v(m);
  return m;
}

}  // namespace recipe
