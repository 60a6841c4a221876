// Special tokens in the text; docs/spec/tokenizers.md 1.5 and 2.
#include "text/vocabulary.h"

namespace {

using test::kFirstOwn;
using test::spm_tokens;
using test::vocabulary;
using text::TokenId;
using Ids = std::vector<TokenId>;

constexpr std::int32_t kControl = 3;
constexpr std::int32_t kUser = 4;

gguf::Metadata metadata(const std::vector<test::Token>& more) {
  gguf::Metadata m = vocabulary("llama", spm_tokens(more));
  m.set("tokenizer.ggml.add_space_prefix", false);
  return m;
}
std::unique_ptr<text::Tokenizer> make(const std::vector<test::Token>& more) {
  return text::make_tokenizer(metadata(more));
}
Ids parsed(const text::Tokenizer& t, std::string_view input) {
  return t.encode(input, {.add_special = false, .parse_special = true});
}
Ids plain(const text::Tokenizer& t, std::string_view input) {
  return t.encode(input, {.add_special = false});
}
/// Byte tokens of a text, for a vocabulary without words.
Ids bytes(std::string_view input) {
  Ids ids;
  for (const char c : input) ids.push_back(test::kFirstByte + static_cast<std::uint8_t>(c));
  return ids;
}
Ids join(std::initializer_list<Ids> parts) {
  Ids out;
  for (const Ids& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

TEST(SpecialTokens, ControlTokensOnlyWhenAsked) {
  const auto t = make({{"<x>", 0, kControl}});
  EXPECT_EQ(parsed(*t, "a<x>b"), join({bytes("a"), {kFirstOwn}, bytes("b")}));
  EXPECT_EQ(plain(*t, "a<x>b"), bytes("a<x>b"));
}

TEST(SpecialTokens, UserDefinedTokensAlways) {
  const auto t = make({{"<x>", 0, kUser}});
  EXPECT_EQ(plain(*t, "a<x><x>"), join({bytes("a"), {kFirstOwn, kFirstOwn}}));
}

TEST(SpecialTokens, LongerTokensTakeTheirPlacesFirst) {
  // "bcd" is longer, so it is cut out although "ab" begins further left.
  const auto t = make({{"ab", 0, kUser}, {"bcd", 0, kUser}});
  EXPECT_EQ(plain(*t, "abcd"), join({bytes("a"), {kFirstOwn + 1}}));
  EXPECT_EQ(plain(*t, "abab"), (Ids{kFirstOwn, kFirstOwn}));
}

TEST(SpecialTokens, AShorterTokenFitsBesideALongerOne) {
  const auto t = make({{"xx", 0, kUser}, {"xxx", 0, kUser}});
  EXPECT_EQ(plain(*t, "xxxxx"), (Ids{kFirstOwn + 1, kFirstOwn}));
  EXPECT_EQ(plain(*t, "xxxx"), join({{kFirstOwn + 1}, bytes("x")}));
}

TEST(SpecialTokens, SkippedControlTokenDoesNotHideAShorterUserDefinedOne) {
  const auto t = make({{"ab", 0, kUser}, {"abc", 0, kControl}});
  EXPECT_EQ(plain(*t, "abc"), join({{kFirstOwn}, bytes("c")}));
  EXPECT_EQ(parsed(*t, "abc"), (Ids{kFirstOwn + 1}));
}

TEST(SpecialTokens, PhiModelsEatBlanksBehindTheirTokens) {
  gguf::Metadata m = metadata({{"<|end|>", 0, kControl}});
  m.set("general.name", std::string("My Phi-3 mini"));
  const auto t = text::make_tokenizer(m);
  EXPECT_EQ(parsed(*t, "a<|end|> \n b<s> c"), join({bytes("a"),
                                                    {kFirstOwn},
                                                    bytes("b"),
                                                    {1},
                                                    bytes("\xE2\x96\x81"
                                                          "c")}));
}

TEST(SpecialTokens, EndOfTurnIsFoundByItsText) {
  const auto t = make({{"<|im_end|>", 0, 1}, {"plain", 0, 1}});
  EXPECT_EQ(t->end_of_turn(), kFirstOwn);
  EXPECT_TRUE(t->is_end_of_generation(kFirstOwn));
  EXPECT_TRUE(t->is_control(kFirstOwn));
  EXPECT_TRUE(t->is_end_of_generation(t->eos()));
  EXPECT_FALSE(t->is_end_of_generation(kFirstOwn + 1));
  EXPECT_FALSE(t->is_end_of_generation(-1));
}

TEST(SpecialTokens, IdOfTheFileGoesBeforeTheText) {
  gguf::Metadata m = metadata({{"<|im_end|>", 0, 1}, {"stop", 0, kControl}});
  m.set("tokenizer.ggml.eot_token_id", std::uint32_t{kFirstOwn + 1});
  const auto t = text::make_tokenizer(m);
  EXPECT_EQ(t->end_of_turn(), kFirstOwn + 1);
  EXPECT_TRUE(t->is_end_of_generation(kFirstOwn + 1));
  EXPECT_TRUE(t->is_end_of_generation(kFirstOwn));
}

TEST(SpecialTokens, ChannelModelsKeepEndAsTextOfTheReply) {
  const auto t = make({{"<|return|>", 0, kControl},
                       {"<|call|>", 0, kControl},
                       {"<|end|>", 0, kControl},
                       {"<|channel|>", 0, kControl}});
  EXPECT_TRUE(t->is_end_of_generation(kFirstOwn));
  EXPECT_TRUE(t->is_end_of_generation(kFirstOwn + 1));
  EXPECT_FALSE(t->is_end_of_generation(kFirstOwn + 2));
  EXPECT_EQ(t->piece(kFirstOwn + 2, false), "<|end|>");
  EXPECT_EQ(t->piece(kFirstOwn + 3, false), "<|channel|>");
}

TEST(SpecialTokens, ManyPlacesAndManyTokensStayFast) {
  std::vector<test::Token> more;
  for (std::size_t n = 2; n <= 64; ++n) more.push_back({std::string(n, '\n'), 0, kUser});
  const auto t = make(more);
  const Ids ids = plain(*t, std::string((1U << 20) + 5, '\n'));
  EXPECT_EQ(ids.size(), (1U << 20) / 64 + 1);
  EXPECT_EQ(ids.back(), kFirstOwn + 3);
}

}  // namespace
