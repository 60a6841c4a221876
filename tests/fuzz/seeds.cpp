// Writes the first inputs of the fuzz targets: small valid files of every kind.
// usage: fuzz_seeds FOLDER   makes FOLDER/TARGET/*
#include <cstdio>
#include <filesystem>

#include "base/output_file.h"
#include "calibrate/importance.h"
#include "support/bytes_builder.h"

namespace {

namespace fs = std::filesystem;
using test::Bytes;

class Seeds {
 public:
  explicit Seeds(fs::path folder) : folder_(std::move(folder)) {}
  void add(const std::string& target, const std::string& name, const Bytes& bytes) {
    add(target, name, std::span<const std::byte>(bytes.data()));
  }
  void add(const std::string& target, const std::string& name, std::span<const std::byte> bytes) {
    fs::create_directories(folder_ / target);
    base::write_file(folder_ / target / name, bytes);
  }
  fs::path in(const std::string& target, const std::string& name) const {
    return folder_ / target / name;
  }

 private:
  fs::path folder_;
};

void containers(Seeds& seeds) {
  const std::string target = "container_fuzz";
  Bytes keys;
  keys.header(0, 14).str("u8").u32(0).u8(1).str("i8").u32(1).u8(255).str("u16").u32(2).u16(3);
  keys.str("i16").u32(3).u16(4).pair_u32("u32", 5).str("i32").u32(5).i32(-6).str("f32").u32(6);
  keys.f32(0.5f).str("bool").u32(7).u8(1).pair_str("str", "text").str("u64").u32(10).u64(7);
  keys.str("i64").u32(11).u64(8).str("f64").u32(12).add(0.25);
  keys.str("strings").u32(9).u32(8).u64(2).str("a").str("").str("bools").u32(9).u32(7).u64(1).u8(0);
  seeds.add(target, "every_value_type", keys);
  Bytes tensors;
  tensors.header(3, 1).pair_u32("general.alignment", 64);
  tensors.info("a", {4, 2}, 0, 0).info("b", {32, 1, 2}, 8, 64).info("c", {8}, 30, 192).pad(64);
  seeds.add(target, "tensors", tensors.zeros(208));
  Bytes split;
  split.header(0, 3).str("split.no").u32(2).u16(0).str("split.count").u32(2).u16(2);
  seeds.add(target, "split", split.str("split.tensors.count").u32(5).i32(0));
  Bytes old;
  seeds.add(target, "version_2", old.header(0, 1, 2).pair_u32("k", 7));
}

void importance(Seeds& seeds) {
  calibrate::Importance m;
  m.entries["blk.0.ffn_up_exps.weight"] = {
      .n_cols = 2, .n_vectors = 3, .sums = {1, 2, 3, 4, 0, 0}, .counts = {5, 6, 0}};
  m.entries["blk.0.attn_q.weight"] = {
      .n_cols = 3, .n_vectors = 1, .sums = {1, 0, 2}, .counts = {9}};
  m.chunk_count = 2;
  m.datasets = {"text.txt"};
  seeds.add("importance_dat_fuzz", "two_entries", calibrate::dat_bytes(m));
  fs::create_directories(seeds.in("importance_gguf_fuzz", ""));
  calibrate::save_importance(m, seeds.in("importance_gguf_fuzz", "two_entries"),
                             calibrate::Dialect::gguf);
  Bytes old;
  old.i32(2).i32(21).raw("blk.0.ffn_up.0.weight").i32(1).i32(1).f32(2);
  old.i32(29).raw("CUDA0#blk.0.x.weight (view)#0").i32(0).i32(2).f32(1).f32(0);
  seeds.add("importance_dat_fuzz", "decorated_without_trailer", old);
}

/// Text as it stands.
void add_text(Seeds& seeds, const std::string& target, const std::string& name,
              std::string_view text) {
  seeds.add(target, name, std::as_bytes(std::span(text)));
}

constexpr std::string_view kSafetensorsHeader =
    R"j({"__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
    "b": {"dtype": "BF16", "shape": [1], "data_offsets": [8, 10]}})j";
constexpr std::string_view kByteBpe = R"j({
    "added_tokens": [{"id": 4, "content": "<|end|>", "special": true}], "normalizer": null,
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": "(?i:'s|'t)|\\p{L}+|\\s+(?!\\S)"},
         "behavior": "Isolated", "invert": false},
        {"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "use_regex": true}]},
    "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}]},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"], "ab a"]}})j";
constexpr std::string_view kByteFallback = R"j({"pre_tokenizer": {"type": "Metaspace"},
    "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
    "vocab": {"<unk>": 0, "<0x41>": 1, "a": 2}, "merges": ["a a"]}})j";
constexpr std::string_view kUnigram = R"j({
    "normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"},
    "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1.5]]}})j";

constexpr std::string_view kConfig = R"j({"architectures": ["Qwen3ForCausalLM"],
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 512, "vocab_size": 100,
    "rms_norm_eps": 1e-6, "layer_norm_eps": 1e-5, "sliding_window": null,
    "moe_intermediate_size": 32, "num_experts_per_tok": 2, "n_routed_experts": 8,
    "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16, "kv_lora_rank": 32,
    "rope_theta": 10000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
    "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 128}})j";
constexpr std::string_view kYarn = R"j({"hidden_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "max_position_embeddings": 512, "vocab_size": 100,
    "rms_norm_eps": 1e-6, "intermediate_size": 128, "layer_types": ["full_attention"],
    "rope_parameters": {"rope_type": "yarn", "factor": 4, "mscale": 1, "mscale_all_dim": 1,
    "truncate": false, "attention_factor": 1.5, "beta_fast": 32, "partial_rotary_factor": 0.5}})j";

void folders(Seeds& seeds) {
  add_text(seeds, "config_json_fuzz", "qwen3", kConfig);
  add_text(seeds, "config_json_fuzz", "yarn", kYarn);
  Bytes file;
  file.u64(kSafetensorsHeader.size()).raw(kSafetensorsHeader);
  seeds.add("safetensors_fuzz", "two_tensors", file.zeros(10));
  add_text(seeds, "tokenizer_json_fuzz", "byte_bpe", kByteBpe);
  add_text(seeds, "tokenizer_json_fuzz", "byte_fallback", kByteFallback);
  add_text(seeds, "tokenizer_json_fuzz", "unigram", kUnigram);
  Bytes pieces;  // one piece, then trainer and normalizer
  pieces.u8(0x0A).u8(10).u8(0x0A).u8(1).raw("a").u8(0x15).f32(-1).u8(0x18).u8(1);
  pieces.u8(0x12).u8(2).u8(0x18).u8(2).u8(0x1A).u8(2).u8(0x18).u8(0);
  seeds.add("sentencepiece_fuzz", "one_piece", pieces);
}

constexpr std::string_view kPython =
    "class T:\n  pat_str = '|'.join([r\"\"\"[\\p{L}&&[^\\p{Han}]]+(?i:'s)?\"\"\",  # one\n"
    "    r' ?[^\\s]+', \"\\\\s+\"])\n";
constexpr std::string_view kTemplates[] = {
    "{% set ns = namespace(n=0) %}{%- for m in messages if m.role != 'tool' -%}{% set ns.n = ns.n "
    "+ "
    "loop.index %}{{ m['content']|default('-', true)|trim ~ \"\\n\" }}{% else %}x{% endfor %}",
    "{% macro m(a, b=[1, {'k': none}]) %}{{ a|tojson(indent=2) }}{{ b[::-1] }}{{ m(a) if a is "
    "string }}{% endmacro %}{{ m(tools[0].function) }}{{ raise_exception('no') }}",
    "{% filter upper %}{% with a = n %}{{ range(a)|map('string')|join(',') }}{% endwith %}{% "
    "endfilter %}{% set x %}a{% endset %}{{ x.split('a')[-1:] }}{{ strftime_now('%d %B') }}{# c #}",
    "{% for k, v in messages[2].tool_calls[0].function.arguments.items() %}{% if loop.first and "
    "not "
    "v is mapping %}{{ '%s=%5.1f' % (k, 2 ** 3 // 2 - 1.5) }}{% elif k in 'abc' %}{% break %}{% "
    "endif %}{% endfor %}{{ messages|selectattr('role', 'equalto', 'user')|list|length }}"};

void texts(Seeds& seeds) {
  add_text(seeds, "tiktoken_fuzz", "ranks", "YQ== 0\nYg== 1\r\nYWI= 2\n");
  add_text(seeds, "tiktoken_fuzz", "python", kPython);
  for (std::size_t i = 0; i < std::size(kTemplates); ++i) {
    add_text(seeds, "template_fuzz", "template" + std::to_string(i), kTemplates[i]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  Seeds seeds(argv[1]);
  containers(seeds);
  importance(seeds);
  folders(seeds);
  texts(seeds);
  return 0;
}
