// Files of the wrong kind, missing folders and mixed up words are told before any work.
#include "cli/files.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calibrate/importance.h"
#include "support/support.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();
const std::string kText = test::source_path("data/evaluation.txt").string();

class Files : public testing::Test {
 protected:
  void SetUp() override {
    calibrate::Importance m;
    m.entries["blk.0.ffn_up.weight"] = {
        .n_cols = 256, .n_vectors = 1, .sums = std::vector<double>(256, 1.0), .counts = {1}};
    m.chunk_count = 1;
    calibrate::save_importance(m, dir_ / "m.imatrix.gguf", calibrate::Dialect::gguf);
    calibrate::save_importance(m, dir_ / "m.dat", calibrate::Dialect::dat);
    put("empty", "");
    put("noise", std::string("\x01\x02\x03\x00\x7fQQ", 7));
  }
  void put(const std::string& name, const std::string& content) const {
    test::write_bytes(dir_ / name, std::as_bytes(std::span(content)));
  }
  std::string at(const std::string& name) const { return (dir_ / name).string(); }

  const test::TempDir dir_;
};

TEST_F(Files, KindsAreToldByContent) {
  EXPECT_EQ(cli::kind_of_file(kModel), cli::FileKind::gguf);
  EXPECT_EQ(cli::kind_of_file(kText), cli::FileKind::text);
  EXPECT_EQ(cli::kind_of_file(at("m.imatrix.gguf")), cli::FileKind::importance_gguf);
  EXPECT_EQ(cli::kind_of_file(at("m.dat")), cli::FileKind::importance_dat);
  EXPECT_EQ(cli::kind_of_file(at("empty")), cli::FileKind::empty);
  EXPECT_EQ(cli::kind_of_file(at("noise")), cli::FileKind::other);
  EXPECT_EQ(cli::kind_of_file(at("")), cli::FileKind::folder);
  EXPECT_EQ(cli::kind_of_file("/dev/null"), cli::FileKind::special);
  EXPECT_EQ(cli::kind_of_file(at("none")), cli::FileKind::missing);
  EXPECT_EQ(cli::kind_of_file(test::source_path("tests/golden/models/llama/model.safetensors")),
            cli::FileKind::safetensors);
}

TEST_F(Files, WhatIsNoModelIsNamed) {
  struct Case {
    std::string file;
    int exit_code;
    std::string text;
  };
  const Case cases[] = {{"", 2, "has an empty name"},
                        {at("none"), 1, "no such file"},
                        {at(""), 1, "is a folder"},
                        {at("empty"), 1, "is empty"},
                        {at("noise"), 1, "is not a model"},
                        {kText, 1, "is a text file, not a model"},
                        {at("m.dat"), 1, "is an importance matrix, not a model"},
                        {at("m.imatrix.gguf"), 1, "is an importance matrix, not a model"},
                        {"/dev/null", 1, "is a device"}};
  for (const Case& c : cases) {
    const std::string out = at("out.gguf");
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"quantize", c.file, out, "q8_0"},
          {"perplexity", "-m", c.file, "-f", kText},
          {"imatrix", "-m", c.file, "-f", kText, "-o", out},
          {"run", "-m", c.file, "-p", "x"},
          {"logits", "-m", c.file, "-p", "x", "-o", out},
          {"tokenize", "-m", c.file, "-p", "x"},
          {"survey", "-m", c.file, "-f", kText, "--calibration", kText, "-o", at("s")},
          {"split", c.file, at("p")},
          {"merge", c.file, out},
          {"hash", c.file}}) {
      const auto r = test::run_quern(words);
      // An option that is empty is found by the table, which words it its own way.
      const bool table = c.file.empty() && words[1] == "-m";
      EXPECT_EQ(r.exit_code, c.exit_code) << words[0] << " '" << c.file << "': " << r.err;
      EXPECT_THAT(r.err, HasSubstr(table ? "found: nothing" : c.text)) << words[0];
      EXPECT_FALSE(std::filesystem::exists(out)) << words[0];
      EXPECT_FALSE(std::filesystem::exists(at("s"))) << words[0];
    }
  }
}

TEST_F(Files, WhatIsNoImportanceMatrixIsNamed) {
  for (const auto& [file, text] :
       {std::pair{kModel, "is a model in GGUF, not an importance matrix"},
        {kText, "is a text file, not an importance matrix"},
        {at("none"), "for: --imatrix"},
        {at("empty"), "--imatrix is empty"}}) {
    const auto r = test::run_quern({"quantize", "--imatrix", file, kModel, at("out.gguf"), "q8_0"});
    EXPECT_EQ(r.exit_code, 1) << file;
    EXPECT_THAT(r.err, HasSubstr(text));
  }
}

TEST_F(Files, TextsMustBeFiles) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"tokenize", "-m", kModel, at("")},
        {"tokenize", "-m", kModel, "-f", at("")},
        {"run", "-m", kModel, "-f", at("")},
        {"perplexity", "-m", kModel, "-f", at("")}}) {
    const auto r = test::run_quern(words);
    EXPECT_EQ(r.exit_code, 1) << words[0];
    EXPECT_THAT(r.err, HasSubstr("is a folder, not a file")) << words[0];
  }
}

TEST_F(Files, AFilterThatLeavesNoImportanceIsTold) {
  const auto r = test::run_quern({"quantize", "--dry-run", "--imatrix", at("m.dat"),
                                  "--include-weights", "zzz", kModel, at("o"), "q8_0"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("leave nothing of the importance data"));
}

TEST_F(Files, ANameNearbyIsGuessed) {
  const auto r = test::run_quern({"hash", at("m.imatrx.gguf")});
  EXPECT_THAT(r.err, HasSubstr("did you mean m.imatrix.gguf?"));
}

TEST_F(Files, MixedUpWordsOfQuantizeAreTold) {
  const auto swapped = test::run_quern({"quantize", at("out.gguf"), kModel, "Q4_K"});
  EXPECT_EQ(swapped.exit_code, 1);
  EXPECT_THAT(swapped.err,
              AllOf(HasSubstr("no such file"), HasSubstr("file: " + at("out.gguf")),
                    HasSubstr("which is there"), HasSubstr("the order is INPUT OUTPUT TYPE")));
  EXPECT_THAT(test::run_quern({"quantize", "", kModel, "Q4_K"}).err,
              HasSubstr("INPUT has an empty name"));
  const auto late = test::run_quern({"quantize", kModel, "Q4_K", at("out.gguf")});
  EXPECT_EQ(late.exit_code, 2);
  EXPECT_THAT(late.err, HasSubstr("the order is INPUT OUTPUT TYPE"));
  const auto type = test::run_quern({"quantize", kModel, at("out.gguf"), "Q4_KM"});
  EXPECT_EQ(type.exit_code, 2);
  EXPECT_THAT(type.err, AllOf(HasSubstr("did you mean Q4_K_M?"), HasSubstr("`quern types`")));
  const auto tensor =
      test::run_quern({"quantize", "--attn-q-type", "q4k", kModel, at("out.gguf"), "Q4_K"});
  EXPECT_THAT(tensor.err, AllOf(HasSubstr("did you mean q4_K?"), HasSubstr("`quern types`")));
}

TEST_F(Files, AFormatThatIsNoTypeIsToldWithTheWayToGetIt) {
  const std::pair<const char*, const char*> kWords[] = {
      {"nvfp4", "--custom-q '.*=nvfp4'"},
      {"q1_0_g128", "its TYPE is Q1_0, with --policy llama.cpp"},
      {"i2_s", "it can only be read"},
      {"q8_K", "an activation format"},
  };
  for (const auto& [word, told] : kWords) {
    const auto r = test::run_quern({"quantize", kModel, at("o.gguf"), word});
    EXPECT_EQ(r.exit_code, 2);
    EXPECT_THAT(r.err, AllOf(HasSubstr(word), HasSubstr(told)));
  }
}

TEST_F(Files, AModelIsNotWrittenToAPipe) {
  const auto r = test::run_quern({"quantize", kModel, "-", "q8_0"});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_THAT(r.err, AllOf(HasSubstr("OUTPUT must be a file"), HasSubstr("./-")));
}

TEST_F(Files, OutputsNeedAFolderThatTakesThem) {
  std::filesystem::create_directory(dir_ / "locked");
  const std::string missing = at("no/such/folder/out.gguf");
  const std::string folder = at("");
  const std::string file = at("empty") + "/out.gguf";
  for (const auto& [out, text] :
       {std::pair{missing, "mkdir -p"}, {folder, "is not a regular file"}, {file, "no folder"}}) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"quantize", kModel, out, "q8_0"},
          {"perplexity", "-m", kModel, "-f", kText, "--kl-divergence-base", out},
          {"imatrix", "-m", kModel, "-f", kText, "-o", out},
          {"logits", "-m", kModel, "-p", "x", "-o", out},
          {"merge", kModel, out}}) {
      const auto r = test::run_quern(words);
      EXPECT_EQ(r.exit_code, 1) << words[0] << ": " << r.err;
      EXPECT_THAT(r.err, HasSubstr(text)) << words[0];
      EXPECT_EQ(r.out, "") << words[0];
    }
  }
  EXPECT_FALSE(std::filesystem::exists(dir_ / "no"));
}

TEST_F(Files, OnlyAFileOfTheSameKindIsReplaced) {
  put("base", "_logits_");
  std::filesystem::copy_file(kModel, dir_ / "m.gguf");
  std::filesystem::copy_file(kText, dir_ / "text");
  struct Case {
    std::string out, found;
  };
  for (const auto& [out, found] :
       {Case{"m.gguf", "a model in GGUF"}, Case{"text", "a text file"}, Case{"m.dat", "importance"},
        Case{"m.imatrix.gguf", "importance"}, Case{"base", "a base file of log-probabilities"},
        Case{"noise", "something else"}}) {
    const auto before = test::read_bytes(dir_ / out);
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"quantize", kModel, at(out), "q8_0"},
          {"convert", test::source_path("tests/golden/models/llama").string(), at(out)},
          {"perplexity", "-m", kModel, "-f", kText, "--kl-divergence-base", at(out),
           "--overwrite-base"},
          {"imatrix", "-m", kModel, "-f", kText, "-o", at(out)},
          {"imatrix", "--in-file", at("m.dat"), "-o", at(out)},
          {"logits", "-m", kModel, "-p", "x", "-o", at(out)}}) {
      const bool model = words[0] == "quantize" || words[0] == "convert";
      if (out == "m.gguf" && model) continue;
      if (out == "base" && words[0] == "perplexity") continue;
      if (found == "importance" && words[0] == "imatrix") continue;
      const auto r = test::run_quern(words);
      EXPECT_EQ(r.exit_code, 1) << words[0] << " " << out << ": " << r.err;
      const std::string named =
          out == "noise" && words[0] == "logits" ? "that is no rows of logits" : found;
      EXPECT_THAT(r.err, AllOf(HasSubstr("would replace "), HasSubstr(named), HasSubstr("hint: ")))
          << words[0];
      EXPECT_EQ(test::read_bytes(dir_ / out), before) << words[0] << " " << out;
    }
  }
}

TEST_F(Files, AFileOfTheSameKindIsReplaced) {
  put("m.gguf", "GGUF, but damaged");
  put("l", "");
  for (int i = 0; i < 2; ++i) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"quantize", "--pure", kModel, at("m.gguf"), "q8_0"},
          {"imatrix", "--in-file", at("m.dat"), "-o", at("m.imatrix.gguf")},
          {"logits", "-m", kModel, "-p", "x", "-o", at("l")}}) {
      const auto r = test::run_quern(words);
      EXPECT_EQ(r.exit_code, 0) << words[0] << ": " << r.err;
    }
  }
}

TEST_F(Files, ABaseIsNotReplacedByMistake) {
  std::vector<std::string> words = {"perplexity", "-m", kModel,     "-f", kText,
                                    "-c",         "16", "--chunks", "1",  "--kl-divergence-base",
                                    at("empty")};
  ASSERT_EQ(test::run_quern(words).exit_code, 0);
  const auto before = test::read_bytes(dir_ / "empty");
  words[8] = "2";
  const auto r = test::run_quern(words);
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.err, AllOf(HasSubstr("the base file exists already"),
                           HasSubstr("did you mean --kl-divergence?")));
  EXPECT_EQ(test::read_bytes(dir_ / "empty"), before);
  words.push_back("--overwrite-base");
  EXPECT_EQ(test::run_quern(words).exit_code, 0);
  EXPECT_GT(test::read_bytes(dir_ / "empty").size(), before.size());
}

TEST_F(Files, SurveyNeedsAFolder) {
  const auto r = test::run_quern(
      {"survey", "-m", kModel, "-f", kText, "--calibration", kText, "-o", at("empty")});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.err, HasSubstr("--output is a file, not a folder"));
}

TEST_F(Files, LeftOversOfKilledRunsAreRemovedAndTold) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  ASSERT_EQ(test::run_quern({"split", "--split-max-tensors", "60", kModel, at("s")}).exit_code, 0);
  const std::string shard = at("s-00001-of-00002.gguf");
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"quantize", kModel, at("out"), "q8_0"},
        {"imatrix", "-m", kModel, "-f", kText, "--chunks", "1", "-o", at("out")},
        {"logits", "-m", kModel, "-p", "x", "-o", at("out")},
        {"perplexity", "-m", kModel, "-f", kText, "--chunks", "2", "--kl-divergence-base",
         at("out")},
        {"merge", shard, at("out")}}) {
    std::filesystem::remove(at("out"));
    const std::string rest = "out.unfinished-" + std::to_string(child);
    put(rest, "rest");
    const auto r = test::run_quern(words);
    EXPECT_EQ(r.exit_code, 0) << words[0] << ": " << r.err;
    EXPECT_THAT(r.err, HasSubstr("left behind by a run that was killed")) << words[0];
    EXPECT_FALSE(std::filesystem::exists(at(rest))) << words[0];
  }
}

TEST_F(Files, OutputsOfEveryKindReplaceOnlyTheirOwn) {
  put("notes", "my notes\n");
  put("old.svg", "<svg xmlns='http://www.w3.org/2000/svg'></svg>\n");
  put("my.xml", "<?xml version=\"1.0\"?><important/>\n");
  put("drawn.svg", "<?xml version=\"1.0\"?>\n<svg xmlns='http://www.w3.org/2000/svg'></svg>\n");
  put("i.gguf.at_3", "my notes\n");
  const std::vector<std::string> stats{"quantize-stats",         "-m", kModel, "-t", "q8_0", "-l",
                                       "^blk.0.attn_q_b.weight$"};
  const auto plot = [&](const std::string& name) {
    std::vector<std::string> words = stats;
    words.insert(words.end(), {"--plot", at(name)});
    return test::run_quern(words);
  };
  EXPECT_EQ(plot("old.svg").exit_code, 0);
  EXPECT_THAT(test::read_text(at("old.svg")), HasSubstr("q8_0"));
  EXPECT_EQ(plot("drawn.svg").exit_code, 0);
  for (const char* name : {"notes", "my.xml", "m.dat", "m.imatrix.gguf"}) {
    const auto before = test::read_bytes(at(name));
    const auto r = plot(name);
    EXPECT_EQ(r.exit_code, 1);
    EXPECT_THAT(r.err, HasSubstr("--plot would replace "));
    EXPECT_EQ(test::read_bytes(at(name)), before);
  }
  const auto copies = test::run_quern({"imatrix", "-m", kModel, "-f", kText, "-c", "16", "--chunks",
                                       "4", "--save-frequency", "3", "-o", at("i.gguf")});
  EXPECT_EQ(copies.exit_code, 1);
  EXPECT_THAT(copies.err, AllOf(HasSubstr("--save-frequency would replace a text file by an"),
                                HasSubstr(at("i.gguf.at_3"))));
  EXPECT_EQ(copies.out, "");
}

TEST_F(Files, LogitsReplaceRowsOfTheirVocabularyOnly) {
  const auto logits = [&] {
    return test::run_quern({"logits", "-m", kModel, "-p", "x", "-o", at("l")});
  };
  for (const auto& [n_floats, fits] :
       {std::pair{256, false}, {4096 + 256, false}, {2 * 4096, true}}) {
    const std::vector<float> values(static_cast<std::size_t>(n_floats), -0.5F);
    test::write_bytes(dir_ / "l", std::as_bytes(std::span(values)));
    const auto before = test::read_bytes(dir_ / "l");
    const auto r = logits();
    EXPECT_EQ(r.exit_code, fits ? 0 : 1) << n_floats << r.err;
    EXPECT_EQ(test::read_bytes(dir_ / "l") == before, !fits) << n_floats;
  }
}

/// Numbers and a word are not yet a .dat: the values must fit behind them.
TEST_F(Files, WhatBeginsAsAnImportanceMatrixOnlyStays) {
  const std::string name("\x03\0\0\0\x05\0\0\0hello", 13), calls("\1\0\0\0", 4);
  for (const std::string& rest : {std::string(), calls + std::string("\2\0\0\0\0\0\x80\x3f", 8),
                                  calls + std::string("\1\0\0\0\0\0\xc0\x7f", 8)}) {
    put("mine.bin", name + rest);
    const auto r = test::run_quern({"imatrix", "--in-file", at("m.dat"), "-o", at("mine.bin")});
    EXPECT_EQ(r.exit_code, 1);
    EXPECT_THAT(r.err, HasSubstr("would replace "));
  }
  put("mine.bin", name + calls + std::string("\1\0\0\0\0\0\x80\x3f", 8));
  EXPECT_EQ(test::run_quern({"imatrix", "--in-file", at("m.dat"), "-o", at("mine.bin")}).exit_code,
            0);
}

TEST_F(Files, ADamagedImportanceFileTellsFieldAndOffset) {
  put("bad.dat", std::string("\xff\xff\xff\x7f\x05\0\0\0hello", 13));
  const auto info = test::run_quern({"info", at("bad.dat")});
  EXPECT_EQ(info.exit_code, 1);
  EXPECT_THAT(info.err, AllOf(HasSubstr("offset: 0"), HasSubstr("2147483647")));
}

TEST_F(Files, AModelIsNoListOfHashes) {
  const auto r = test::run_quern({"hash", "-c", kModel, kModel});
  EXPECT_EQ(r.exit_code, 5);
  EXPECT_THAT(r.err, HasSubstr("the manifest is a model in GGUF, not a list of hashes"));
  EXPECT_EQ(r.out, "");
  const auto text = test::run_quern({"hash", "-c", kText, kModel});
  EXPECT_EQ(text.exit_code, 4);
  EXPECT_EQ(text.out, "");
}

}  // namespace
