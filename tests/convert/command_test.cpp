// `quern convert` as users call it.
#include <sys/stat.h>

#include "convert/convert_support.h"
#include "gguf/file.h"

namespace {

std::string folder(const char* name) { return test::model_folder(name).string(); }

void expect_same_tensors(const std::filesystem::path& a, const std::filesystem::path& b) {
  const auto x = gguf::FileSet::open(a), y = gguf::FileSet::open(b);
  ASSERT_EQ(x.tensors().size(), y.tensors().size());
  for (const gguf::TensorInfo& t : x.tensors()) {
    const gguf::TensorInfo* other = y.find(t.name);
    ASSERT_NE(other, nullptr) << t.name;
    EXPECT_EQ(t.codec->name, other->codec->name) << t.name;
    const auto p = x.view(t).bytes, q = y.view(*other).bytes;
    EXPECT_TRUE(std::equal(p.begin(), p.end(), q.begin(), q.end())) << t.name;
  }
}

TEST(ConvertCommand, ListTellsEveryClass) {
  const auto r = test::run_quern({"convert", "--list"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.out.find("DeepseekV3ForCausalLM"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("LlamaForCausalLM"), std::string::npos) << r.out;
}

TEST(ConvertCommand, TheTypeOfTheWeightsIsKeptAndTheFileRuns) {
  const test::TempDir dir;
  const auto r = test::run_quern({"convert", folder("llama"), (dir / "m.gguf").string()});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto files = gguf::FileSet::open(dir / "m.gguf");
  EXPECT_EQ(files.find("output.weight")->codec->name, "bf16");
  EXPECT_EQ(files.find("output_norm.weight")->codec->name, "f32");
  EXPECT_EQ(files.metadata().integer("general.file_type"), 32);
  EXPECT_EQ(files.metadata().string("general.name"), "llama");
  const auto run =
      test::run_quern({"run", "-m", (dir / "m.gguf").string(), "-p", "the", "-n", "4"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST(ConvertCommand, StraightIntoATypeIsTheSameAsByWayOfAFile) {
  const test::TempDir dir;
  const std::string direct = (dir / "direct.gguf").string(), f32 = (dir / "f32.gguf").string(),
                    later = (dir / "later.gguf").string();
  ASSERT_EQ(test::run_quern({"convert", "--outtype", "q8_0", folder("mixtral"), direct}).exit_code,
            0);
  ASSERT_EQ(test::run_quern({"convert", "--outtype", "f32", folder("mixtral"), f32}).exit_code, 0);
  ASSERT_EQ(test::run_quern({"quantize", f32, later, "Q8_0"}).exit_code, 0);
  expect_same_tensors(direct, later);
}

TEST(ConvertCommand, WithImportanceToo) {
  QUERN_NEEDS_SHARED("models/tiny-mla-hf");
  const test::TempDir dir;
  const std::string direct = (dir / "direct.gguf").string(), bf16 = (dir / "bf16.gguf").string(),
                    later = (dir / "later.gguf").string();
  const std::string hf = test::shared_path("models/tiny-mla-hf").string();
  const std::string imatrix =
      test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf").string();
  const auto run = [](const std::vector<std::string>& arguments) {
    const auto r = test::run_quern(arguments);
    ASSERT_EQ(r.exit_code, 0) << r.err;
  };
  run({"convert", "--outtype", "Q4_K_M", "--effort", "fast", "--imatrix", imatrix, hf, direct});
  run({"convert", hf, bf16});
  run({"quantize", "--effort", "fast", "--imatrix", imatrix, bf16, later, "Q4_K_M"});
  expect_same_tensors(direct, later);
}

TEST(ConvertCommand, ATypeThatIsNoRecipe) {
  const test::TempDir dir;
  const auto r = test::run_quern(
      {"convert", "--outtype", "q8_0_r8", folder("llama"), (dir / "m.gguf").string()});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto files = gguf::FileSet::open(dir / "m.gguf");
  EXPECT_EQ(files.find("blk.0.ffn_up.weight")->codec->name, "q8_0_r8");
}

TEST(ConvertCommand, SeveralFiles) {
  const test::TempDir dir;
  const auto r = test::run_quern(
      {"convert", "--split-max-size", "100000", folder("llama"), (dir / "m.gguf").string()});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  std::filesystem::path first;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    if (entry.path().string().find("m-00001-of-") != std::string::npos) first = entry.path();
  }
  ASSERT_FALSE(first.empty()) << r.out;
  EXPECT_GE(gguf::FileSet::open(first).shards().size(), 4U);
  ASSERT_EQ(test::run_quern({"convert", folder("llama"), (dir / "one.gguf").string()}).exit_code,
            0);
  expect_same_tensors(dir / "one.gguf", first);
}

TEST(ConvertCommand, ADryRunWritesNothing) {
  const test::TempDir dir;
  const auto r =
      test::run_quern({"convert", "--dry-run", folder("llama"), (dir / "m.gguf").string()});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.out.find("bytes"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

// Words of the other policy are told as quantize tells them; types that no recipe is named after go
// into every tensor.
TEST(ConvertCommand, TypesOfBothPrograms) {
  const test::TempDir dir;
  const std::string out = (dir / "m.gguf").string();
  for (const char* word : {"TQ1_0", "tq2_0", "Q1_0", "q2_0"}) {
    const auto r = test::run_quern({"convert", "--outtype", word, folder("llama"), out});
    EXPECT_EQ(r.exit_code, 2) << word;
    EXPECT_NE(r.err.find("is a recipe of --policy llama.cpp"), std::string::npos) << r.err;
    EXPECT_NE(r.err.find("hint: add --policy llama.cpp"), std::string::npos) << r.err;
  }
  EXPECT_EQ(test::run_quern(
                {"convert", "--policy", "llama.cpp", "--outtype", "TQ1_0", folder("llama"), out})
                .exit_code,
            0);
  EXPECT_EQ(gguf::FileSet::open(out).metadata().integer("general.file_type"), 36);
  const auto r = test::run_quern(
      {"convert", "--outtype", "NVFP4", "--ignore-imatrix-rules", folder("llama"), out});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.err.find("decided the type of no tensor"), std::string::npos) << r.err;
  const auto file = gguf::FileSet::open(out);
  EXPECT_EQ(file.metadata().integer("general.file_type"), 39);
  EXPECT_EQ(file.find("blk.0.ffn_up.weight")->codec->name, "nvfp4");
}

TEST(ConvertCommand, RefusalsLeaveNothingBehind) {
  const test::TempDir dir;
  const std::string out = (dir / "m.gguf").string();
  EXPECT_EQ(test::run_quern({"convert", folder("llama")}).exit_code, 2);
  EXPECT_EQ(test::run_quern({"convert", "--mla", "x", folder("llama"), out}).exit_code, 2);
  EXPECT_EQ(test::run_quern({"convert", "--outtype", "x", folder("llama"), out}).exit_code, 2);
  test::copy_folder(test::model_folder("llama"), dir / "hf");
  auto config = nlohmann::json::parse(test::read_text(dir / "hf/config.json"));
  config["architectures"] = {"NewForCausalLM"};
  test::write_text(dir / "hf/config.json", config.dump());
  const auto r = test::run_quern({"convert", (dir / "hf").string(), out});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_NE(r.err.find("NewForCausalLM"), std::string::npos) << r.err;
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST(ConvertCommand, AnOverrideThatWouldMakeTheFileUnreadableIsRefused) {
  struct Row {
    const char* override_text;
    const char* says;
  };
  const test::TempDir dir;
  const std::string out = (dir / "m.gguf").string();
  for (const Row& row : {Row{"qwen3.block_count=int:5", "blk."},
                         Row{"qwen3.block_count=int:2", "blk.2.attn_norm.weight"},
                         Row{"general.architecture=str:llama", "llama."},
                         Row{"tokenizer.ggml.pre=str:nonsense", "nonsense"}}) {
    const auto r =
        test::run_quern({"convert", "--override-kv", row.override_text, folder("qwen3"), out});
    EXPECT_EQ(r.exit_code, 1) << r.err;
    EXPECT_NE(r.err.find(row.says), std::string::npos) << r.err;
    EXPECT_NE(r.err.find("option: --override-kv"), std::string::npos) << r.err;
    EXPECT_FALSE(std::filesystem::exists(out)) << row.override_text;
  }
  const auto r = test::run_quern(
      {"convert", "--override-kv", "qwen3.context_length=int:77", folder("qwen3"), out});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(gguf::FileSet::open(out).metadata().integer("qwen3.context_length"), 77);
}

// Opening one would wait for a writer for good.
TEST(ConvertCommand, NamedPipesAreRefusedAtOnce) {
  const test::TempDir dir;
  const std::string out = (dir / "m.gguf").string();
  for (const char* name : {"config.json", "model.safetensors", "model.safetensors.index.json",
                           "tokenizer.json", "tokenizer_config.json", "generation_config.json",
                           "added_tokens.json", "chat_template.jinja", "chat_template.json"}) {
    const auto hf = dir / name;
    test::copy_folder(test::model_folder("qwen3"), hf);
    std::filesystem::remove(hf / name);
    ASSERT_EQ(::mkfifo((hf / name).c_str(), 0600), 0);
    const auto r = test::run_quern({"convert", hf.string(), out});
    EXPECT_EQ(r.exit_code, 1) << name;
    EXPECT_NE(r.err.find("not a regular file"), std::string::npos) << r.err;
    EXPECT_NE(r.err.find("found: a pipe"), std::string::npos) << r.err;
    EXPECT_NE(r.err.find(name), std::string::npos) << r.err;
  }
  const std::string pipe = (dir / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto refused = [&](const std::vector<std::string>& arguments) {
    const auto r = test::run_quern(arguments);
    EXPECT_NE(r.exit_code, 0) << arguments[0];
    EXPECT_NE(r.err.find("a pipe"), std::string::npos) << r.err;
  };
  refused({"run", "-m", pipe, "-p", "a"});
  refused({"info", pipe});
  refused({"quantize", pipe, out, "q8_0"});
  refused({"convert", "--imatrix", pipe, folder("llama"), out});
}

TEST(ConvertCommand, WordsThatDoNotFitAreTold) {
  struct Row {
    std::vector<std::string> options;
    const char* model;
    int exit_code;
    const char* says;
  };
  const test::TempDir dir;
  const std::string out = (dir / "m.gguf").string();
  const std::string imatrix =
      test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf").string();
  for (const Row& row : std::vector<Row>{
           {{"--pre", "lama-bpe"}, "qwen3", 2, "did you mean llama-bpe?"},
           {{"--pre", "llama-bpe"}, "llama", 0, "llama-bpe is not written"},
           {{"--name", "a\xFF"}, "llama", 2, "--name is no UTF-8"},
           {{"--outtype", "Q4_KM"}, "llama", 2, "did you mean Q4_K_M?"},
           {{"--outtype", "iq4ks"}, "llama", 2, "did you mean IQ4_KS?"},
           {{"--mla", "both"}, "llama", 0, "llama has no latent attention"},
           {{"--split-max-size", "0"}, "llama", 2, "more than 0"},
           {{"--split-max-size", "1K"}, "llama", 0, "are larger than --split-max-size"},
           {{"-t", "-1"}, "llama", 0, "tensors"},
           {{"--outtype", "q4_0_4_4"}, "llama", 2, "obsolete"},
           {{"--imatrix", imatrix, "--outtype", "q8_0"}, "llama", 1, "imatrix_32x512.gguf"},
           {{"--outtype", "f32"}, "gpt-oss-mxfp4", 0, "stay MXFP4"}}) {
    std::vector<std::string> words{"convert"};
    words.insert(words.end(), row.options.begin(), row.options.end());
    words.insert(words.end(), {folder(row.model), out});
    const auto r = test::run_quern(words);
    EXPECT_EQ(r.exit_code, row.exit_code) << row.says << r.err;
    EXPECT_NE(r.err.find(row.says), std::string::npos) << r.err;
  }
  const auto r = test::run_quern({"info", out});
  EXPECT_NE((r.out + r.err).find("says F32, but 12 tensors are mxfp4"), std::string::npos) << r.out;
  const auto run = test::run_quern({"run", "-m", folder("llama"), "-p", "a"});
  EXPECT_NE(run.err.find("`quern convert` makes"), std::string::npos) << run.err;
}

TEST(ConvertCommand, TheNameOfOneFileOfASetStandsForTheSet) {
  const test::TempDir dir;
  const auto convert = [&](const char* size) {
    const auto r = test::run_quern({"convert", "--split-max-size", size, folder("llama"),
                                    (dir / "q-00001-of-00002.gguf").string()});
    EXPECT_EQ(r.exit_code, 0) << r.err;
    return r.err;
  };
  EXPECT_EQ(convert("100000").find("of an earlier run"), std::string::npos);
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    EXPECT_EQ(entry.path().filename().string().size(), std::string("q-00001-of-00005.gguf").size())
        << entry.path();
  }
  EXPECT_NE(convert("200000").find("of an earlier run"), std::string::npos);
}

TEST(ConvertCommand, AValueThatIsNotANumberIsFoundInTheFolder) {
  const test::TempDir dir;
  test::copy_folder(test::model_folder("llama"), dir / "hf");
  auto bytes = test::read_bytes(dir / "hf/model.safetensors");
  for (const convert::SafeTensor& t : convert::parse_safetensors(bytes)) {
    if (t.name != "model.layers.1.mlp.up_proj.weight") continue;
    for (std::size_t i = 0; i < 64; ++i) bytes[t.offset + i] = std::byte{0xFF};
  }
  test::write_bytes(dir / "hf/model.safetensors", bytes);
  for (const char* type : {"bf16", "q8_0"}) {
    const auto r = test::run_quern(
        {"convert", "--outtype", type, (dir / "hf").string(), (dir / "m.gguf").string()});
    EXPECT_EQ(r.exit_code, 1) << r.err;
    for (const char* piece : {"model.safetensors", "model.layers.1.mlp.up_proj.weight", "hint"}) {
      EXPECT_NE(r.err.find(piece), std::string::npos) << r.err;
    }
    EXPECT_EQ(r.err.find("--allow-broken"), std::string::npos) << r.err;
  }
}

TEST(ConvertCommand, RulesCountBesidePlainTypes) {
  const test::TempDir dir;
  const std::string out = (dir / "m.gguf").string();
  for (const char* policy : {"ik", "llama.cpp"}) {
    const auto r = test::run_quern({"convert", "--policy", policy, "--outtype", "f32", "--custom-q",
                                    "ffn_up=q8_0", folder("llama"), out});
    ASSERT_EQ(r.exit_code, 0) << r.err;
    const auto files = gguf::FileSet::open(out);
    EXPECT_EQ(files.find("blk.0.ffn_up.weight")->codec->name, "q8_0");
    EXPECT_EQ(files.find("blk.0.ffn_down.weight")->codec->name, "f32");
    EXPECT_EQ(r.err.find("warning"), std::string::npos) << r.err;
  }
}

}  // namespace
