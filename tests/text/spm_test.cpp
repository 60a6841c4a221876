#include "base/error.h"
#include "text/vocabulary.h"

namespace {

using test::kFirstByte;
using test::kFirstOwn;
using test::spm_tokens;
using test::vocabulary;
using text::TokenId;
using Ids = std::vector<TokenId>;

const std::string kMark = "\xE2\x96\x81";

std::unique_ptr<text::Tokenizer> make(const std::vector<test::Token>& more) {
  return text::make_tokenizer(vocabulary("llama", spm_tokens(more)));
}
Ids plain(const text::Tokenizer& t, std::string_view input) {
  return t.encode(input, {.add_special = false});
}

TEST(Spm, HighestScoreMergesFirst) {
  const auto t = make({{kMark, -9}, {"a", -9}, {"b", -9}, {"c", -9}, {"ab", -2}, {"bc", -1}});
  EXPECT_EQ(plain(*t, "abc"), (Ids{kFirstOwn, kFirstOwn + 1, kFirstOwn + 5}));
}

TEST(Spm, LeftmostWinsOnEqualScores) {
  const auto t = make({{kMark, -9}, {"a", -9}, {"aa", -1}});
  EXPECT_EQ(plain(*t, "aaa"), (Ids{kFirstOwn, kFirstOwn + 2, kFirstOwn + 1}));
}

TEST(Spm, CandidateThatGrewIsDropped) {
  // "bc" is taken first; the waiting "ab" must not merge a stale b.
  const auto t =
      make({{kMark, -9}, {"a", -9}, {"b", -9}, {"c", -9}, {"ab", -2}, {"bc", -1}, {"abc", -3}});
  EXPECT_EQ(plain(*t, "abc"), (Ids{kFirstOwn, kFirstOwn + 6}));
}

TEST(Spm, MissingCharactersBecomeBytes) {
  const auto t = make({{kMark, -9}});
  EXPECT_EQ(plain(*t, "\xC3\xA9\n"),
            (Ids{kFirstOwn, kFirstByte + 0xC3, kFirstByte + 0xA9, kFirstByte + 0x0A}));
  EXPECT_EQ(plain(*t, "\xFF"), (Ids{kFirstOwn, kFirstByte + 0xFF}));
}

TEST(Spm, ByteTokenOfOnePlainByteStandsInForAMissingByteToken) {
  std::vector<test::Token> tokens = spm_tokens({{kMark, -9}});
  tokens[kFirstByte + 'x'].text = "not a byte";
  tokens.push_back({"x", -3});
  const auto t = text::make_tokenizer(vocabulary("llama", tokens));
  EXPECT_EQ(plain(*t, "x"), (Ids{kFirstOwn, kFirstOwn + 1}));
}

TEST(Spm, MissingByteIsAnErrorThatNamesIt) {
  const auto t = text::make_tokenizer(
      vocabulary("llama", {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {kMark, -1}}));
  try {
    plain(*t, "z");
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::bad_file);
    EXPECT_NE(std::string(e.what()).find("<0x7A>"), std::string::npos) << e.what();
  }
}

TEST(Spm, EmptyTextHasNoTokensBesideBos) {
  const auto t = make({{kMark, -9}});
  EXPECT_EQ(plain(*t, ""), Ids{});
  EXPECT_EQ(t->encode("", {.add_special = true}), (Ids{1}));
}

TEST(Spm, SpacePrefixCanBeSwitchedOff) {
  gguf::Metadata m = vocabulary("llama", spm_tokens({{kMark, -9}, {"a", -9}}));
  m.set("tokenizer.ggml.add_space_prefix", false);
  const auto t = text::make_tokenizer(m);
  EXPECT_EQ(plain(*t, "a"), (Ids{kFirstOwn + 1}));
  EXPECT_EQ(t->decode(Ids{kFirstOwn, kFirstOwn + 1}, false), " a");
}

TEST(Spm, EveryFragmentBehindASpecialTokenGetsThePrefix) {
  const auto t = make({{kMark, -9}, {"a", -9}});
  EXPECT_EQ(t->encode("a<s>a", {.add_special = false, .parse_special = true}),
            (Ids{kFirstOwn, kFirstOwn + 1, 1, kFirstOwn, kFirstOwn + 1}));
}

TEST(Spm, BosAndEosAsTheFileAsks) {
  gguf::Metadata m = vocabulary("llama", spm_tokens({{kMark, -9}}));
  m.set("tokenizer.ggml.add_bos_token", false);
  m.set("tokenizer.ggml.add_eos_token", true);
  const auto t = text::make_tokenizer(m);
  EXPECT_EQ(t->encode("", {.add_special = true}), (Ids{2}));
  EXPECT_FALSE(t->add_bos());
  EXPECT_TRUE(t->add_eos());
  EXPECT_EQ(t->encode("", {.add_special = false}), Ids{});
}

TEST(Spm, DetokenizingDropsTheSpaceThatEncodingAdded) {
  const auto t = make({{kMark, -9}, {"a", -9}, {kMark + "a", -1}});
  const Ids ids = t->encode("a a", {.add_special = true});
  EXPECT_EQ(ids, (Ids{1, kFirstOwn + 2, kFirstOwn + 2}));
  EXPECT_EQ(t->decode(std::span(ids).subspan(1), false), "a a");
  EXPECT_EQ(t->decode(ids, true), "<s> a a");
  // As the public programs: removing BOS leaves the space of the first word.
  EXPECT_EQ(t->decode(ids, {.remove_special = true}), " a a");
}

TEST(Spm, PiecesByType) {
  const auto t = make({{kMark + "a", -9}, {kMark + "u", 0, 4}, {"gone", 0, 5}});
  EXPECT_EQ(t->piece(kFirstOwn, false), " a");
  EXPECT_EQ(t->piece(kFirstOwn + 1, false), kMark + "u");
  EXPECT_EQ(t->piece(kFirstOwn + 2, true), "");
  EXPECT_EQ(t->piece(kFirstByte + 0x80, false), "\x80");
  EXPECT_EQ(t->piece(1, false), "");
  EXPECT_EQ(t->piece(1, true), "<s>");
  EXPECT_THROW(t->piece(-1, true), base::Error);
  EXPECT_THROW(t->piece(static_cast<TokenId>(t->size()), true), base::Error);
}

TEST(Spm, IndependentPartsGiveTheSameIdsAsOneText) {
  // Parts are cut where no token bridges two characters; joined words must not change ids.
  const auto t = make({{kMark, -9}, {"a", -9}, {"b", -9}, {"ab", -1}, {kMark + "ab", -0.5F}});
  Ids expected;
  std::string text;
  for (int i = 0; i < 500; ++i) {
    text += i == 0 ? "ab" : " ab";
    expected.push_back(kFirstOwn + 4);
  }
  EXPECT_EQ(plain(*t, text), expected);
}

}  // namespace
