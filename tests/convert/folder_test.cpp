// Folders with something wrong in them, and split ones.
#include <functional>

#include "convert/convert_support.h"
#include "gguf/file.h"

namespace {

using Json = nlohmann::json;

void expect_all(const std::string& text, const std::vector<std::string>& pieces) {
  for (const std::string& piece : pieces) EXPECT_NE(text.find(piece), std::string::npos) << text;
}

/// A copy of a golden folder to be spoilt.
class Folder {
 public:
  explicit Folder(const std::string& name) {
    test::copy_folder(test::source_path("tests/golden/models/" + name), path());
  }
  std::filesystem::path path() const { return dir_ / "model"; }
  std::filesystem::path operator/(const std::string& name) const { return path() / name; }
  Json json(const std::string& name) const { return Json::parse(test::read_text(*this / name)); }
  void put(const std::string& name, const Json& json) {
    test::write_text(*this / name, json.dump());
  }
  void change_config(const std::function<void(Json&)>& change) {
    Json config = json("config.json");
    change(config);
    put("config.json", config);
  }
  /// Header and data of model.safetensors changed and written again.
  void change_tensors(const std::function<void(Json&, std::vector<std::byte>&)>& change) {
    const auto bytes = test::read_bytes(*this / "model.safetensors");
    std::uint64_t n = 0;
    std::memcpy(&n, bytes.data(), 8);
    Json header = Json::parse(std::string(reinterpret_cast<const char*>(bytes.data() + 8), n));
    std::vector<std::byte> data(bytes.begin() + 8 + static_cast<std::ptrdiff_t>(n), bytes.end());
    change(header, data);
    test::write_bytes(*this / "model.safetensors",
                      test::SafetensorsBuilder::with_header(header.dump(), data));
  }
  void rename_tensor(const std::string& from, const std::string& to) {
    change_tensors([&](Json& header, auto&) {
      header[to] = header.at(from);
      header.erase(from);
    });
  }
  std::string refused(base::Fault fault, convert::Options options = {}) const {
    return test::refusal(fault, [&] { convert::open_hf_source(path(), options); });
  }

 private:
  test::TempDir dir_;
};

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
  expect_all(test::refusal(base::Fault::io, [&] { open(dir / "none"); }), {"not a folder"});
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
  std::filesystem::create_directory(dir / "sub");
  test::write_text(dir / "sub" / "config.json", "{}");
  expect_all(refused(), {(dir / "sub").string() + " has one"});
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
            {"wrong shape", "source: model.", "model.safetensors", "config.json"}}}) {
    Folder folder(row.model);
    folder.change_config([&](Json& c) { c[row.key] = row.value; });
    expect_all(folder.refused(base::Fault::bad_file), row.says);
  }
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
  expect_all(shape.refused(base::Fault::bad_file), {name, "F32 (1, 2)"});
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
