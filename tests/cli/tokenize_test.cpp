#include <gmock/gmock.h>

#include "support/support.h"

namespace {

using testing::HasSubstr;

test::RunResult tokenize(std::vector<std::string> options) {
  std::vector<std::string> words = {"tokenize", "-m",
                                    test::source_path("data/tiny-mla-bf16.gguf").string()};
  words.insert(words.end(), options.begin(), options.end());
  return test::run_quern(words);
}

TEST(Tokenize, OneLinePerTokenOrOneLineOfIds) {
  const auto lines = tokenize({"-p", "a<s>", "--show-count"});
  EXPECT_EQ(lines.exit_code, 0) << lines.err;
  EXPECT_THAT(lines.out, testing::StartsWith("     1 -> '<s>'\n"));
  EXPECT_THAT(lines.out, HasSubstr(" -> ' a'\n     1 -> '<s>'\nTotal number of tokens: 3\n"));
  const auto ids = tokenize({"-p", "a<s>", "--ids", "--no-bos"});
  EXPECT_THAT(ids.out, testing::MatchesRegex("\\[[0-9]+, 1\\]\n"));
}

TEST(Tokenize, TextIsTakenAsItIs) {
  const test::TempDir dir;
  const std::string text = "one\\n two\n";
  test::write_bytes(dir / "t", std::as_bytes(std::span(text)));
  const auto ids = tokenize({"-f", (dir / "t").string(), "--ids", "--no-parse-special"});
  EXPECT_EQ(ids.exit_code, 0) << ids.err;
  const auto back = tokenize({"-p", ids.out, "--detokenize"});
  EXPECT_EQ(back.out, text);
}

TEST(Tokenize, ShowsPiecesBetweenBarsOrInColour) {
  EXPECT_EQ(tokenize({"-p", "the\n", "--show", "--no-bos"}).out, " the|\\n|\n\n");
  EXPECT_THAT(tokenize({"-p", "the", "--show", "--color", "always"}).out,
              HasSubstr("m the\x1b[0m"));
}

TEST(Tokenize, CountsFiles) {
  const std::string file = test::source_path("data/evaluation.txt").string();
  const auto counts = tokenize({file, file});
  EXPECT_THAT(counts.out, HasSubstr("       21222        71743        3.381  " + file));
  EXPECT_THAT(counts.out, HasSubstr("       42444       143486        3.381  total"));
}

TEST(Tokenize, WrongUseAndMissingFiles) {
  EXPECT_EQ(tokenize({}).exit_code, 2);
  EXPECT_EQ(tokenize({"-p", "a", "--stdin"}).exit_code, 2);
  EXPECT_EQ(tokenize({"-p", "a", "--color", "blue"}).exit_code, 2);
  const auto missing = tokenize({"-f", "/nowhere/text"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("file: /nowhere/text"));
  const auto ids = tokenize({"-p", "1, x", "--detokenize"});
  EXPECT_EQ(ids.exit_code, 1);
  EXPECT_THAT(ids.err, HasSubstr("offset: 3"));
  EXPECT_THAT(tokenize({"-p", "99999", "--detokenize"}).err, HasSubstr("0 to 4095"));
  EXPECT_THAT(tokenize({"the old house"}).err, HasSubstr("-p TEXT takes a text itself"));
  EXPECT_THAT(tokenize({"-f", "-"}).err, HasSubstr("/dev/stdin is the standard input"));
}

TEST(Tokenize, BytesThatAreNoUtf8AreTold) {
  const test::TempDir dir;
  const auto told = [&](const std::string& text, const std::vector<std::string>& more = {}) {
    test::write_bytes(dir / "t", std::as_bytes(std::span(text)));
    std::vector<std::string> words = {"-f", (dir / "t").string(), "--ids"};
    words.insert(words.end(), more.begin(), more.end());
    return tokenize(words).err;
  };
  EXPECT_THAT(told("a\xC3\xA9\xFF\xFE"), HasSubstr("the byte at offset 3 is no UTF-8"));
  EXPECT_EQ(told("a\xC3\xA9\xEF\xBF\xBD"), "") << "U+FFFD itself";
  EXPECT_EQ(told("\xFF", {"--log-disable"}), "");
}

}  // namespace
