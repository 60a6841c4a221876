// The command as users and scripts call it.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gguf/file.h"
#include "support/support.h"

namespace {

using testing::HasSubstr;

const char* const kModel = "data/tiny-mla-bf16.gguf";

std::string model() { return test::source_path(kModel).string(); }

TEST(QuantizeCommand, WritesAFileOfTheRecipe) {
  const test::TempDir dir;
  const auto r = test::run_quern({"quantize", model(), (dir / "o.gguf").string(), "q4_k_s", "2"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("[   1/ 100]"));
  EXPECT_THAT(r.err, testing::ContainsRegex("quant size  += +11.96 MB"));
  const auto out = gguf::FileSet::open(dir / "o.gguf");
  EXPECT_EQ(out.metadata().integer("general.file_type"), 14);
  EXPECT_EQ(out.find("blk.2.ffn_up_exps.weight")->codec->name, "q4_K");
  EXPECT_EQ(out.find("blk.2.attn_kv_b.weight")->codec->name, "q8_0");
}

TEST(QuantizeCommand, DryRunTellsTheExactSizeAndWritesNothing) {
  const test::TempDir dir;
  const std::string out = (dir / "o.gguf").string();
  const auto dry = test::run_quern({"quantize", "--dry-run", model(), out, "q4_K_M"});
  ASSERT_EQ(dry.exit_code, 0) << dry.err;
  EXPECT_FALSE(std::filesystem::exists(out));
  ASSERT_EQ(test::run_quern({"quantize", model(), out, "q4_K_M"}).exit_code, 0);
  EXPECT_THAT(dry.out,
              HasSubstr(out + ": " + std::to_string(std::filesystem::file_size(out)) + " bytes"));
  EXPECT_THAT(dry.out, testing::ContainsRegex("ffn_down_exps +5 +2621440"));
}

TEST(QuantizeCommand, DryRunForecastsDiskMemoryAndTime) {
  const auto r = test::run_quern({"quantize", "--dry-run", "-t", "3", model(), "o.gguf", "q4_K_M"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, testing::ContainsRegex("disk: [0-9.]+ MB needed, .* free in "));
  EXPECT_THAT(r.out, testing::ContainsRegex("memory: about [0-9.]+ MB"));
  EXPECT_THAT(r.out,
              testing::ContainsRegex(
                  "time: (about [0-9.]+ (s|min|h)|less than a second) of encoding on 3 threads"));
}

TEST(QuantizeCommand, MemoryBoundsTheThreadsOrIsRefused) {
  const test::TempDir dir;
  const std::string out = (dir / "o.gguf").string();
  const auto few = test::run_quern({"quantize", "--memory", "1M", model(), out, "q4_K_S"});
  EXPECT_EQ(few.exit_code, 1);
  EXPECT_THAT(few.err, HasSubstr("the job does not fit the memory it was given"));
  EXPECT_THAT(few.err, HasSubstr("found: 1000000 bytes"));
  EXPECT_FALSE(std::filesystem::exists(out));
  const std::size_t needed = few.err.find("expected: ");
  ASSERT_NE(needed, std::string::npos) << few.err;
  const std::size_t bound = std::stoull(few.err.substr(needed + 10)) + 10'000'000;
  const auto r = test::run_quern(
      {"quantize", "-t", "500", "--memory", std::to_string(bound), model(), out, "q4_K_S"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, testing::ContainsRegex("memory: .* allow [1-9] of 500 threads"));
#ifndef __SANITIZE_ADDRESS__  // which keeps freed memory for a while
  const std::size_t at = r.err.find("peak memory ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LE(std::stod(r.err.substr(at + 12)), static_cast<double>(bound) / 1e6) << r.err.substr(at);
#endif
}

TEST(QuantizeCommand, SplitsOnTheWayOutAndPrunes) {
  const test::TempDir dir;
  const std::string out = (dir / "o.gguf").string();
  const auto r = test::run_quern(
      {"quantize", "--split-max-size", "5M", "--prune-layers", "2,4", model(), out, "q8_0"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto set = gguf::FileSet::open(dir / "o-00001-of-00003.gguf");
  EXPECT_EQ(set.metadata().integer("deepseek2.block_count"), 4);
  EXPECT_NE(set.find("blk.3.attn_q_a.weight"), nullptr);
  EXPECT_EQ(set.find("blk.4.attn_q_a.weight"), nullptr);
  const auto info = test::run_quern({"info", (dir / "o-00001-of-00003.gguf").string()});
  EXPECT_EQ(info.exit_code, 0) << info.out;
}

TEST(QuantizeCommand, WhatHasNoPlainPartnerStaysAndIsTold) {
  const test::TempDir dir;
  const std::string woven = (dir / "w").string(), out = (dir / "o").string();
  ASSERT_EQ(test::run_quern({"quantize", "--custom-q", "blk.1.ffn_up_exps=q8_k_r8,.*=q8_0", model(),
                             woven, "Q8_0"})
                .exit_code,
            0);
  const auto r = test::run_quern({"quantize", "--unpack", woven, out, "Q8_0"});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.err, HasSubstr("nothing to unpack: no tensor would change"));
  EXPECT_THAT(r.err, HasSubstr("note: q8_k_r8: 1 tensor stays: there is no plain type with the "
                               "same values"));
  EXPECT_FALSE(std::filesystem::exists(out));
  const auto dry = test::run_quern({"quantize", "--dry-run", "--unpack", woven, out, "Q8_0"});
  EXPECT_EQ(dry.exit_code, 0);
  EXPECT_THAT(dry.err, HasSubstr("nothing is written; a real run would stop here"));
}

TEST(QuantizeCommand, Bf16IsRepackedWhenTypeAsksForIt) {
  const test::TempDir dir;
  const std::string woven = (dir / "woven").string(), plain = (dir / "plain").string();
  const std::string again = (dir / "again").string();
  ASSERT_EQ(test::run_quern({"quantize", model(), woven, "BF16_R16"}).exit_code, 0);
  ASSERT_EQ(test::run_quern({"quantize", "--unpack", woven, plain, "BF16"}).exit_code, 0);
  const auto r = test::run_quern({"quantize", "--repack", plain, again, "BF16"});
  EXPECT_EQ(r.exit_code, 1) << "the next step of a script finds no file";
  EXPECT_THAT(r.err, HasSubstr("nothing to repack"));
  EXPECT_THAT(r.err, HasSubstr("note: bf16: 64 tensors stay: only BF16_R16 as TYPE weaves them"));
  EXPECT_THAT(r.err, HasSubstr("hint: COPY as TYPE"));
  ASSERT_EQ(test::run_quern({"quantize", "--repack", plain, again, "BF16_R16"}).exit_code, 0);
  EXPECT_EQ(test::read_bytes(again), test::read_bytes(woven));
}

TEST(QuantizeCommand, OutputNameIsMadeFromTheType) {
  const test::TempDir dir;
  std::filesystem::copy_file(model(), dir / "m.gguf");
  const auto r = test::run_quern({"quantize", (dir / "m.gguf").string(), "7"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_TRUE(std::filesystem::exists(dir / "ggml-model-Q8_0.gguf"));
}

TEST(QuantizeCommand, WrongWordsAreUsageErrors) {
  const std::vector<std::vector<std::string>> cases = {
      {"quantize", "m.gguf"},
      {"quantize", "m.gguf", "o.gguf", "Q9_X"},
      {"quantize", "m.gguf", "o.gguf", "15abc"},
      {"quantize", "m.gguf", "o.gguf", "q4_K", "two"},
      {"quantize", "--policy", "x", "m.gguf", "o.gguf", "q4_K"},
      {"quantize", "--effort", "x", "m.gguf", "o.gguf", "q4_K"},
      {"quantize", "--attn-q-type", "q9", "m.gguf", "o.gguf", "q4_K"},
      {"quantize", "--custom-q", "a", "m.gguf", "o.gguf", "q4_K"},
      {"quantize", "--extra-output-tensor", "q8_0", "m.gguf", "o.gguf", "q4_K"},
      {"quantize", "--include-weights", "a", "--exclude-weights", "b", "m.gguf", "o.gguf", "q4_K"},
      {"quantize", "--policy", "llama.cpp", "m.gguf", "o.gguf", "iq4_ks"},
      {"quantize", "-t", "2", "m.gguf", "o.gguf", "q4_K", "2"},
      {"quantize", "-t", "two", "m.gguf", "o.gguf", "q4_K"},
      {"quantize", "--memory", "much", "m.gguf", "o.gguf", "q4_K"},
      {"quantize", "--split-max-size", "40", "m.gguf", "o.gguf", "q4_K"},
      {"quantize", "--split-max-size", "0M", "m.gguf", "o.gguf", "q4_K"},
      {"quantize", "--split-max-size", "1G", "--split-max-tensors", "3", "m.gguf", "o.gguf",
       "q4_K"},
      {"quantize", "--split-max-size", "1G", "--keep-split", "m.gguf", "o.gguf", "q4_K"},
      {"quantize", "--prune-layers", "1-2", "m.gguf", "o.gguf", "q4_K"},
      {"quantize", "--repack-pattern", "ffn", "m.gguf", "o.gguf", "q4_K"},
  };
  for (const auto& words : cases) {
    const auto r = test::run_quern(words);
    EXPECT_EQ(r.exit_code, 2) << words.back() << ": " << r.err;
    EXPECT_THAT(r.err, HasSubstr("error: ")) << words.back();
  }
}

TEST(QuantizeCommand, ImportanceIsNamedInTheFile) {
  const test::TempDir dir;
  const std::string file = test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf").string();
  const auto r = test::run_quern(
      {"quantize", "--imatrix", file, model(), (dir / "o.gguf").string(), "q4_K_S"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("did not find weights for token_embd.weight"));
  EXPECT_THAT(r.err, testing::Not(HasSubstr("did not find weights for blk.")));
  const auto out = gguf::FileSet::open(dir / "o.gguf");
  EXPECT_EQ(out.metadata().string("quantize.imatrix.file"), file.substr(0, 127));
  EXPECT_EQ(out.metadata().integer("quantize.imatrix.entries_count"), 80);
  EXPECT_EQ(out.metadata().integer("quantize.imatrix.chunks_count"), 32);
}

TEST(QuantizeCommand, RulesComeFromFilesToo) {
  const test::TempDir dir;
  const std::string rules = "# rules\n  \\.attn_q_a=q8_0\n\nffn_up=q6_K\r\n";
  test::write_bytes(dir / "rules", std::as_bytes(std::span(rules)));
  const auto r =
      test::run_quern({"quantize", "--dry-run", "--custom-q", "blk\\.0\\.attn_q_a=f16",
                       "--custom-q-file", (dir / "rules").string(), model(), "o.gguf", "q4_K_S"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("Adding custom rule \\.attn_q_a -> q8_0"));
  EXPECT_THAT(r.err, HasSubstr("Using custom type f16 for tensor blk.0.attn_q_a.weight"));
  EXPECT_THAT(r.err, HasSubstr("Using custom type q8_0 for tensor blk.1.attn_q_a.weight"));
  EXPECT_THAT(r.err, HasSubstr("Using custom type q6_K for tensor blk.1.ffn_up_exps.weight"));
}

TEST(QuantizeCommand, RunsUnderTheNameOfThePublicProgram) {
  const test::TempDir dir;
  std::filesystem::create_symlink(test::program_path(), dir / "llama-quantize");
  const std::string command = (dir / "llama-quantize").string() + " --pure " + model() + " " +
                              (dir / "o.gguf").string() + " q8_0 1 2>/dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_TRUE(std::filesystem::exists(dir / "o.gguf"));
}

TEST(QuantizeCommand, KilledRunsGoOnWithResume) {
  const test::TempDir dir;
  const std::string whole = (dir / "whole.gguf").string();
  ASSERT_EQ(test::run_quern({"quantize", model(), whole, "q4_K_S"}).exit_code, 0);
  const std::string out = (dir / "out.gguf").string();
  const std::vector<std::string> words = {"quantize", "--resume", model(), out, "q4_K_S"};
  for (useconds_t i = 1; i <= 5; ++i) test::signal_quern(words, SIGKILL, 20000 * i);
  const auto r = test::run_quern(words);
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(test::read_bytes(out), test::read_bytes(whole));
  EXPECT_FALSE(std::filesystem::exists(out + ".resume"));
}

TEST(QuantizeCommand, CacheIsFilledListedAndPruned) {
  const test::TempDir dir;
  const std::string cache = (dir / "cache").string();
  const std::vector<std::string> words = {
      "quantize", "--cache", cache, model(), (dir / "o.gguf").string(), "q4_K_S"};
  ASSERT_EQ(test::run_quern(words).exit_code, 0);
  EXPECT_THAT(test::run_quern(words).err,
              HasSubstr("65 of 65 encoded tensors came from the cache"));
  EXPECT_THAT(test::run_quern({"cache", "list", cache}).out, HasSubstr("65 tensors"));
  // Entries that became shorter, or whose header or data was overwritten, are told and made anew.
  std::size_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator(cache)) {
    if (++n > 3) break;
    std::vector<std::byte> bytes = test::read_bytes(entry.path());
    if (n == 1) bytes.pop_back();
    if (n > 1) bytes[n == 2 ? 3 : bytes.size() - 1] ^= std::byte{1};
    test::write_bytes(entry.path(), bytes);
  }
  const auto damaged = test::run_quern(words);
  EXPECT_THAT(damaged.err, HasSubstr("62 of 65 encoded tensors came from the cache"));
  EXPECT_THAT(damaged.err, HasSubstr("warning: 3 kept tensors were damaged and made anew"));
  EXPECT_EQ(test::run_quern({"cache", "prune", cache}).exit_code, 2) << "--max must be said";
  const auto pruned = test::run_quern({"cache", "prune", "--max", "1M", cache});
  EXPECT_EQ(pruned.exit_code, 0);
  EXPECT_THAT(pruned.out, testing::Not(HasSubstr(": 65 tensors")));
  EXPECT_EQ(test::run_quern({"cache", "shrink", cache}).exit_code, 2);
}

TEST(QuantizeCommand, KilledAtAnyMomentTheCacheStaysWhole) {
  const test::TempDir dir;
  const std::string whole = (dir / "whole.gguf").string();
  ASSERT_EQ(test::run_quern({"quantize", model(), whole, "q4_K_S"}).exit_code, 0);
  const auto expected = test::read_bytes(whole);
  const std::string out = (dir / "out.gguf").string();
  const std::vector<std::string> words = {"quantize", "--cache", (dir / "cache").string(),
                                          model(),    out,       "q4_K_S"};
  for (useconds_t i = 0; i < 20; ++i) {
    test::signal_quern(words, i % 2 == 0 ? SIGKILL : SIGINT, 4000 + 9000 * i);
    if (!std::filesystem::exists(out)) continue;
    EXPECT_EQ(test::read_bytes(out), expected);
    std::filesystem::remove(out);
  }
  const auto r = test::run_quern(words);
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(test::read_bytes(out), expected);
  std::filesystem::remove(out);
  const auto again = test::run_quern(words);
  EXPECT_THAT(again.err, HasSubstr("65 of 65 encoded tensors came from the cache"));
  EXPECT_EQ(test::read_bytes(out), expected);
}

TEST(QuantizeCommand, KilledAtAnyMomentItLeavesNoFileUnderTheFinalName) {
  const test::TempDir dir;
  const std::string whole = (dir / "whole.gguf").string();
  ASSERT_EQ(test::run_quern({"quantize", model(), whole, "q4_K_S"}).exit_code, 0);
  const auto expected = test::read_bytes(whole);
  const std::string out = (dir / "out.gguf").string();
  for (useconds_t i = 0; i < 20; ++i) {
    const int signal = i % 2 == 0 ? SIGKILL : SIGINT;
    const int status =
        test::signal_quern({"quantize", model(), out, "q4_K_S"}, signal, 4000 + 12000 * i);
    if (std::filesystem::exists(out)) {
      // It was faster than the signal.
      EXPECT_EQ(test::read_bytes(out), expected);
      std::filesystem::remove(out);
    } else if (signal == SIGINT && WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 130);
    }
  }
  ASSERT_EQ(test::run_quern({"quantize", model(), out, "q4_K_S"}).exit_code, 0);
  EXPECT_EQ(test::read_bytes(out), expected);
}

}  // namespace
