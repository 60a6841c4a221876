// Folders with something wrong in them, and split ones.
#include <bit>
#include <cmath>

#include "convert/spoilt_folder.h"
#include "gguf/file.h"

namespace {

using Json = nlohmann::json;
using test::expect_all;
using Folder = test::SpoiltFolder;

/// The single file cut into two with an index.
void split_in_two(Folder& folder) {
  const auto bytes = test::read_bytes(folder / "model.safetensors");
  test::SafetensorsBuilder parts[2];
  Json map;
  std::size_t i = 0;
  for (const convert::SafeTensor& t : convert::parse_safetensors(bytes)) {
    const std::vector<std::byte> data(
        bytes.begin() + static_cast<std::ptrdiff_t>(t.offset),
        bytes.begin() + static_cast<std::ptrdiff_t>(t.offset + t.size));
    const std::size_t part = i++ % 2;
    parts[part].add(t.name, std::string(t.dtype->name).c_str(), t.shape, data);
    map[t.name] =
        part == 0 ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors";
  }
  test::write_bytes(folder / "model-00001-of-00002.safetensors", parts[0].bytes());
  test::write_bytes(folder / "model-00002-of-00002.safetensors", parts[1].bytes());
  folder.put("model.safetensors.index.json", {{"weight_map", map}});
  std::filesystem::remove(folder / "model.safetensors");
}

TEST(Folder, TwoFilesGiveTheSameTensorsAsOne) {
  const Folder whole("mixtral");
  Folder cut("mixtral");
  split_in_two(cut);
  test::convert_folder(whole.path(), whole / "a.gguf", {.type = "BF16"});
  test::convert_folder(cut.path(), cut / "a.gguf", {.type = "BF16", .threads = 1});
  const auto a = gguf::FileSet::open(whole / "a.gguf"), b = gguf::FileSet::open(cut / "a.gguf");
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (const gguf::TensorInfo& t : a.tensors()) {
    const gguf::TensorInfo* other = b.find(t.name);
    ASSERT_NE(other, nullptr) << t.name;
    const auto x = a.view(t).bytes, y = b.view(*other).bytes;
    EXPECT_TRUE(std::equal(x.begin(), x.end(), y.begin(), y.end())) << t.name;
  }
}

TEST(Folder, AFileThatTheIndexDoesNotNameIsPassedOver) {
  Folder folder("llama");
  std::filesystem::copy_file(folder / "model.safetensors", folder / "keep");
  split_in_two(folder);
  std::filesystem::rename(folder / "keep", folder / "model.safetensors");
  const auto opened = convert::ModelFolder::open(folder.path());
  EXPECT_EQ(opened.shards().size(), 2U);
  ASSERT_EQ(opened.findings().size(), 1U);
  EXPECT_EQ(opened.findings()[0].where, (folder / "model.safetensors").string());
}

TEST(Folder, ShardsWithoutAnIndexAreFoundByName) {
  Folder folder("llama");
  split_in_two(folder);
  std::filesystem::remove(folder / "model.safetensors.index.json");
  EXPECT_EQ(convert::ModelFolder::open(folder.path()).shards().size(), 2U);
}

TEST(Folder, TensorsComeInTheOrderOfThePublicConverter) {
  const Folder folder("llama-rope3-tied");
  const auto source = convert::open_hf_source(folder.path(), {});
  std::vector<std::string> names;
  for (const auto& t : source->tensors()) names.push_back(t.name);
  EXPECT_EQ(names.at(0), "rope_freqs.weight");
  EXPECT_EQ(names.at(1), "token_embd.weight");
  EXPECT_EQ(names.at(2), "blk.0.attn_norm.weight");
  EXPECT_EQ(names.at(3), "blk.0.ffn_down.weight");
  EXPECT_EQ(names.back(), "output_norm.weight");
}

TEST(FolderMalformed, NothingThere) {
  const test::TempDir dir;
  const auto open = [](const std::filesystem::path& p) { convert::ModelFolder::open(p); };
  expect_all(test::refusal(base::Fault::io, [&] { open(dir / "none"); }), {"no such folder"});
  test::refusal(base::Fault::io, [&] { open(dir.path()); });
  test::write_text(dir / "config.json", "{}");
  expect_all(test::refusal(base::Fault::io, [&] { open(dir.path()); }),
             {"no safetensors files", "model.safetensors"});
}

TEST(ModelFolder, WithoutConfigItSaysWhatIsExpected) {
  const test::TempDir dir;
  const auto refused = [&] {
    return test::refusal(base::Fault::io, [&] { convert::ModelFolder::open(dir.path()); });
  };
  expect_all(refused(), {"no config.json", "tiktoken.model", "download all files"});
  test::write_text(dir / "params.json", "{}");
  expect_all(refused(), {"Hugging Face form"});
  test::write_text(dir / "m.gguf", "");
  expect_all(refused(), {"need no conversion"});
  for (const char* sub : {"snapshots/0123", "sub"}) {
    std::filesystem::create_directories(dir / sub);
    test::write_text(dir / sub / "config.json", "{}");
    expect_all(refused(), {(dir / sub).string() + " has one"});
  }
}

TEST(ModelFolder, AFileInPlaceOfTheFolderIsTold) {
  const test::TempDir dir;
  for (const char* name : {"config.json", "m.gguf"}) test::write_text(dir / name, "{}");
  const auto refused = [&](const char* name) {
    return test::refusal(base::Fault::io, [&] { convert::ModelFolder::open(dir / name); });
  };
  expect_all(refused("config.json"), {"is not a folder", "give the folder that holds this file"});
  expect_all(refused("m.gguf"), {"is not a folder", "needs no conversion"});
}

TEST(FolderMalformed, LinksToNowhere) {
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.model",
                           "tokenizer_config.json", "chat_template.jinja"}) {
    Folder folder("llama");
    std::filesystem::remove(folder / name);
    std::filesystem::create_symlink("../../blobs/0123", folder / name);
    expect_all(folder.refused(base::Fault::io),
               {"a link to nowhere", (folder / name).string(), "a link to ../../blobs/0123"});
  }
  Folder whole("llama");
  std::filesystem::create_symlink(whole.path(), whole / "link");
  EXPECT_NO_THROW(convert::ModelFolder::open(whole / "link"));
}

TEST(FolderMalformed, AFolderThatMayNotBeReadIsNoAbsence) {
  const test::TempDir dir;
  const std::filesystem::path loop = dir / "loop";
  std::filesystem::create_symlink(loop, loop);
  expect_all(test::refusal(base::Fault::io, [&] { convert::ModelFolder::open(loop / "model"); }),
             {"cannot look into the folder", (loop / "model").string()});
}

TEST(FolderMalformed, Config) {
  Folder folder("llama");
  test::write_text(folder / "config.json", "{\"a\": }");
  expect_all(folder.refused(base::Fault::bad_file),
             {"not a JSON file", "config.json", "offset: 6"});
  test::write_text(folder / "config.json", "[]");
  expect_all(folder.refused(base::Fault::bad_file), {"not a JSON object", "config.json"});
  test::write_text(folder / "config.json", R"({"architectures": "LlamaForCausalLM"})");
  expect_all(folder.refused(base::Fault::bad_file), {"wrong type", "architectures"});
}

TEST(FolderMalformed, WhyATextIsNoJson) {
  struct Row {
    std::string text;
    std::vector<std::string> says;
  };
  Folder folder("llama");
  for (const Row& row :
       std::vector<Row>{{"", {"it is empty"}},
                        {"{\"a\": 1,\n \"b\": [2", {"it ends inside a list", "line: 2", "cut off"}},
                        {"{\"a\": {\"b\": 1}", {"it ends inside an object", "line: 1"}},
                        {"{\"a\": \"b", {"it ends inside a string"}},
                        {"{\n\"a\": \"\xFF\"}", {"it is not UTF-8", "byte 0xff", "line: 2"}},
                        {"\xFF\xFE{", {"it is UTF-16"}},
                        {"{\"a\":\n\n  }", {"unexpected '}'", "line: 3", "column: 3", "offset: 9"}},
                        {"version https://git-lfs.github.com/spec/v1\n",
                         {"a Git LFS pointer", "git lfs pull"}}}) {
    test::write_text(folder / "config.json", row.text);
    const std::string said = folder.refused(base::Fault::bad_file);
    expect_all(said, row.says);
    expect_all(said, {(folder / "config.json").string()});
  }
}

TEST(FolderMalformed, ConfigsThatContradictTheFiles) {
  struct Row {
    const char* model;
    const char* key;
    Json value;
    std::vector<std::string> says;
  };
  for (const Row& row : std::vector<Row>{
           {"llama", "architectures", nullptr, {"no 'architectures'", "config.json"}},
           {"qwen3",
            "intermediate_size",
            nullptr,
            {"config.json lacks a key", "key: intermediate_size", "qwen3.feed_forward_length",
             "config.json"}},
           {"qwen3", "rms_norm_eps", 1e30, {"key: rms_norm_eps", "found: 1e+30", "config.json"}},
           {"qwen3",
            "hidden_size",
            32,
            {"wrong shape", "source: model.", "model.safetensors", "config.json"}},
           {"llama", "vocab_size", nullptr, {"lacks a key", "key: vocab_size", "config.json"}},
           {"llama", "hidden_size", "64", {"wrong type", "key: hidden_size", "config.json"}},
           {"llama", "hidden_size", 0, {"out of bounds", "key: hidden_size", "config.json"}},
           {"llama", "num_attention_heads", 0, {"key: num_attention_heads", "1 or more"}},
           {"llama",
            "num_attention_heads",
            3,
            {"wrong shape", "heads of 21 rows", "model.safetensors", "num_attention_heads"}},
           {"llama", "rope_theta", "a", {"wrong type", "key: rope_theta,"}},
           {"llama",
            "rope_scaling",
            {{"type", 5}},
            {"wrong type", "key: rope_scaling.type,", "config.json"}},
           {"llama",
            "rope_scaling",
            {{"rope_type", "llama3"}},
            {"key: rope_scaling.original_max_position_embeddings", "config.json"}},
           {"llama",
            "rope_scaling",
            {{"rope_type", "linear"}, {"factor", 0}},
            {"out of bounds", "key: rope_scaling.factor", "found: 0", "more than 0"}},
           {"llama",
            "rope_scaling",
            {{"rope_type", "llama3"},
             {"factor", 8},
             {"original_max_position_embeddings", 64},
             {"low_freq_factor", 4},
             {"high_freq_factor", 4}},
            {"out of bounds", "key: rope_scaling.high_freq_factor", "more than 4"}},
           {"llama",
            "rope_parameters",
            {{"rope_type", "yarn"}},
            {"lacks a key", "key: rope_parameters.factor", "config.json"}}}) {
    Folder folder(row.model);
    folder.change_config([&](Json& c) { c[row.key] = row.value; });
    const std::string said = folder.refused(base::Fault::bad_file);
    expect_all(said, row.says);
    EXPECT_NE(said.find("; "), std::string::npos) << "no hint: " << said;
  }
}

TEST(Folder, WhatConfigSaysAndTheTensorsDenyIsTold) {
  for (const auto& [key, says] :
       {std::pair("tie_word_embeddings", "lm_head.weight is not model.embed_tokens.weight"),
        std::pair("attention_bias", "no file holds a bias")}) {
    Folder folder("llama");
    folder.change_config([&, key = key](Json& c) { c[key] = true; });
    const auto source = convert::open_hf_source(folder.path(), {});
    ASSERT_EQ(source->plan().findings.size(), 1U) << key;
    EXPECT_NE(source->plan().findings[0].text.find(says), std::string::npos);
    EXPECT_NE(source->plan().findings[0].where.find("config.json"), std::string::npos);
  }
  // A copy of the embedding, which many folders hold.
  Folder copied("llama");
  copied.change_config([](Json& c) { c["tie_word_embeddings"] = true; });
  copied.change_tensors([](Json& header, std::vector<std::byte>& data) {
    const auto from = header.at("model.embed_tokens.weight").at("data_offsets");
    const auto to = header.at("lm_head.weight").at("data_offsets");
    const auto at = [](const Json& offset) { return offset.get<std::ptrdiff_t>(); };
    std::copy(data.begin() + at(from[0]), data.begin() + at(from[1]), data.begin() + at(to[0]));
  });
  EXPECT_TRUE(convert::open_hf_source(copied.path(), {})->plan().findings.empty());
}

TEST(Folder, TheOutputMatrixMayBeMissingOnlyIfItIsTied) {
  for (const auto& [value, fault] :
       {std::pair(Json(false), true), std::pair(Json(), false), std::pair(Json(true), false)}) {
    Folder folder("llama");
    folder.change_config([&, &value = value](Json& c) { c["tie_word_embeddings"] = value; });
    folder.rename_tensor("lm_head.weight", "model.rotary_emb.inv_freq");
    if (fault) {
      expect_all(
          folder.refused(base::Fault::bad_file),
          {"output matrix is missing", "lm_head.weight", "tie_word_embeddings", "config.json"});
      continue;
    }
    const auto source = convert::open_hf_source(folder.path(), {});
    ASSERT_EQ(source->plan().findings.size(), value.is_null() ? 1U : 0U);
    if (value.is_null())
      expect_all(source->plan().findings[0].text, {"lm_head.weight is not there"});
  }
}

TEST(Folder, KeysThatAreTakenFromElsewhereAreTold) {
  Folder folder("qwen3");
  folder.change_config([](Json& c) {
    c["vocab_size"] = 1000;
    c.erase("rope_theta");
  });
  const auto source = convert::open_hf_source(folder.path(), {});
  const auto& findings = source->plan().findings;
  ASSERT_EQ(findings.size(), 2U);
  expect_all(findings[0].where + findings[0].text, {"rope_theta", "10000"});
  expect_all(findings[1].where + findings[1].text, {"vocab_size", "1000", "280", "embed_tokens"});
  EXPECT_EQ(source->metadata().integer("qwen3.vocab_size"), 280);
}

TEST(FolderMalformed, AFileOfTheModelThatIsNotThere) {
  Folder folder("llama");
  split_in_two(folder);
  std::filesystem::remove(folder / "model-00002-of-00002.safetensors");
  const std::string there = "model-00002-of-00002.safetensors";
  expect_all(folder.refused(base::Fault::io), {there, "not downloaded whole"});
  std::filesystem::remove(folder / "model.safetensors.index.json");
  expect_all(folder.refused(base::Fault::io), {there, "1 of 2 files", "not downloaded whole"});
}

TEST(FolderMalformed, UnknownArchitectureNamesWhatIsKnown) {
  Folder folder("llama");
  folder.change_config([](Json& c) { c["architectures"] = {"NewForCausalLM"}; });
  expect_all(folder.refused(base::Fault::unsupported),
             {"NewForCausalLM", "LlamaForCausalLM", "DeepseekV3ForCausalLM"});
}

TEST(FolderMalformed, UnknownArchitectureNamesTheNearestOneAndWhatIsMissing) {
  Folder next("qwen3moe");
  next.change_config([](Json& c) {
    c["architectures"] = {"Qwen3NextForCausalLM"};
    c["decoder_sparse_step"] = 2;
  });
  next.rename_tensor("model.layers.0.self_attn.k_norm.weight", "model.layers.0.linear_attn.A_log");
  expect_all(next.refused(base::Fault::unsupported),
             {"found: Qwen3NextForCausalLM (model_type qwen3_moe)",
              "nearest: qwen3moe (Qwen3MoeForCausalLM)", "1 of ",
              "the first model.layers.0.linear_attn.A_log", "decoder_sparse_step"});
  Folder alike("llama");  // the tensors of several architectures
  alike.change_config([](Json& c) { c["architectures"] = {"SmolLM4ForCausalLM"}; });
  expect_all(alike.refused(base::Fault::unsupported), {"nearest: smollm3"});
}

TEST(Folder, OfAHubsCacheHasTheNameOfItsModel) {
  const test::TempDir dir;
  const auto snapshot = dir / "models--microsoft--Phi-3-mini" / "snapshots" / "0123abcd";
  std::filesystem::create_directories(snapshot.parent_path());
  test::copy_folder(test::source_path("tests/golden/models/phi3"), snapshot);
  const auto source = convert::open_hf_source(snapshot, {});
  EXPECT_EQ(source->metadata().string("general.name"), "Phi-3-mini");
}

TEST(FolderMalformed, UnknownPacking) {
  Folder folder("llama");
  folder.change_config([](Json& c) { c["quantization_config"] = {{"quant_method", "gptq"}}; });
  expect_all(folder.refused(base::Fault::unsupported), {"gptq", "fp8, mxfp4"});
}

TEST(FolderMalformed, Index) {
  Folder folder("llama");
  split_in_two(folder);
  const Json index = folder.json("model.safetensors.index.json");
  const auto with = [&](const std::function<void(Json&)>& change) {
    Json changed = index;
    change(changed);
    folder.put("model.safetensors.index.json", changed);
  };
  with([](Json& i) { i = Json::array(); });
  expect_all(folder.refused(base::Fault::bad_file), {"no weight_map"});
  with([](Json& i) { i["weight_map"]["model.norm.weight"] = 7; });
  expect_all(folder.refused(base::Fault::bad_file), {"does not name a file", "model.norm"});
  for (const char* name :
       {"../model.safetensors", "/etc/passwd", "a/b.safetensors", ".safetensors", "model.bin"}) {
    with([&](Json& i) { i["weight_map"]["model.norm.weight"] = name; });
    expect_all(folder.refused(base::Fault::bad_file), {"not in the folder"});
  }
  with([](Json& i) { i["weight_map"]["model.norm.weight"] = "model-9.safetensors"; });
  expect_all(folder.refused(base::Fault::io), {"missing", "model-9.safetensors"});
  with([](Json& i) { i["weight_map"]["extra"] = "model-00001-of-00002.safetensors"; });
  expect_all(folder.refused(base::Fault::bad_file), {"do not agree", "in no file", "extra"});
  with([](Json& i) {
    Json& at = i["weight_map"]["model.norm.weight"];
    at = at == "model-00001-of-00002.safetensors" ? "model-00002-of-00002.safetensors"
                                                  : "model-00001-of-00002.safetensors";
  });
  expect_all(folder.refused(base::Fault::bad_file), {"do not agree", "model.norm.weight"});
  with([](Json& i) { i["weight_map"].erase("model.norm.weight"); });
  EXPECT_EQ(convert::ModelFolder::open(folder.path()).findings().size(), 1U);
}

TEST(FolderMalformed, TheSameTensorInTwoFiles) {
  Folder folder("llama");
  std::filesystem::copy_file(folder / "model.safetensors", folder / "model-1.safetensors");
  std::filesystem::rename(folder / "model.safetensors", folder / "model-2.safetensors");
  expect_all(folder.refused(base::Fault::bad_file), {"two files hold the same tensor"});
}

TEST(FolderMalformed, TensorsTooManyOrTooFew) {
  Folder more("llama");
  more.rename_tensor("model.norm.weight", "model.final_norm.weight");
  expect_all(more.refused(base::Fault::unsupported), {"no place", "model.final_norm.weight"});
  Folder less("llama");
  less.rename_tensor("model.norm.weight", "model.rotary_emb.inv_freq");
  expect_all(less.refused(base::Fault::bad_file), {"required tensor is missing", "output_norm"});
  Folder experts("mixtral");
  experts.rename_tensor("model.layers.1.block_sparse_moe.experts.2.w1.weight",
                        "model.layers.1.block_sparse_moe.experts.9.w1.weight");
  expect_all(experts.refused(base::Fault::bad_file),
             {"all experts", "expert 2 is missing", "blk.1.ffn_gate_exps.weight"});
}

/// A bias beside every matrix of that name.
void add_biases(Folder& folder, const std::string& matrix) {
  folder.change_tensors([&](Json& header, std::vector<std::byte>& data) {
    Json added;
    for (const auto& [name, info] : header.items()) {
      if (!name.ends_with(matrix + ".weight")) continue;
      const std::uint64_t rows = info.at("shape").at(0);
      added[name.substr(0, name.size() - 6) + "bias"] = {
          {"dtype", "BF16"},
          {"shape", {rows}},
          {"data_offsets", {data.size(), data.size() + 2 * rows}}};
      data.resize(data.size() + 2 * rows);
    }
    ASSERT_FALSE(added.empty()) << matrix;
    header.update(added);
  });
}

TEST(FolderMalformed, BiasesWithoutAPlaceAreRefused) {
  struct Case {
    const char* model;
    std::vector<std::string> matrices;
  };
  const Case cases[] = {
      {"qwen2", {"o_proj"}},
      {"qwen3", {"o_proj", "q_proj"}},
      {"qwen2moe", {"o_proj"}},
      {"qwen3moe", {"q_proj"}},
      {"glm4", {"o_proj"}},
      {"glm4moe", {"o_proj"}},
      {"smollm3", {"o_proj", "q_proj"}},
      {"gemma2", {"o_proj", "q_proj"}},
      {"gemma3", {"k_proj"}},
      {"cohere", {"q_proj"}},
      {"cohere2", {"v_proj"}},
      {"phi3", {"o_proj", "qkv_proj"}},
      {"deepseek_v3", {"o_proj", "q_b_proj"}},
      {"deepseek_v2-lite", {"q_proj"}},
      {"llama", {"gate_proj"}},
  };
  for (const Case& c : cases) {
    for (const std::string& matrix : c.matrices) {
      Folder folder(c.model);
      add_biases(folder, matrix);
      expect_all(folder.refused(base::Fault::unsupported),
                 {"no place in the model", matrix + ".bias"});
    }
  }
  for (const char* known : {"llama", "ministral3", "mixtral"}) {
    Folder folder(known);
    add_biases(folder, "o_proj");
    EXPECT_NO_THROW(convert::open_hf_source(folder.path(), {})) << known;
  }
}

TEST(Folder, Llama3ScalingMakesDivisorsWhereTheArchitectureReadsThem) {
  Folder folder("qwen3");
  folder.change_config([](Json& c) {
    c["rope_scaling"] = {{"rope_type", "llama3"},  {"factor", 8.0},
                         {"low_freq_factor", 1.0}, {"high_freq_factor", 4.0},
                         {"rope_theta", 1e4},      {"original_max_position_embeddings", 64}};
    c.erase("rope_parameters");
  });
  const auto source = convert::open_hf_source(folder.path(), {});
  EXPECT_EQ(source->tensors().front().name, "rope_freqs.weight");
}

TEST(FolderMalformed, ShapesAgainstTheConfig) {
  Folder folder("llama");
  folder.change_config([](Json& c) { c["intermediate_size"] = 96; });
  expect_all(folder.refused(base::Fault::bad_file), {"wrong shape", "{64, 160}", "{64, 96}"});
  Folder heads("llama");
  heads.change_config([](Json& c) { c["head_dim"] = 15; });
  expect_all(heads.refused(base::Fault::bad_file), {"heads of 15 rows", "self_attn.k_proj"});
  Folder latent("deepseek_v3");
  latent.change_config([](Json& c) { c["v_head_dim"] = 31; });
  expect_all(latent.refused(base::Fault::bad_file), {"4 heads of 32 + 31 rows"});
}

TEST(FolderMalformed, ElementTypes) {
  Folder folder("llama");
  folder.change_tensors(
      [](Json& header, auto&) { header["model.layers.0.mlp.up_proj.weight"]["dtype"] = "I16"; });
  expect_all(folder.refused(base::Fault::unsupported), {"I16", "mlp.up_proj", "BF16"});
}

TEST(FolderMalformed, Fp8Scales) {
  const std::string name = "model.layers.0.self_attn.q_a_proj.weight_scale_inv";
  Folder missing("deepseek_v3-fp8");
  missing.rename_tensor(name, "model.rotary_emb.inv_freq");
  expect_all(missing.refused(base::Fault::bad_file), {"scales", "missing", name});
  Folder shape("deepseek_v3-fp8");
  shape.change_tensors([&](Json& header, auto&) {
    const auto n = header[name]["shape"];
    header[name]["shape"] = {n[0].get<int>() * n[1].get<int>(), 1};
  });
  expect_all(shape.refused(base::Fault::bad_file),
             {name, "found: F32 (2, 1)", "F32, F16 or BF16 (1, 2)"});
  Folder type("deepseek_v3-fp8");
  type.change_tensors([&](Json& header, auto&) { header[name]["dtype"] = "U32"; });
  expect_all(type.refused(base::Fault::bad_file), {name, "U32 (1, 2)"});
  Folder one("deepseek_v3-fp8");
  one.change_config([](Json& c) { c["quantization_config"]["weight_block_size"] = nullptr; });
  EXPECT_NO_THROW(convert::open_hf_source(one.path(), {}));  // blocks of 128 are the usual ones
}

/// How the scales of an FP8 folder may be written.
struct ScaleForm {
  const char* dtype;
  std::string suffix = "_scale_inv";
  bool whole = false;  ///< one value a tensor, and scales of activations
};

/// Every scale is 0.75 times a power of two that depends on its block, or 0.75 for `whole`.
std::vector<std::byte> scale_bytes(const std::string& dtype, std::size_t n, bool equal) {
  std::vector<std::byte> out;
  for (std::size_t i = 0; i < n; ++i) {
    const float value = std::ldexp(0.75F, equal ? 0 : static_cast<int>(i % 5) - 2);
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto half = static_cast<std::uint16_t>(
        dtype == "BF16" ? bits >> 16 : ((bits >> 23) - 112) << 10 | (bits >> 13 & 0x3FFU));
    const auto wide = std::as_bytes(std::span(&bits, 1)),
               narrow = std::as_bytes(std::span(&half, 1));
    if (dtype == "F32") {
      out.insert(out.end(), wide.begin(), wide.end());
    } else {
      out.insert(out.end(), narrow.begin(), narrow.end());
    }
  }
  return out;
}

void write_scales(Folder& folder, const ScaleForm& form, bool equal) {
  const auto bytes = test::read_bytes(folder / "model.safetensors");
  test::SafetensorsBuilder out;
  for (const convert::SafeTensor& t : convert::parse_safetensors(bytes)) {
    const std::string old = "_scale_inv";
    if (!t.name.ends_with(old)) {
      const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(t.offset);
      out.add(t.name, std::string(t.dtype->name).c_str(), t.shape,
              std::vector(begin, begin + static_cast<std::ptrdiff_t>(t.size)));
      continue;
    }
    const std::string stem = t.name.substr(0, t.name.size() - old.size());
    out.add(stem + form.suffix, form.dtype, form.whole ? std::vector<std::uint64_t>{} : t.shape,
            scale_bytes(form.dtype, form.whole ? 1 : t.elements(), equal));
    if (!form.whole) continue;
    const std::string layer = stem.substr(0, stem.size() - std::string(".weight").size());
    out.add(layer + ".activation_scale", "F32", {}, std::vector<float>{3});
    out.add(layer + ".input_scale", "F32", {}, std::vector<float>{3});
  }
  test::write_bytes(folder / "model.safetensors", out.bytes());
  if (!form.whole) return;
  folder.change_config([](Json& c) { c["quantization_config"]["weight_block_size"] = nullptr; });
}

TEST(Folder, Fp8ScalesOfEveryFormGiveTheSameValues) {
  const auto values = [](const ScaleForm& form, bool equal) {
    Folder folder("deepseek_v3-fp8");
    write_scales(folder, form, equal);
    const auto source = convert::open_hf_source(folder.path(), {});
    std::vector<std::byte> all;
    for (std::size_t i = 0; i < source->tensors().size(); ++i) {
      const auto& t = source->plan().tensors[i];
      std::vector<std::byte> one(t.codec->row_bytes(t.shape.ne[0]) * t.shape.rows());
      source->read(i, 0, one);
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  };
  const auto blocks = values({.dtype = "F32"}, false), whole = values({.dtype = "F32"}, true);
  EXPECT_NE(blocks, whole);
  for (const char* dtype : {"F16", "BF16"}) {
    EXPECT_EQ(values({.dtype = dtype}, false), blocks) << dtype;
  }
  EXPECT_EQ(values({.dtype = "F32", .whole = true}, true), whole);
  EXPECT_EQ(values({.dtype = "BF16", .suffix = "_scale", .whole = true}, true), whole);
}

TEST(FolderMalformed, AFileCutOffUnderOurFeetIsAnError) {
  const Folder folder("llama");
  const auto source = convert::open_hf_source(folder.path(), {});
  std::filesystem::resize_file(folder / "model.safetensors", 20'000);
  std::vector<std::byte> out(64);
  const std::size_t last = source->tensors().size() - 1;
  const std::string text = test::refusal(base::Fault::io, [&] { source->read(last, 0, out); });
  expect_all(text, {"shorter", "model.safetensors", "tensor"});
}

TEST(FolderMalformed, AFileThatChangesUnderOurFeetIsAnError) {
  const Folder folder("llama");
  const auto source = convert::open_hf_source(folder.path(), {});
  EXPECT_NO_THROW(source->require_unchanged());
  const auto file = folder / "model.safetensors";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) + 1);
  expect_all(test::refusal(base::Fault::bad_input, [&] { source->require_unchanged(); }),
             {"the file has changed while it was read", "another size", "model.safetensors"});
}

TEST(Folder, LayersForNextTokenPredictionAreLeftOutWithANote) {
  Folder folder("deepseek_v3");
  folder.change_config([](Json& c) {
    c["num_hidden_layers"] = 3;
    c["num_nextn_predict_layers"] = 1;
  });
  const auto source = convert::open_hf_source(folder.path(), {});
  ASSERT_EQ(source->plan().findings.size(), 1U);
  expect_all(source->plan().findings[0].text, {"next-token prediction"});
  for (const auto& t : source->tensors()) EXPECT_EQ(t.name.find("blk.3."), std::string::npos);
}

TEST(FolderMalformed, MoreLayersThanTheConfigSays) {
  struct Row {
    const char* model;
    int layers;
    std::optional<int> nextn;
    std::vector<std::string> says;
  };
  for (const Row& row : std::vector<Row>{
           {"llama", 1, {}, {"says 1 layers, the files hold", "num_hidden_layers"}},
           {"mixtral", 1, 3, {"says 1 layers, the files hold", "model.layers.1."}},
           {"deepseek_v3", 2, 1, {"2 layers and 1 for next-token", "hold 4", "model.layers.3."}},
           {"glm4moe",
            3,
            {},
            {"says 3 layers, the files hold 4", "key: num_nextn_predict_layers",
             "must count them"}},
           {"glm4moe", 2, 1, {"2 layers and 1 for next-token", "hold 4", "config.json"}}}) {
    Folder folder(row.model);
    folder.change_config([&](Json& c) {
      c["num_hidden_layers"] = row.layers;
      c.erase("num_nextn_predict_layers");
      if (row.nextn) c["num_nextn_predict_layers"] = *row.nextn;
    });
    expect_all(folder.refused(base::Fault::bad_file), row.says);
  }
}

TEST(Folder, TheLanguagePartOfAVisionModel) {
  const Folder plain("llama");
  Folder vision("llama");
  vision.change_config([](Json& c) {
    Json text = c;
    text.erase("architectures");
    c = {{"architectures", {"LlavaForConditionalGeneration"}}, {"text_config", text}};
  });
  vision.change_tensors([](Json& header, auto&) {
    Json renamed;
    for (const auto& [name, info] : header.items()) {
      const bool tower = name == "model.layers.0.mlp.up_proj.weight";
      renamed[name == "__metadata__" ? name : "language_model." + name] = info;
      if (tower)
        renamed["vision_tower.patch.weight"] = {
            {"dtype", "F32"}, {"shape", {0}}, {"data_offsets", info["data_offsets"]}};
    }
    if (renamed.contains("vision_tower.patch.weight")) {
      Json& at = renamed["vision_tower.patch.weight"]["data_offsets"];
      at[1] = at[0];
    }
    header = renamed;
  });
  const auto a = convert::open_hf_source(plain.path(), {});
  const auto b = convert::open_hf_source(vision.path(), {});
  EXPECT_EQ(a->tensors().size(), b->tensors().size());
  EXPECT_EQ(b->plan().architecture->name, "llama");
  ASSERT_EQ(b->plan().findings.size(), 1U);
  expect_all(b->plan().findings[0].text, {"1 tensors of other than the language part"});
}

}  // namespace
