// The tiny models of tests/golden/models as GGUF files: just enough of a conversion for tests of
// the forward pass, of made-up file flavours and of refusals. Source: docs/spec/models.md 5.
#pragma once

#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>

#include "gguf/writer.h"
#include "support/support.h"

namespace test {

/// A model file in the making: change keys and tensors, then write it.
struct Draft {
  struct Tensor {
    const quant::Codec* codec;
    tensor::Shape shape;
    std::vector<std::byte> bytes;
    const quant::FlatFormat* flat = nullptr;  ///< instead of codec
  };
  gguf::Metadata metadata;
  std::map<std::string, Tensor> tensors;

  void write(const std::filesystem::path& path) const {
    std::vector<gguf::TensorPlan> plans;
    for (const auto& [name, t] : tensors) plans.push_back({name, t.codec, t.shape, t.flat});
    gguf::Writer writer(path, metadata, plans);
    std::size_t i = 0;
    for (const auto& [name, t] : tensors) writer.write(i++, 0, t.bytes);
    writer.finish();
  }
};

struct HfOptions {
  bool stack_experts = true;   ///< false: one tensor an expert, as in early files
  bool merge_gate_up = false;  ///< ffn_gate_up_exps instead of two
};

class HfModel {
 public:
  explicit HfModel(const std::string& name, HfOptions options = {}) : options_(options) {
    const std::string folder = "tests/golden/models/" + name + "/";
    config_ = nlohmann::json::parse(read_text(source_path(folder + "config.json")));
    file_ = read_bytes(source_path(folder + "model.safetensors"));
    std::uint64_t n = 0;
    std::memcpy(&n, file_.data(), sizeof n);
    header_ =
        nlohmann::json::parse(std::string(reinterpret_cast<const char*>(file_.data() + 8), n));
    data_ = 8 + n;
    deepseek_ = config_.contains("kv_lora_rank");
    arch_ = deepseek_ ? "deepseek2" : "llama";
  }

  Draft draft() {
    keys();
    for (const auto& [name, info] : header_.items()) {
      if (name != "__metadata__") convert(name);
    }
    if (options_.merge_gate_up) merge_gate_up();
    rope_freqs();
    return std::move(out_);
  }

 private:
  using Json = nlohmann::json;

  void set(const std::string& key, const char* from) {
    if (!config_.contains(from) || config_[from].is_null()) return;
    const Json& v = config_[from];
    const std::string full = arch_ + "." + key;
    if (v.is_boolean()) {
      out_.metadata.set(full, v.get<bool>());
    } else if (v.is_number_integer()) {
      out_.metadata.set(full, v.get<std::uint32_t>());
    } else {
      out_.metadata.set(full, v.get<float>());
    }
  }
  void set_number(const std::string& key, float v) { out_.metadata.set(arch_ + "." + key, v); }
  std::uint32_t number(const char* key) const { return config_.at(key).get<std::uint32_t>(); }

  void keys() {
    out_.metadata.set("general.architecture", arch_);
    set("block_count", "num_hidden_layers");
    set("context_length", "max_position_embeddings");
    set("embedding_length", "hidden_size");
    set("feed_forward_length", "intermediate_size");
    set("attention.head_count", "num_attention_heads");
    set("attention.head_count_kv", "num_key_value_heads");
    set("attention.layer_norm_rms_epsilon", "rms_norm_eps");
    set("rope.freq_base", "rope_theta");
    set("expert_count", deepseek_ ? "n_routed_experts" : "num_local_experts");
    set("expert_used_count", "num_experts_per_tok");
    if (deepseek_) {
      deepseek_keys();
    } else {
      const std::uint32_t head =
          config_.value("head_dim", number("hidden_size") / number("num_attention_heads"));
      out_.metadata.set("llama.attention.key_length", head);
      out_.metadata.set("llama.attention.value_length", head);
      out_.metadata.set("llama.rope.dimension_count", head);
    }
  }

  void deepseek_keys() {
    set("leading_dense_block_count", "first_k_dense_replace");
    set("expert_feed_forward_length", "moe_intermediate_size");
    set("expert_shared_count", "n_shared_experts");
    set_number("expert_weights_scale", config_["routed_scaling_factor"].get<float>());
    set("expert_weights_norm", "norm_topk_prob");
    set("attention.q_lora_rank", "q_lora_rank");
    set("attention.kv_lora_rank", "kv_lora_rank");
    set("rope.dimension_count", "qk_rope_head_dim");
    set("attention.value_length", "v_head_dim");
    out_.metadata.set("deepseek2.attention.key_length",
                      number("qk_nope_head_dim") + number("qk_rope_head_dim"));
    const bool sigmoid = config_["scoring_func"] == "sigmoid";
    out_.metadata.set("deepseek2.expert_gating_func", std::uint32_t{sigmoid ? 2U : 1U});
    if (number("n_group") > 1) {
      set("expert_group_count", "n_group");
      set("expert_group_used_count", "topk_group");
    }
    const Json& scaling = config_["rope_scaling"];
    if (scaling.is_null()) return;
    out_.metadata.set("deepseek2.rope.scaling.type", std::string("yarn"));
    set_number("rope.scaling.factor", scaling["factor"].get<float>());
    set_number("rope.scaling.yarn_log_multiplier", 0.1F * scaling["mscale_all_dim"].get<float>());
    out_.metadata.set("deepseek2.rope.scaling.original_context_length",
                      scaling["original_max_position_embeddings"].get<std::uint32_t>());
  }

  Draft::Tensor read(const std::string& name) const {
    const Json& info = header_.at(name);
    const std::string type = info["dtype"];
    const auto shape = info["shape"].get<std::vector<std::uint64_t>>();
    const auto at = info["data_offsets"].get<std::vector<std::size_t>>();
    Draft::Tensor t;
    t.codec = quant::find_codec(type == "BF16" ? "bf16" : type == "F16" ? "f16" : "f32");
    for (std::size_t d = 0; d < shape.size(); ++d) t.shape.ne[d] = shape[shape.size() - 1 - d];
    const auto begin = file_.begin() + static_cast<std::ptrdiff_t>(data_);
    t.bytes.assign(begin + static_cast<std::ptrdiff_t>(at[0]),
                   begin + static_cast<std::ptrdiff_t>(at[1]));
    return t;
  }

  static void to_f32(Draft::Tensor& t) {
    std::vector<float> values(t.shape.elements());
    tensor::decode_rows({t.codec, t.shape, t.bytes}, 0, t.shape.rows(), values);
    t.codec = quant::find_codec("f32");
    t.bytes.resize(values.size() * sizeof(float));
    std::memcpy(t.bytes.data(), values.data(), t.bytes.size());
  }

  /// HF rotates halves, the file's kind of rotation neighbours: rows of each head change places.
  static void permute(Draft::Tensor& t, std::size_t n_head) {
    const std::size_t row = t.codec->row_bytes(t.shape.ne[0]);
    const std::size_t half = t.shape.ne[1] / n_head / 2;
    const std::vector<std::byte> from = t.bytes;
    for (std::size_t r = 0; r < t.shape.ne[1]; ++r) {
      const std::size_t in_head = r % (2 * half);
      const std::size_t source = r - in_head + in_head / 2 + in_head % 2 * half;
      std::memcpy(t.bytes.data() + r * row, from.data() + source * row, row);
    }
  }

  void convert(const std::string& name) {
    static const std::map<std::string, std::string> kEnds{
        {"model.embed_tokens", "token_embd"}, {"model.norm", "output_norm"}, {"lm_head", "output"}};
    static const std::map<std::string, std::string> kLayer{
        {"input_layernorm", "attn_norm"},
        {"post_attention_layernorm", "ffn_norm"},
        {"self_attn.q_proj", "attn_q"},
        {"self_attn.k_proj", "attn_k"},
        {"self_attn.v_proj", "attn_v"},
        {"self_attn.o_proj", "attn_output"},
        {"self_attn.q_a_proj", "attn_q_a"},
        {"self_attn.q_a_layernorm", "attn_q_a_norm"},
        {"self_attn.q_b_proj", "attn_q_b"},
        {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
        {"self_attn.kv_a_layernorm", "attn_kv_a_norm"},
        {"self_attn.kv_b_proj", "attn_kv_b"},
        {"mlp.gate_proj", "ffn_gate"},
        {"mlp.up_proj", "ffn_up"},
        {"mlp.down_proj", "ffn_down"},
        {"mlp.gate", "ffn_gate_inp"},
        {"block_sparse_moe.gate", "ffn_gate_inp"},
        {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
        {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
        {"mlp.shared_experts.down_proj", "ffn_down_shexp"}};
    const std::string stem = name.substr(0, name.rfind('.'));
    if (const auto it = kEnds.find(stem); it != kEnds.end()) {
      return put(it->second + ".weight", read(name));
    }
    const std::size_t dot = name.find('.', 13);  // behind "model.layers.N"
    const std::string block = "blk." + name.substr(13, dot - 13) + ".";
    const std::string rest = stem.size() > dot ? stem.substr(dot + 1) : "";
    if (rest == "mlp.gate" && name.ends_with("e_score_correction_bias")) {
      return put(block + "exp_probs_b.bias", read(name));
    }
    if (const std::size_t at = rest.find("experts.");
        at != std::string::npos && at < 20 && rest.find("shared") == std::string::npos) {
      return expert(block, rest.substr(at + 8), name);
    }
    Draft::Tensor t = read(name);
    if (!deepseek_ && rest == "self_attn.q_proj") permute(t, number("num_attention_heads"));
    if (!deepseek_ && rest == "self_attn.k_proj") permute(t, number("num_key_value_heads"));
    put(block + kLayer.at(rest) + ".weight", std::move(t));
  }

  /// "3.w1" or "3.gate_proj".
  void expert(const std::string& block, const std::string& rest, const std::string& name) {
    static const std::map<std::string, std::string> kParts{
        {"w1", "ffn_gate"},        {"w3", "ffn_up"},      {"w2", "ffn_down"},
        {"gate_proj", "ffn_gate"}, {"up_proj", "ffn_up"}, {"down_proj", "ffn_down"}};
    const std::string number_text = rest.substr(0, rest.find('.'));
    const std::string part = kParts.at(rest.substr(rest.find('.') + 1));
    Draft::Tensor t = read(name);
    if (!options_.stack_experts) {
      return put(block + part + "." + number_text + ".weight", std::move(t));
    }
    const std::size_t n = number(deepseek_ ? "n_routed_experts" : "num_local_experts");
    Draft::Tensor& stack = out_.tensors[block + part + "_exps.weight"];
    stack.codec = t.codec;
    stack.shape = t.shape;
    stack.shape.ne[2] = n;
    stack.bytes.resize(t.bytes.size() * n);
    std::copy(t.bytes.begin(), t.bytes.end(),
              stack.bytes.begin() +
                  static_cast<std::ptrdiff_t>(std::stoul(number_text) * t.bytes.size()));
  }

  void put(const std::string& name, Draft::Tensor t) {
    if (t.shape.n_dims() == 1 || name.find("ffn_gate_inp") != std::string::npos) to_f32(t);
    out_.tensors[name] = std::move(t);
  }

  void merge_gate_up() {
    for (std::uint32_t l = 0; l < number("num_hidden_layers"); ++l) {
      const std::string block = "blk." + std::to_string(l) + ".";
      const auto gate = out_.tensors.find(block + "ffn_gate_exps.weight");
      if (gate == out_.tensors.end()) continue;
      const Draft::Tensor up = out_.tensors.at(block + "ffn_up_exps.weight");
      Draft::Tensor both = gate->second;
      const std::size_t half = both.bytes.size() / both.shape.ne[2];
      both.bytes.clear();
      const Draft::Tensor* const gate_part = &gate->second;
      const Draft::Tensor* const up_part = &up;
      for (std::size_t e = 0; e < both.shape.ne[2]; ++e) {
        for (const Draft::Tensor* t : {gate_part, up_part}) {
          const auto from = t->bytes.begin() + static_cast<std::ptrdiff_t>(e * half);
          both.bytes.insert(both.bytes.end(), from, from + static_cast<std::ptrdiff_t>(half));
        }
      }
      both.shape.ne[1] *= 2;
      out_.tensors.erase(block + "ffn_gate_exps.weight");
      out_.tensors.erase(block + "ffn_up_exps.weight");
      out_.tensors[block + "ffn_gate_up_exps.weight"] = std::move(both);
    }
  }

  /// Divisors of the llama3 rope scaling (docs/spec/models.md 1.5).
  void rope_freqs() {
    const Json scaling = config_.value("rope_scaling", Json());
    if (!scaling.is_object() || scaling.value("rope_type", "") != "llama3") return;
    const double ctx = scaling["original_max_position_embeddings"];
    const double low = scaling["low_freq_factor"], high = scaling["high_freq_factor"];
    const double factor = scaling["factor"], base = config_["rope_theta"];
    const std::size_t n_rot = number("head_dim");
    Draft::Tensor t{quant::find_codec("f32"), {}, {}};
    t.shape.ne[0] = n_rot / 2;
    for (std::size_t i = 0; i < n_rot / 2; ++i) {
      const double frequency =
          std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(n_rot));
      const double wave = 2.0 * std::numbers::pi / frequency;
      const double mix = (ctx / wave - low) / (high - low);
      const double divisor = wave < ctx / high  ? 1.0
                             : wave > ctx / low ? factor
                                                : 1.0 / ((1.0 - mix) / factor + mix);
      const auto value = static_cast<float>(divisor);
      const auto bytes = std::as_bytes(std::span(&value, 1));
      t.bytes.insert(t.bytes.end(), bytes.begin(), bytes.end());
    }
    out_.tensors["rope_freqs.weight"] = std::move(t);
  }

  HfOptions options_;
  Json config_, header_;
  std::vector<std::byte> file_;
  std::size_t data_ = 0;
  bool deepseek_ = false;
  std::string arch_;
  Draft out_;
};

}  // namespace test
