// quern check, as a user and as a script call it.
#include <nlohmann/json.hpp>

#include "support/spoiled_model.h"

namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

TEST(CheckCommand, CleanFile) {
  const test::RunResult r = test::run_quern({"check", kModel});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.out, kModel + ": 1 file, 100 tensors, 35.92 MB of data read\nnothing is wrong\n");
}

TEST(CheckCommand, FindingsAndTheirCode) {
  const test::TempDir dir;
  test::Spoiled m;
  m.bytes("output.weight")[1] = std::byte{0x7f};
  m.bytes("output.weight")[0] = std::byte{0x80};
  m.metadata.set("tokenizer.ggml.eos_token_id", std::uint32_t{5000});
  const std::string path = m.write(dir / "m.gguf");
  const test::RunResult text = test::run_quern({"check", "-t", "1", path});
  EXPECT_EQ(text.exit_code, 3);
  EXPECT_THAT(text.out, HasSubstr("error    blocks     output.weight"));
  EXPECT_THAT(text.out, HasSubstr("\n1 error, 1 warning\n"));
  const test::RunResult r = test::run_quern({"check", "--json", path});
  EXPECT_EQ(r.exit_code, 3);
  const json j = json::parse(r.out);
  EXPECT_FALSE(j["clean"]);
  ASSERT_EQ(j["findings"].size(), 2u);
  EXPECT_EQ(j["findings"][1]["part"], "blocks");
  EXPECT_EQ(j["findings"][1]["where"], "output.weight");
  const gguf::FileSet files = gguf::FileSet::open(path);
  EXPECT_EQ(j["findings"][1]["offset"], files.find("output.weight")->offset);
  EXPECT_EQ(test::run_quern({"check", "--quick", path}).exit_code, 3);  // the tokenizer
}

TEST(CheckCommand, OfSeveralFilesTheWorstCounts) {
  const test::TempDir dir;
  test::Spoiled m;
  m.metadata.set("tokenizer.ggml.eos_token_id", std::uint32_t{5000});
  const std::string doubtful = m.write(dir / "d.gguf");
  const std::string none = test::source_path("README.md").string();
  EXPECT_EQ(test::run_quern({"check", "--quick", kModel, kModel}).exit_code, 0);
  const test::RunResult two = test::run_quern({"check", "--quick", doubtful, kModel});
  EXPECT_EQ(two.exit_code, 3);
  EXPECT_THAT(two.out, HasSubstr("0 errors, 1 warning\n" + kModel + ": 1 file"));
  const test::RunResult three = test::run_quern({"check", "--quick", none, doubtful, kModel});
  EXPECT_EQ(three.exit_code, 1);
  EXPECT_THAT(three.err, HasSubstr("error: " + none));
  EXPECT_THAT(three.out, HasSubstr(kModel + ": 1 file"));
  const json j = json::parse(test::run_quern({"check", "--quick", "--json", doubtful, kModel}).out);
  ASSERT_EQ(j.size(), 2u);
  EXPECT_FALSE(j[0]["clean"]);
  EXPECT_TRUE(j[1]["clean"]);
  const std::string set = (dir / "s").string();
  ASSERT_EQ(test::run_quern({"split", "--split-max-tensors", "50", kModel, set}).exit_code, 0);
  EXPECT_EQ(test::run_quern(
                {"check", "--quick", set + "-00001-of-00002.gguf", set + "-00002-of-00002.gguf"})
                .exit_code,
            0);
}

TEST(CheckCommand, UnreadableIsAnError) {
  const test::TempDir dir;
  EXPECT_EQ(test::run_quern({"check", (dir / "none.gguf").string()}).exit_code, 1);
  EXPECT_EQ(test::run_quern({"check", test::source_path("README.md").string()}).exit_code, 1);
  EXPECT_EQ(test::run_quern({"check"}).exit_code, 2);
}

TEST(CheckCommand, ATruncatedFileCannotBeRead) {
  const test::TempDir dir;
  const auto whole = test::read_bytes(kModel);
  const std::string path = (dir / "m.gguf").string();
  for (const auto& [size, hint] :
       {std::pair<std::size_t, std::string>{whole.size() - 1000, "the file is truncated"},
        {3000, "the file is truncated or its header damaged"}}) {
    test::write_bytes(path, std::span(whole).first(size));
    const test::RunResult r = test::run_quern({"check", path});
    EXPECT_EQ(r.exit_code, 1);
    EXPECT_EQ(r.out, "");
    EXPECT_THAT(r.err, HasSubstr("hint: " + hint));
    EXPECT_EQ(r.err, test::run_quern({"info", path}).err);
    const test::RunResult j = test::run_quern({"check", "--json", path});
    EXPECT_EQ(j.exit_code, 1);
    EXPECT_EQ(json::parse(j.out)["findings"][0]["part"], "container");
  }
}

TEST(CheckCommand, ALaterFileOfASetThatCannotBeRead) {
  const test::TempDir dir;
  const std::string prefix = (dir / "m").string();
  ASSERT_EQ(test::run_quern({"split", "--split-max-tensors", "40", kModel, prefix}).exit_code, 0);
  const std::string first = prefix + "-00001-of-00003.gguf";
  const std::string last = prefix + "-00003-of-00003.gguf";
  const auto tokens =
      test::run_quern({"edit", "--force", first, "--set", "tokenizer.ggml.eos_token_id=5000"});
  ASSERT_EQ(tokens.exit_code, 0) << tokens.err;
  const auto whole = test::read_bytes(last);
  for (const std::size_t size : {whole.size() - 1000, std::size_t{100}, std::size_t{0}}) {
    test::write_bytes(last, std::span(whole).first(size));
    const test::RunResult r = test::run_quern({"check", "--json", first});
    EXPECT_EQ(r.exit_code, 1) << size << r.err;
    const json j = json::parse(r.out);
    EXPECT_EQ(j["files"], 2) << size;
    EXPECT_EQ(j["unreadable_files"], 1) << size;
    const test::RunResult text = test::run_quern({"check", "--quick", first});
    EXPECT_EQ(text.exit_code, 1) << size;
    EXPECT_THAT(text.out, testing::AllOf(HasSubstr("m-00003-of-00003.gguf"),
                                         HasSubstr("token id 5000 is outside")));
  }
  std::filesystem::remove(last);
  EXPECT_EQ(test::run_quern({"check", "--quick", first}).exit_code, 3);
}

}  // namespace
