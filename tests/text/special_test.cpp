// Special tokens in the text; docs/spec/tokenizers.md 1.5 and 2.
#include <algorithm>
#include <ctime>

#include "text/special_split.h"
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

/// The rule as it is written: each token, longest first, from the left.
Ids cut_by_rule(const std::vector<test::Token>& tokens, const std::string& input, bool parse) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (parse || tokens[i].type == kUser) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return tokens[a].text.size() > tokens[b].text.size();
  });
  Ids out(input.begin(), input.end());
  std::string left = input;  // bytes that are cut out become 0
  for (const std::size_t i : order) {
    const std::string& piece = tokens[i].text;
    for (std::size_t at = 0; (at = left.find(piece, at)) != std::string::npos;) {
      const auto begin = static_cast<std::ptrdiff_t>(at);
      std::fill_n(left.begin() + begin, piece.size(), '\0');
      std::fill_n(out.begin() + begin, piece.size(), text::kNone);
      out[at] = kFirstOwn + static_cast<TokenId>(i);
    }
  }
  std::erase(out, text::kNone);
  return out;
}

TEST(SpecialTokens, AreCutAsTheRuleSaysWhateverTheyAre) {
  std::uint32_t state = 1;
  const auto random = [&](std::uint32_t n) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % n;
  };
  const auto word = [&](std::uint32_t most) {
    std::string out;
    for (std::uint32_t n = 1 + random(most); n > 0; --n) out += "ab"[random(8) / 7];
    return out;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<test::Token> tokens;
    while (tokens.size() < 2 + random(12)) {
      const test::Token token{word(9), 0, random(2) == 0 ? kControl : kUser};
      if (std::none_of(tokens.begin(), tokens.end(),
                       [&](const test::Token& t) { return t.text == token.text; })) {
        tokens.push_back(token);
      }
    }
    const text::Vocab vocab = text::Vocab::load(metadata(tokens));
    const text::SpecialSplitter splitter(vocab);
    for (int i = 0; i < 10; ++i) {
      const std::string input = word(40);
      const bool parse = i % 2 == 0;
      Ids ids;
      for (const text::Fragment& f : splitter.split(input, parse)) {
        if (f.token != text::kNone) ids.push_back(f.token);
        ids.insert(ids.end(), f.text.begin(), f.text.end());
      }
      EXPECT_EQ(ids, cut_by_rule(tokens, input, parse)) << input;
    }
  }
}

TEST(SpecialTokens, NoTokenMakesATextSlow) {
  constexpr std::size_t kLength = 100000;
  const std::string run(kLength, 'a');
  std::vector<test::Token> tokens = {{run + 'b', 0, kUser}, {'b' + run, 0, kUser}};
  for (std::size_t n = 2; n < 400; ++n) tokens.push_back({run.substr(0, n), 0, kUser});
  const auto t = make(tokens);
  const std::clock_t start = std::clock();
  const Ids ids = plain(*t, run + run + run);
  // Looking as far as the longest token at each place would take minutes.
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 2);
  EXPECT_EQ(ids.size(), (3 * kLength + 398) / 399);
}

}  // namespace
