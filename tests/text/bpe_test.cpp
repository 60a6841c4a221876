#include <algorithm>
#include <random>

#include "base/error.h"
#include "text/vocabulary.h"

namespace {

using text::TokenId;
using Ids = std::vector<TokenId>;

const std::string kSpace = "\u0120";  // the alias of a space

/// A vocabulary of one-byte tokens for the given characters and of what `merges` join.
gguf::Metadata bpe(const std::vector<std::string>& tokens, const std::vector<std::string>& merges,
                   const std::string& pre = "gpt-2") {
  std::vector<test::Token> list;
  for (const std::string& t : tokens) list.push_back({t});
  gguf::Metadata m = test::vocabulary("gpt2", list);
  m.set("tokenizer.ggml.merges", gguf::Array::of_strings(merges));
  m.set("tokenizer.ggml.pre", pre);
  return m;
}
Ids encode(const gguf::Metadata& m, std::string_view input) {
  return text::make_tokenizer(m)->encode(input, {.add_special = false});
}

TEST(Bpe, LowestRankMergesFirstLeftmostOfEqualOnes) {
  EXPECT_EQ(encode(bpe({"a", "b", "c", "ab", "bc"}, {"b c", "a b"}), "abc"), (Ids{0, 4}));
  EXPECT_EQ(encode(bpe({"a", "aa"}, {"a a"}), "aaa"), (Ids{1, 0}));
}

TEST(Bpe, LongWordsMergeLikeShortOnes) {
  const gguf::Metadata m = bpe({"a", "b", "aa", "aab", "aaaa"}, {"a a", "aa b", "aa aa"});
  std::string text;
  Ids expected;
  for (int i = 0; i < 100; ++i) {
    text += "aaaaab";  // aa aa aab: aa, aab, then nothing joins aaaa with aab
    for (const TokenId id : encode(m, "aaaaab")) expected.push_back(id);
  }
  EXPECT_EQ(encode(m, "aaaaab"), (Ids{4, 0, 1}));
  EXPECT_EQ(encode(m, text), expected);
}

/// Merges as the definition has them: again and again the lowest rank, leftmost of equal ones.
std::vector<std::string> merged_plainly(std::string_view input,
                                        const std::vector<std::string>& merges) {
  std::vector<std::string> parts;
  for (const char c : input) parts.emplace_back(c == ' ' ? kSpace : std::string(1, c));
  for (const std::string& line : merges) {
    // Ranks of later lines cannot come first again: a merge's sides exist only once made.
    const std::string left = line.substr(0, line.find(' '));
    const std::string right = line.substr(line.find(' ') + 1);
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      if (parts[i] != left || parts[i + 1] != right) continue;
      parts[i] += right;
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    }
  }
  return parts;
}

TEST(Bpe, WholeLinesFallApartOnlyWhereNoMergeJoins) {
  std::mt19937 random(1);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (int round = 0; round < 5; ++round) {
    std::vector<std::string> tokens = {"a", "b", "c", "d", kSpace};
    std::vector<std::string> merges;
    for (int i = 0; i < 25; ++i) {  // each joins what is there already
      const std::string& left = tokens[below(tokens.size())];
      const std::string& right = tokens[below(tokens.size())];
      if (std::find(tokens.begin(), tokens.end(), left + right) != tokens.end()) continue;
      merges.push_back(left + ' ' + right);
      tokens.push_back(left + right);
    }
    const auto tokenizer = text::make_tokenizer(bpe(tokens, merges, "superbpe"));
    for (const std::size_t size : {10U, 25U, 60U, 400U}) {
      std::string input;
      for (std::size_t i = 0; i < size; ++i) input += "abcd "[below(5)];
      std::vector<std::string> got;
      for (const TokenId id : tokenizer->encode(input, {.add_special = false})) {
        got.push_back(tokens[static_cast<std::size_t>(id)]);
      }
      EXPECT_EQ(got, merged_plainly(input, merges)) << input;
    }
  }
}

TEST(Bpe, PartOfALongWordIsNotTakenWhole) {
  // "bc" is a token that no merge makes: only a whole word may be it, where merges are ignored.
  const gguf::Metadata m = bpe({"a", "b", "c", "bc", "bca", "x"}, {"a a"}, "llama-bpe");
  EXPECT_EQ(encode(m, "bc"), (Ids{3}));
  const Ids ids = encode(m, std::string(30, 'x') + "bc");
  EXPECT_EQ(Ids(ids.end() - 3, ids.end()), (Ids{5, 1, 2}));
}

TEST(Bpe, MergesMayPassThroughTextsThatAreNoTokens) {
  EXPECT_EQ(encode(bpe({"a", "b", "c", "abc"}, {"a b", "ab c"}), "abc"), (Ids{3}));
  // "ab" is left over, no token, and is spelt out.
  EXPECT_EQ(encode(bpe({"a", "b", "c", "abc"}, {"a b", "ab c"}), "ab"), (Ids{0, 1}));
}

TEST(Bpe, FirstOfTwoEqualMergesCountsAndLinesWithoutSpaceNeverMatch) {
  EXPECT_EQ(encode(bpe({"a", "b", "c", "ab", "bc"}, {"a b", "b c", "a b"}), "abc"), (Ids{3, 2}));
  EXPECT_EQ(encode(bpe({"a", "b", "ab"}, {"ab"}), "ab"), (Ids{0, 1}));
}

TEST(Bpe, BytesAreSpeltInAliases) {
  const gguf::Metadata m = bpe({"a", kSpace, kSpace + "a", "\u00c3", "\u00a9"}, {kSpace + " a"});
  EXPECT_EQ(encode(m, "a a\u00e9"), (Ids{0, 2, 3, 4}));
  const auto t = text::make_tokenizer(m);
  EXPECT_EQ(t->decode(Ids{0, 2, 3, 4}, false), "a a\u00e9");
  EXPECT_EQ(t->piece(3, false), "\xC3");
}

TEST(Bpe, ByteWithoutTokenVanishes) { EXPECT_EQ(encode(bpe({"a"}, {}), "aza"), (Ids{0, 0})); }

TEST(Bpe, WholeTokenWinsWhereTheFamilyIgnoresMerges) {
  const std::vector<std::string> tokens = {"a", "b", "c", "ab", "abc", "bc"};
  const std::vector<std::string> merges = {"a b", "b c"};
  EXPECT_EQ(encode(bpe(tokens, merges, "llama-bpe"), "abc"), (Ids{4}));
  EXPECT_EQ(encode(bpe(tokens, merges, "qwen2"), "abc"), (Ids{3, 2}));
}

TEST(Bpe, PieceOutsideTheAliasesIsMarked) {
  const auto t = text::make_tokenizer(bpe({"a", "\u4e00"}, {}));
  EXPECT_EQ(t->piece(1, false), "[UNK_BYTE_0xe4b880\u4e00]");
}

TEST(Bpe, DefaultsFollowTheFamily) {
  std::vector<std::string> tokens;
  for (char c = 'a'; c <= 'z'; ++c) tokens.emplace_back(1, c);
  EXPECT_EQ(text::make_tokenizer(bpe(tokens, {}))->bos(), 11);
  EXPECT_FALSE(text::make_tokenizer(bpe(tokens, {}))->add_bos());
  EXPECT_TRUE(text::make_tokenizer(bpe(tokens, {}, "llama-bpe"))->add_bos());
  EXPECT_EQ(text::make_tokenizer(bpe(tokens, {}, "glm4"))->bos(), -1);
  EXPECT_EQ(text::make_tokenizer(bpe(tokens, {}, "glm4"))->eos(), 11);
}

TEST(Bpe, MissingPreIsAFindingAndUnknownPreAnError) {
  gguf::Metadata m = bpe({"a"}, {});
  m.erase("tokenizer.ggml.pre");
  EXPECT_EQ(text::make_tokenizer(m)->findings().size(), 1U);
  m.set("tokenizer.ggml.pre", std::string("gpt-9"));
  EXPECT_THROW(text::make_tokenizer(m), base::Error);
}

TEST(Bpe, MissingMergesAreAnErrorExceptForKimi) {
  gguf::Metadata m = bpe({"a"}, {});
  m.erase("tokenizer.ggml.merges");
  EXPECT_THROW(text::make_tokenizer(m), base::Error);
  m.set("tokenizer.ggml.pre", std::string("kimi-k2"));
  EXPECT_EQ(encode(m, "aa"), (Ids{0, 0}));
  m.set("tokenizer.ggml.merges", gguf::Array::of_f32(std::vector<float>{1}));
  EXPECT_THROW(text::make_tokenizer(m), base::Error);
}

TEST(Gemma4, SpacesAreMarkedAndUnknownCharactersBecomeByteTokens) {
  const std::string mark = "\xE2\x96\x81";
  std::vector<test::Token> tokens =
      test::spm_tokens({{mark}, {"a"}, {mark + "a"}, {"\n\n"}, {"\n"}});
  gguf::Metadata m = test::vocabulary("gemma4", tokens);
  m.set("tokenizer.ggml.merges", gguf::Array::of_strings({mark + " a"}));
  m.set("tokenizer.ggml.bos_token_id", std::uint32_t{1});
  m.set("tokenizer.ggml.add_bos_token", false);  // this kind adds it all the same
  const auto t = text::make_tokenizer(m);
  const TokenId own = test::kFirstOwn;
  EXPECT_EQ(t->encode("a a\u00e9\n\n", {}),
            (Ids{1, own + 1, own + 2, test::kFirstByte + 0xC3, test::kFirstByte + 0xA9, own + 3}));
  EXPECT_EQ(
      t->decode(Ids{own + 1, own + 2, test::kFirstByte + 0xC3, test::kFirstByte + 0xA9}, false),
      "a a\u00e9");
}

}  // namespace
