#include "eval/corpus.h"

#include "support/support.h"

namespace {

TEST(Escapes, KnownOnesAreReplacedOthersStay) {
  std::size_t replaced = 0;
  EXPECT_EQ(eval::process_escapes(R"(a\nb\tc\\d\x41\q\x4\)", &replaced), "a\nb\tc\\dA\\q\\x4\\");
  EXPECT_EQ(replaced, 4);
}

TEST(Escapes, TextWithoutBackslashStays) {
  std::size_t replaced = 7;
  EXPECT_EQ(eval::process_escapes("plain", &replaced), "plain");
  EXPECT_EQ(replaced, 0);
}

TEST(Corpus, ExactlyOneTrailingLineFeedGoes) {
  const test::TempDir dir;
  const std::string text = "line\n\n";
  test::write_bytes(dir / "t", std::as_bytes(std::span(text)));
  EXPECT_EQ(eval::load_corpus(dir / "t", true, nullptr), "line\n");
}

TEST(Corpus, ReplacedEscapesAreReported) {
  const test::TempDir dir;
  const std::string text = "\\alpha \\nu";
  test::write_bytes(dir / "t", std::as_bytes(std::span(text)));
  base::Findings findings;
  EXPECT_EQ(eval::load_corpus(dir / "t", true, &findings), "\\alpha \nu");
  ASSERT_EQ(findings.size(), 1);
  EXPECT_EQ(eval::load_corpus(dir / "t", false, &findings), text);
}

TEST(Corpus, MissingFileIsNamed) {
  try {
    eval::load_corpus("/nowhere/text.txt", true, nullptr);
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::io);
    EXPECT_NE(std::string(e.what()).find("/nowhere/text.txt"), std::string::npos);
  }
}

}  // namespace
