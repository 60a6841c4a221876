// What quantize tells of slips: words, rules, files that stay, importance of nothing.
#include <gmock/gmock.h>

#include <cstring>
#include <limits>
#include <sstream>

#include "base/file_lock.h"
#include "cook/small_model.h"
#include "support/bytes_builder.h"
#include "support/spoiled_model.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string model() { return test::source_path("data/tiny-mla-bf16.gguf").string(); }
std::string importance() {
  return test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf").string();
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  test::write_bytes(path, std::as_bytes(std::span(text)));
}

TEST(QuantizeTold, ABadRuleOfAFileNamesItsLine) {
  const test::TempDir dir;
  write_text(dir / "rules", "# comment\nffn_up=q6_K\nfoo\n");
  for (const char* option : {"--custom-q-file", "--tensor-type-file"}) {
    if (option[2] == 't') write_text(dir / "rules", "a=q6_K b=q6_K\n\nfoo\n");
    const auto r =
        test::run_quern({"quantize", option, (dir / "rules").string(), model(), "o", "q4_K"});
    EXPECT_EQ(r.exit_code, 2);
    EXPECT_THAT(r.err, AllOf(HasSubstr("'foo'"), HasSubstr("file: " + (dir / "rules").string()),
                             HasSubstr("line: 3")));
  }
  const auto r = test::run_quern({"quantize", "--custom-q-file", model(), model(), "o", "q4_K"});
  EXPECT_THAT(r.err, HasSubstr("in place of rules"));
}

TEST(QuantizeTold, ThreadsAreANumberAboveZero) {
  for (const char* threads : {"0", "-3", "4097", "2x"}) {
    const auto r = test::run_quern({"quantize", model(), "o.gguf", "q4_K", threads});
    EXPECT_EQ(r.exit_code, 2) << threads;
    EXPECT_THAT(r.err, HasSubstr("not a number of threads")) << threads;
  }
  EXPECT_EQ(test::run_quern({"quantize", "-t", "0", model(), "o.gguf", "q4_K"}).exit_code, 2);
}

TEST(QuantizeTold, RecipesOfTheOtherPolicy) {
  EXPECT_THAT(test::run_quern({"quantize", model(), "o.gguf", "tq1_0"}).err,
              HasSubstr("TQ1_0 is a recipe of --policy llama.cpp"));
  EXPECT_THAT(
      test::run_quern({"quantize", "--policy", "llama.cpp", model(), "o.gguf", "IQ4_KS"}).err,
      HasSubstr("IQ4_KS is a recipe of --policy ik"));
}

// That the one tensor to encode has no data does not make it the data of another model.
TEST(QuantizeTold, ImportanceOfTensorsThatAreNotEncoded) {
  const auto r = test::run_quern({"quantize", "--dry-run", "--imatrix", importance(),
                                  "--output-tensor-type", "q8_0", model(), "o.gguf", "BF16"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("importance: data for 0 of 1 tensors to encode"));
}

// Sizes are wanted before the data are collected.
TEST(QuantizeTold, ADryRunThatLacksImportanceTellsAndGoesOn) {
  const test::TempDir dir;
  const std::string out = (dir / "o.gguf").string();
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{model(), out, "IQ2_XXS"},
       "the recipe IQ2_XXS needs importance data: a real run would stop"},
      {{"--policy", "llama.cpp", model(), out, "IQ2_XXS"},
       "iq2_xxs needs importance data for this tensor (51 tensors lack it): a real run would stop "
       "here without --imatrix"},
      {{"--custom-q", "blk.3.ffn_up_exps=iq2_xxs", model(), out, "Q4_K_S"},
       "blk.3.ffn_up_exps.weight: iq2_xxs needs importance data for this tensor: a real run would "
       "stop here without --imatrix"}};
  for (const auto& [options, text] : cases) {
    std::vector<std::string> words = options;
    words.insert(words.begin(), "quantize");
    const auto real = test::run_quern(words);
    EXPECT_EQ(real.exit_code, 1);
    words.insert(words.begin() + 1, "--dry-run");
    const auto dry = test::run_quern(words);
    EXPECT_EQ(dry.exit_code, 0) << dry.err;
    EXPECT_THAT(dry.err, HasSubstr(text));
    EXPECT_THAT(dry.out, HasSubstr(out + ": "));
    EXPECT_FALSE(std::filesystem::exists(out));
  }
}

TEST(QuantizeTold, WhatPureSwitchesOff) {
  const auto r = test::run_quern({"quantize", "--dry-run", "--pure", "--attn-output-type", "q8_0",
                                  "--output-tensor-type", "q6_K", model(), "o.gguf", "Q4_0"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("warning: --attn-output-type: has no effect with --pure"));
  EXPECT_THAT(r.err, Not(HasSubstr("warning: --output-tensor-type")));
}

TEST(QuantizeTold, OptionsThatChangeNothing) {
  const auto told = [](std::vector<std::string> options, const char* type) {
    options.insert(options.begin(), {"quantize", "--dry-run"});
    options.insert(options.end(), {model(), "o.gguf", type});
    const auto r = test::run_quern(options);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    return r.err;
  };
  EXPECT_THAT(told({"--attn-v-type", "q8_0"}, "Q4_K_M"),  // MLA: no attn_v
              HasSubstr("warning: --attn-v-type: decided the type of no tensor"));
  EXPECT_THAT(told({"--symmetric-q40"}, "Q4_K_M"), HasSubstr("--symmetric-q40 has no effect"));
  EXPECT_THAT(told({"--symmetric-q40"}, "Q4_0"), Not(HasSubstr("no effect")));
  EXPECT_THAT(told({"--hide-imatrix", "--include-weights", "ffn"}, "Q4_0"),
              AllOf(HasSubstr("--hide-imatrix has no effect without --imatrix"),
                    HasSubstr("--include-weights has no effect without --imatrix")));
  EXPECT_THAT(told({"--hide-imatrix", "--imatrix", importance()}, "Q4_0"),
              Not(HasSubstr("no effect")));
  EXPECT_THAT(told({"--repack", "--custom-q", "ffn=q8_0", "--attn-q-type", "q8_0"}, "Q4_0"),
              AllOf(HasSubstr("warning: ffn: this rule has no effect with --repack"),
                    HasSubstr("warning: --attn-q-type: has no effect with --repack")));
}

TEST(QuantizeTold, HolesOfZerosInTheSource) {
  const test::TempDir dir;
  test::Spoiled m;
  const auto clear = [&](std::string_view name, std::size_t at, std::size_t n) {
    std::fill_n(m.bytes(name).begin() + static_cast<std::ptrdiff_t>(at), n, std::byte{0});
  };
  clear("blk.3.attn_output.weight", 10'000, 65'536);                     // encoded
  clear("blk.4.ffn_up_exps.weight", 262'144 - 20'000, 65'536);           // in two units of work
  clear("token_embd.weight", 100 * 512, 20 * 512);                       // tokens that never occur
  clear("output_norm.weight", 0, m.bytes("output_norm.weight").size());  // copied
  clear("blk.4.attn_kv_a_mqa.weight", 0, m.bytes("blk.4.attn_kv_a_mqa.weight").size());
  const std::string path = m.write(dir / "m.gguf"), out = (dir / "o.gguf").string();
  const std::string cache = (dir / "cache").string();
  for (const char* type : {"q8_0", "COPY", "cache"}) {
    const bool cached = type == std::string("cache");
    std::string told;
    for (const char* threads : {"1", "3"}) {
      const auto r =
          cached ? test::run_quern({"quantize", "--cache", cache, path, out, "q8_0", threads})
                 : test::run_quern({"quantize", path, out, type, threads});
      EXPECT_EQ(r.exit_code, 0) << r.err;
      EXPECT_THAT(r.err, HasSubstr("hint: `quern check " + path + "` tells more"));
      if (cached && threads[0] == '3') {
        EXPECT_THAT(r.err, Not(HasSubstr("\n0 of"))) << "nothing came from the cache";
      }
      std::string warnings;
      std::istringstream lines(r.err);
      for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("warning: ")) warnings += line + "\n";
      }
      if (threads[0] == '3') {
        EXPECT_EQ(warnings, told) << "threads";
      }
      told = warnings;
    }
    EXPECT_THAT(told,
                AllOf(HasSubstr("warning: blk.3.attn_output.weight: the source has 65"),
                      HasSubstr("warning: blk.4.ffn_up_exps.weight: the source has 65"),
                      HasSubstr("a hole of a broken download"), Not(HasSubstr("such stretches")),
                      HasSubstr("blk.4.attn_kv_a_mqa.weight: all weights of the source are")));
    EXPECT_THAT(told, AllOf(Not(HasSubstr("token_embd")), Not(HasSubstr("output_norm"))));
  }
  EXPECT_THAT(test::run_quern({"quantize", model(), out, "COPY"}).err, Not(HasSubstr("zeros")));
}

TEST(QuantizeTold, AnotherArchitectureIsBlamedForItsOwnErrorsOnly) {
  struct Case {
    const char *architecture, *key, *error;
    bool blamed;
  };
  for (const Case& c :
       {Case{"llama", "general.name=str:x", "llama.", true},
        Case{"deepseek2", "deepseek2.block_count=int:7", "blk.6.", false},  // as the file says
        Case{"llama", "deepseek2.block_count=int:7", "llama.", false}}) {   // wrong both ways
    const auto r = test::run_quern({"quantize", "--dry-run", "--override-kv",
                                    std::string("general.architecture=str:") + c.architecture,
                                    "--override-kv", c.key, model(), "o.gguf", "q4_K"});
    EXPECT_EQ(r.exit_code, 1) << c.key;
    EXPECT_THAT(r.err, AllOf(HasSubstr(c.error), HasSubstr("hint: "))) << c.key;
    EXPECT_EQ(r.err.find("leave that out") != std::string::npos, c.blamed) << r.err;
  }
}

TEST(QuantizeTold, AnImportanceMatrixInPlaceOfTheModel) {
  EXPECT_THAT(test::run_quern({"quantize", importance(), "o.gguf", "q4_K"}).err,
              HasSubstr("give it with --imatrix"));
}

TEST(QuantizeTold, FilesThatPartialRequantLeaves) {
  const test::TempDir dir;
  const std::string out = (dir / "o.gguf").string();
  ASSERT_EQ(test::run_quern({"quantize", "--pure", model(), out, "q8_0"}).exit_code, 0);
  const std::vector<std::byte> before = test::read_bytes(out);
  const auto same =
      test::run_quern({"quantize", "--partial-requant", "--pure", model(), out, "q8_0"});
  EXPECT_THAT(same.err, AllOf(HasSubstr("left as it is: " + out), Not(HasSubstr("warning"))));
  const auto other =
      test::run_quern({"quantize", "--partial-requant", "--pure", model(), out, "q4_0"});
  EXPECT_EQ(other.exit_code, 0);
  EXPECT_THAT(other.err, HasSubstr("tensors are not as asked for now"));
  EXPECT_TRUE(test::read_bytes(out) == before);
}

TEST(QuantizeTold, EntriesOfNoTensor) {
  const test::TempDir dir;
  std::vector<std::byte> bytes = test::read_bytes(importance());
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const char* end : {".in_sum2", ".counts"}) {
    const std::size_t at = all.find("blk.0.attn_output.weight" + std::string(end));
    ASSERT_NE(at, std::string::npos);
    bytes[at + 8] = std::byte{'#'};  // "blk.0.at#n_output"
  }
  test::write_bytes(dir / "i.gguf", bytes);
  const auto r = test::run_quern(
      {"quantize", "--dry-run", "--imatrix", (dir / "i.gguf").string(), model(), "o.gguf", "q4_K"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("1 entry of the importance file belongs to no tensor: blk.0.at#n"));
  for (const char* end : {".in_sum2", ".counts"}) {  // a layer that is not there
    const std::size_t at = all.find("blk.1.attn_output.weight" + std::string(end));
    ASSERT_NE(at, std::string::npos);
    bytes[at + 4] = std::byte{'9'};
  }
  test::write_bytes(dir / "i.gguf", bytes);
  EXPECT_THAT(test::run_quern({"quantize", "--dry-run", "--imatrix", (dir / "i.gguf").string(),
                               model(), "o.gguf", "q4_K"})
                  .err,
              HasSubstr("2 entries of the importance file belong to no tensor"));
  const auto whole = test::run_quern(
      {"quantize", "--dry-run", "--imatrix", importance(), model(), "o.gguf", "q4_K"});
  EXPECT_THAT(whole.err, Not(HasSubstr("no tensor")));
}

TEST(QuantizeTold, RulesThatDecideNothingOnce) {
  const auto r = test::run_quern({"quantize", "--dry-run", "--custom-q", "zzz=q4_K,ffn_up=q4_K",
                                  "--custom-q", "blk.1.ffn_up=q5_K", model(), "o.gguf", "q4_K"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, AllOf(HasSubstr("zzz: this rule fits the name of no tensor"),
                           HasSubstr("ffn_up: this rule decided the type of no tensor"),
                           Not(HasSubstr("custom rule zzz fits"))));
}

TEST(QuantizeTold, AnotherRunThatWritesTheSameOutput) {
  const test::TempDir dir;
  const auto out = dir / "o.gguf";
  const std::vector<std::string> quantize = {"quantize", "--resume", "--pure",
                                             model(),    out,        "q8_0"};
  const std::vector<std::string> imatrix = {
      "imatrix",  "-m", model(), "-f", test::source_path("data/calibration.txt"), "-o", out,
      "--chunks", "1",  "-c",    "64"};
  for (const auto& words : {quantize, imatrix}) {
    {
      const base::FileLock other = base::FileLock::beside(out);
      const auto r = test::run_quern(words);
      EXPECT_EQ(r.exit_code, 1) << words[0];
      EXPECT_THAT(r.err, HasSubstr("another run writes here")) << words[0];
      EXPECT_FALSE(std::filesystem::exists(out));
      EXPECT_FALSE(std::filesystem::exists(out.string() + ".resume"));
    }
    EXPECT_EQ(test::run_quern(words).exit_code, 0);
    EXPECT_FALSE(std::filesystem::exists(out.string() + ".lock"));
    std::filesystem::remove(out);
  }
}

TEST(QuantizeTold, ARefusedResumeLeavesNoEmptyFolder) {
  const test::TempDir dir;
  test::SmallModel m;
  m.add("blk.0.attn_q.weight", {256, 8});
  const float bad = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(m.data.back().data(), &bad, sizeof bad);
  const auto input = m.write(dir / "in.gguf");
  const std::string out = (dir / "o.gguf").string();
  const auto r = test::run_quern(
      {"quantize", "--resume", "--allow-broken", "--pure", input.string(), out, "q8_0"});
  EXPECT_NE(r.exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(out + ".resume"));
}

}  // namespace
