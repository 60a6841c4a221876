// quern edit, as a user calls it.
#include "base/file_lock.h"
#include "support/spoiled_model.h"

namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

class EditCommand : public testing::Test {
 protected:
  EditCommand() {
    fs::copy_file(kModel, path_);
    time_ = fs::last_write_time(path_);
  }
  test::RunResult edit(std::vector<std::string> options) const {
    options.insert(options.begin(), "edit");
    options.push_back(path_);
    return test::run_quern(options);
  }
  std::string show(const std::string& key) const { return edit({"--show", key}).out; }
  void expect_untouched() const {
    EXPECT_EQ(fs::last_write_time(path_), time_);
    EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), fs::directory_iterator()), 1);
  }

  const test::TempDir dir_;
  const std::string path_ = (dir_ / "m.gguf").string();
  fs::file_time_type time_;
};

TEST_F(EditCommand, SetInPlaceAndUndo) {
  const test::RunResult r =
      edit({"--set", "general.name=Other", "--delete", "general.license", "--set", "x.y=f32:0.5"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(show("general.name"), "Other\n");
  EXPECT_EQ(show("x.y"), "0.5\n");
  const test::RunResult undo = edit({"--undo"});
  EXPECT_EQ(undo.exit_code, 0) << undo.err;
  EXPECT_EQ(undo.out, path_ + ": the last edit is taken back, none left\n");
  EXPECT_EQ(test::read_bytes(path_), test::read_bytes(kModel));
  EXPECT_EQ(edit({"--undo"}).exit_code, 1);
}

TEST_F(EditCommand, AChatTemplateFromAFileRewrites) {
  const std::string source = "{% for m in messages %}{{ m.content }}\n{% endfor %}";
  const fs::path file = dir_ / "template";
  test::write_bytes(file, std::as_bytes(std::span(source)));
  const test::RunResult r = edit({"--chat-template", file.string()});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("written anew, 100 tensors, 36.02 MB: the new header is longer"));
  EXPECT_EQ(show("tokenizer.chat_template"), source + "\n");
  EXPECT_EQ(test::run_quern({"check", path_}).exit_code, 0);
  const std::string wrong = "{% for m in messages %}";
  test::write_bytes(file, std::as_bytes(std::span(wrong)));
  EXPECT_EQ(edit({"--chat-template", file.string()}).exit_code, 1);
  EXPECT_EQ(show("tokenizer.chat_template"), source + "\n");
}

TEST_F(EditCommand, DryRunTouchesNothing) {
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--set", "general.name=x"},
        {"--mla", "split"},
        {"--drop-tensor", "nextn", "--force"},
        {"--rewrite", "--delete", "general.license"}}) {
    std::vector<std::string> words = options;
    words.emplace_back("--dry-run");
    edit(words);
    expect_untouched();
  }
}

TEST_F(EditCommand, WhatWouldBreakTheModelIsRefusedUnlessForced) {
  const std::vector<std::pair<std::vector<std::string>, const char*>> cases = {
      {{"--delete", "deepseek2.block_count"}, "deepseek2.block_count: a required key is missing"},
      {{"--set", "deepseek2.block_count=7"}, "a required tensor is missing"},
      {{"--set", "deepseek2.attention.head_count=8"}, "a tensor has the wrong shape"},
      {{"--drop-tensor", "^blk.3.attn_q_a.weight$"}, "a required tensor is missing"},
      {{"--drop-tensor", "^output.weight$"}, "output.weight: is gone: token_embd takes its place"},
      {{"--rename-tensor", "output.weight=out.weight"}, "output.weight: is gone: token_embd"},
      {{"--drop-tensor", "exp_probs_b"}, "(5 tensors of this kind)"},
      {{"--delete", "tokenizer.ggml.tokens"}, "the file has no token list"},
      {{"--rename", "tokenizer.ggml.scores=tokenizer.ggml.token_type"}, "the new name is taken"},
      {{"--set", "general.alignment=64"}, "this key is not for editing"},
      {{"--set", "deepseek2.block_count=str:six"}, "the key has another type"},
      {{"--set-str", "deepseek2.block_count=six"}, "the key has another type"}};
  for (const auto& [options, text] : cases) {
    const test::RunResult r = edit(options);
    EXPECT_NE(r.exit_code, 0) << options[1];
    EXPECT_THAT(r.err, HasSubstr(text)) << options[1];
    expect_untouched();
  }
  EXPECT_EQ(edit({"--force", "--delete", "deepseek2.block_count"}).exit_code, 0);
  EXPECT_EQ(test::run_quern({"check", "--quick", path_}).exit_code, 3);
}

TEST_F(EditCommand, MlaThereAndBack) {
  const std::string c = (dir_ / "c.gguf").string();
  const test::RunResult r = edit({"--mla", "split", "-o", c});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("attn_k_b: 6 made as bf16, without loss\n"));
  EXPECT_THAT(edit({"--mla", "split", "--type", "q8_0", "--dry-run"}).out,
              HasSubstr("set general.quantization_version to 2"));
  EXPECT_EQ(test::run_quern({"edit", "--mla", "kv_b", c}).exit_code, 0);
  EXPECT_EQ(test::read_bytes(c), test::read_bytes(kModel));
  EXPECT_EQ(edit({"--mla", "split", "--type", "nonsense"}).exit_code, 2);
  EXPECT_EQ(edit({"--type", "q8_0"}).exit_code, 2);
}

TEST_F(EditCommand, FormsOfLatentAttentionThatNoProgramReadsAreRefused) {
  const std::string split = (dir_ / "split.gguf").string(), both = (dir_ / "both.gguf").string();
  const std::string output = (dir_ / "o.gguf").string();
  ASSERT_EQ(edit({"--mla", "split", "-o", split}).exit_code, 0);
  ASSERT_EQ(edit({"--mla", "both", "-o", both}).exit_code, 0);
  const std::vector<std::pair<std::vector<std::string>, const char*>> cases = {
      {{path_, "--from", split, "--tensor", "attn_k_b"},
       "blk.0.attn_k_b.weight: has three dimensions and stands beside attn_kv_b"},
      {{both, "--drop-tensor", "attn_v_b"},
       "blk.0.attn_k_b.weight: stands beside attn_kv_b without attn_v_b"}};
  for (const auto& [options, text] : cases) {
    std::vector<std::string> words = options;
    words.insert(words.begin(), {"edit", "-o", output});
    const test::RunResult r = test::run_quern(words);
    EXPECT_EQ(r.exit_code, 1);
    EXPECT_THAT(r.err, HasSubstr(text));
    words.emplace_back("--force");
    EXPECT_EQ(test::run_quern(words).exit_code, 0);
    EXPECT_EQ(test::run_quern({"check", "--quick", output}).exit_code, 3);
  }
}

TEST_F(EditCommand, AKeyThatWasReadIsToldWhenItGoes) {
  const test::RunResult r = edit({"--delete", "tokenizer.ggml.scores"});
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_THAT(r.err, HasSubstr("warning: tokenizer.ggml.scores: is gone: all tokens have score 0"));
}

TEST_F(EditCommand, TensorsOfADonor) {
  const std::string donor = (dir_ / "q.gguf").string();
  ASSERT_EQ(test::run_quern({"quantize", kModel, donor, "q8_0"}).exit_code, 0);
  const test::RunResult r = edit({"--from", donor, "--tensor", "ffn_down_exps"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("replaced 5 tensors: blk.1.ffn_down_exps.weight"));
  EXPECT_EQ(gguf::FileSet::open(path_).find("blk.2.ffn_down_exps.weight")->codec->name, "q8_0");
  EXPECT_THAT(r.out, HasSubstr("set general.quantization_version to 2: there are quantized"));
  EXPECT_THAT(r.out, HasSubstr("general.file_type stays 32 (BF16)"));
  EXPECT_EQ(show("general.quantization_version"), "2\n");
  EXPECT_THAT(edit({"--from", donor, "--tensor", "ffn_up_exps"}).out,
              testing::Not(HasSubstr("quantization_version")));
  EXPECT_EQ(edit({"--from", donor}).exit_code, 2);
  EXPECT_EQ(edit({"--tensor", "x"}).exit_code, 2);
}

TEST_F(EditCommand, TheDonorIsNotReplaced) {
  const std::string donor = (dir_ / "d.gguf").string();
  fs::copy_file(kModel, donor);
  const test::RunResult r = edit({"--from", donor, "--tensor", "^output", "-o", donor});
  EXPECT_NE(r.exit_code, 0);
  EXPECT_THAT(r.err, HasSubstr("the output would replace the donor"));
  EXPECT_EQ(test::read_bytes(donor), test::read_bytes(kModel));
  const std::string text = "a name";
  const fs::path file = dir_ / "text";
  test::write_bytes(file, std::as_bytes(std::span(text)));
  EXPECT_EQ(edit({"--set-file", "general.name=" + file.string(), "-o", file.string()}).exit_code,
            2);
  EXPECT_EQ(test::read_bytes(file).size(), text.size());
}

TEST_F(EditCommand, UndoAndShowStandAlone) {
  ASSERT_EQ(edit({"--set", "general.name=Other"}).exit_code, 0);
  const auto edited = test::read_bytes(path_);
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--undo", "--set", "general.name=x"},
        {"--undo", "--show", "general.name"},
        {"--undo", "-o", "x.gguf"},
        {"--show", "general.name", "--set-str", "general.name=x"},
        {"--show", "general.name", "--dry-run"},
        {"--set", "general.name=x", "-o", (dir_ / "x.gguf").string(), "--grow"},
        {"--set", "general.name=x", "--rewrite", "--grow"}}) {
    const test::RunResult r = edit(options);
    EXPECT_EQ(r.exit_code, 2) << options[2];
    EXPECT_THAT(r.err, HasSubstr("exclude each other"));
  }
  const test::RunResult dry = edit({"--undo", "--dry-run"});
  EXPECT_EQ(dry.exit_code, 0) << dry.err;
  EXPECT_EQ(dry.out, path_ + ": the old header would be put back\n");
  EXPECT_EQ(test::read_bytes(path_), edited);
  EXPECT_EQ(edit({"--undo"}).exit_code, 0);
  EXPECT_EQ(test::read_bytes(path_), test::read_bytes(kModel));
  EXPECT_EQ(edit({"--undo", "--dry-run"}).exit_code, 1);
}

TEST_F(EditCommand, SharedBlocksBeginAlike) {
  const std::string output = (dir_ / "o.gguf").string();
  ASSERT_EQ(
      edit({"--set-str", "general.name=" + std::string(3000, 'x'), "--share-blocks", "-o", output})
          .exit_code,
      0);
  const gguf::FileSet before = gguf::FileSet::open(path_);
  const gguf::FileSet after = gguf::FileSet::open(output);
  EXPECT_EQ(after.tensors()[0].offset % 4096, before.tensors()[0].offset % 4096);
  EXPECT_NE(after.tensors()[0].offset, before.tensors()[0].offset);
}

TEST_F(EditCommand, OneChangeAtATime) {
  {
    const base::FileLock other = base::FileLock::beside(path_);
    for (const char* option : {"--undo", "--rewrite"}) {
      const test::RunResult r = edit({option});
      EXPECT_EQ(r.exit_code, 1);
      EXPECT_THAT(r.err, HasSubstr("another run writes here"));
    }
  }
  expect_untouched();
}

TEST_F(EditCommand, WhatFillsTheHeaderUpIsNotForEditing) {
  const test::RunResult r = edit({"--set-str", "quern.room=x"});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_THAT(r.err, HasSubstr("this key is not for editing"));
}

TEST_F(EditCommand, ATypeForNothingIsTold) {
  const std::string c = (dir_ / "c.gguf").string();
  EXPECT_THAT(edit({"--mla", "kv_b", "--type", "q8_0", "-o", c}).err,
              HasSubstr("--type has no effect"));
}

TEST_F(EditCommand, NothingToChange) {
  EXPECT_THAT(edit({}).out, HasSubstr("nothing to change"));
  EXPECT_THAT(edit({"--set", "deepseek2.block_count=6"}).out, HasSubstr("nothing to change"));
  EXPECT_EQ(edit({"--show", "general.nmae"}).exit_code, 2);
  EXPECT_EQ(edit({"--delete", "none"}).exit_code, 2);
  expect_untouched();
}

}  // namespace
