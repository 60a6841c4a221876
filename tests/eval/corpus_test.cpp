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

TEST(Corpus, WhatIsNoTextIsRefused) {
  const test::TempDir dir;
  std::string noise;
  for (int i = 0; i < 300; ++i) noise += static_cast<char>(1 + i * 7919 % 255);
  for (const auto& [bytes, message] : {std::pair{std::string("GGUF\3"), "the text is a GGUF file"},
                                       {std::string("\xff\xfeh\0i\0", 6), "the text is in UTF-16"},
                                       {std::string("\xfe\xff\0h\0i", 6), "the text is in UTF-16"},
                                       {std::string("one\0two", 7), "this is not a text"},
                                       {noise, "this is not a text in UTF-8"}}) {
    test::write_bytes(dir / "t", std::as_bytes(std::span(bytes)));
    try {
      eval::load_corpus(dir / "t", false, nullptr);
      FAIL() << message;
    } catch (const base::Error& e) {
      EXPECT_EQ(e.fault(), base::Fault::bad_input);
      EXPECT_EQ(e.message(), message);
      EXPECT_NE(std::string(e.what()).find("/t"), std::string::npos);
    }
  }
}

TEST(Corpus, AFewBytesOfAnotherEncodingAreTold) {
  const test::TempDir dir;
  const std::string text = "\xef\xbf\xbd is U+FFFD, caf\xe9 is Latin-1, \xc3\xa9t\xc3\xa9 is UTF-8";
  test::write_bytes(dir / "t", std::as_bytes(std::span(text)));
  base::Findings findings;
  EXPECT_EQ(eval::load_corpus(dir / "t", false, &findings), text);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_NE(findings[0].text.find("1 of " + std::to_string(text.size()) + " bytes are not UTF-8"),
            std::string::npos)
      << findings[0].text;
}

TEST(Corpus, AByteOrderMarkIsTold) {
  const test::TempDir dir;
  const auto file = dir / "bom.txt";
  test::write_bytes(file, std::as_bytes(std::span(std::string_view("\xEF\xBB\xBFsome text\n"))));
  base::Findings findings;
  EXPECT_EQ(eval::load_corpus(file, true, &findings), "\xEF\xBB\xBFsome text");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_NE(findings[0].text.find("byte order mark"), std::string::npos);
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
