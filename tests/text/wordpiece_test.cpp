#include "base/error.h"
#include "text/vocabulary.h"

namespace {

using text::TokenId;
using Ids = std::vector<TokenId>;
const std::string kMark = "\xE2\x96\x81";

/// [UNK] 0, [CLS] 1, [SEP] 2, then `more` from 3.
gguf::Metadata bert(const std::vector<std::string>& more) {
  std::vector<test::Token> tokens = {{"[UNK]", 0, 3}, {"[CLS]", 0, 3}, {"[SEP]", 0, 3}};
  for (const std::string& text : more) tokens.push_back({text});
  gguf::Metadata m = test::vocabulary("bert", tokens);
  m.set("tokenizer.ggml.unknown_token_id", std::uint32_t{0});
  m.set("tokenizer.ggml.bos_token_id", std::uint32_t{1});
  m.set("tokenizer.ggml.seperator_token_id", std::uint32_t{2});
  return m;
}
Ids encode(const std::vector<std::string>& more, std::string_view input) {
  return text::make_tokenizer(bert(more))->encode(input, {.add_special = false});
}

TEST(WordPiece, LongestPieceFromTheLeft) {
  EXPECT_EQ(encode({kMark + "un", kMark + "u", "happy", "hap"}, "unhappy"), (Ids{3, 5}));
}

TEST(WordPiece, WholeWordIsUnknownIfAnyPartIs) {
  EXPECT_EQ(encode({kMark + "un", kMark + "b"}, "unx b"), (Ids{0, 4}));
}

TEST(WordPiece, LowerCaseAndAccents) {
  EXPECT_EQ(encode({kMark + "ete"}, "\u00c9T\u00c9 e\u0301te"), (Ids{3, 3}));
}

TEST(WordPiece, NormalizerCanBeSwitchedOff) {
  gguf::Metadata m = bert({kMark + "a", kMark + "A", kMark + "\u00e9"});
  m.set("tokenizer.ggml.normalizer.lowercase", false);
  EXPECT_EQ(text::make_tokenizer(m)->encode("a A \u00e9", {.add_special = false}), (Ids{3, 4, 5}));
}

TEST(WordPiece, PunctuationAsciiSymbolsAndIdeographsStandAlone) {
  EXPECT_EQ(encode({kMark + "a", kMark + ",", kMark + "+", kMark + "\u4e2d"}, "a,a+a\u4e2d\u4e2d"),
            (Ids{3, 4, 3, 5, 3, 6, 6}));
}

TEST(WordPiece, ControlCharactersVanish) {
  EXPECT_EQ(encode({kMark + "ab"}, std::string("a\0b", 3) + "\xFF a\u200Bb"), (Ids{3, 3}));
}

TEST(WordPiece, AlwaysBetweenClsAndSep) {
  gguf::Metadata m = bert({kMark + "a"});
  m.set("tokenizer.ggml.add_bos_token", false);
  const auto t = text::make_tokenizer(m);
  EXPECT_EQ(t->encode("a", {.add_special = true}), (Ids{1, 3, 2}));
  EXPECT_EQ(t->encode("", {.add_special = true}), (Ids{1, 2}));
}

TEST(WordPiece, DetokenizingCleansBlanks) {
  const auto t = text::make_tokenizer(bert({kMark + "a", kMark + ",", kMark + "'", kMark + "s"}));
  EXPECT_EQ(t->decode(Ids{3, 4, 3, 5, 6}, false), " a, a's");
}

TEST(WordPiece, NoUnknownTokenIsAnErrorWhenNeeded) {
  const auto t = text::make_tokenizer(test::vocabulary("bert", {{kMark + "a"}}));
  EXPECT_EQ(t->encode("a", {.add_special = false}), (Ids{0}));
  EXPECT_THROW(t->encode("b", {.add_special = false}), base::Error);
}

TEST(WordPiece, WordsOfMoreThanAHundredCharactersAreUnknown) {
  const std::string accented(100, 'a');
  EXPECT_EQ(encode({kMark + "a", "a"}, accented).size(), 100U);
  EXPECT_EQ(encode({kMark + "a", "a"}, accented + "\u0301").size(), 100U) << "an accent is gone";
  EXPECT_EQ(encode({kMark + "a", "a"}, accented + "a a"), (Ids{0, 3}));
  EXPECT_EQ(encode({kMark + "a", "a"}, std::string(1U << 20, 'a')), (Ids{0}));
}

TEST(WordPiece, IsNormalizedAsByBert) {
  // What `tokenizers.normalizers.BertNormalizer()` makes of the first is the second.
  constexpr std::pair<const char*, const char*> kCases[] = {
      {"\u0915\u093E", "\u0915\u093E"},                          // a spacing mark (Mc) stays
      {"\u0915\u094D", "\u0915"},                                // a nonspacing one (Mn) goes
      {"\u0430\u0488", "\u0430\u0488"},                          // an enclosing one (Me) stays
      {"\u09CB", "\u09C7\u09BE"},                                // a vowel of two parts
      {"\u0CC0", "\u0CD5"},                                      // whose first part is Mn
      {"\uD55C\uAE00", "\u1112\u1161\u11AB\u1100\u1173\u11AF"},  // Hangul, to its letters
      {"\uAC00", "\u1100\u1161"},
      {"\u01D5", "u"},           // two accents
      {"\u0344x", "x"},          // a mark that is two marks
      {"a\u0085\u000Bb", "ab"},  // controls
      {"\u0130", "i"}};
  for (const auto& [input, normal] : kCases) {
    EXPECT_EQ(encode({kMark + normal}, input), (Ids{3})) << input;
  }
}

TEST(WordPiece, AMarkInTheTextBeginsNoPiece) {
  EXPECT_EQ(encode({kMark + "th", "th"}, "thth th\u2581th"), (Ids{3, 4, 0}));
}

}  // namespace
