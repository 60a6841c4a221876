#include "base/bytes.h"
#include "base/error.h"
#include "text/vocabulary.h"

namespace {

using text::TokenId;
using Ids = std::vector<TokenId>;
const std::string kMark = "\xE2\x96\x81";

/// <pad> 0, </s> 1, <unk> 2, then `more` from 3.
gguf::Metadata t5(const std::vector<test::Token>& more) {
  std::vector<test::Token> tokens = {{"<pad>", 0, 3}, {"</s>", 0, 3}, {"<unk>", 0, 2}};
  tokens.insert(tokens.end(), more.begin(), more.end());
  return test::vocabulary("t5", tokens);
}
Ids encode(const gguf::Metadata& m, std::string_view input) {
  return text::make_tokenizer(m)->encode(input, {.add_special = false});
}

/// A charsmap whose double array replaces byte `from` by `to`: node 0 -> child -> value.
gguf::Array charsmap(std::uint8_t from, const std::string& to) {
  std::vector<std::uint32_t> nodes(512);
  nodes[0] = 256U << 10;                           // children of the root: 256 ^ byte
  nodes[256U ^ from] = 1U << 10 | 1U << 8 | from;  // has a value, at its base: (256^from) ^ 1
  nodes[(256U ^ from) ^ 1U] = 0x80000000U;         // offset 0
  gguf::Array blob;
  blob.type = gguf::ValueType::u8;
  blob.fixed.resize(4 + nodes.size() * 4 + to.size() + 1);
  base::store(blob.fixed.data(), static_cast<std::uint32_t>(nodes.size() * 4));
  std::memcpy(blob.fixed.data() + 4, nodes.data(), nodes.size() * 4);
  std::memcpy(blob.fixed.data() + 4 + nodes.size() * 4, to.c_str(), to.size() + 1);
  return blob;
}

TEST(Unigram, BestSumOfScoresWins) {
  EXPECT_EQ(encode(t5({{"a", -1}, {"b", -1}, {"ab", -1.5F}}), "ab"), (Ids{5}));
  EXPECT_EQ(encode(t5({{"a", -1}, {"b", -1}, {"ab", -2.5F}}), "ab"), (Ids{3, 4}));
}

TEST(Unigram, FirstOfEqualSumsStays) {
  EXPECT_EQ(encode(t5({{"a", -1}, {"b", -1}, {"ab", -2}}), "ab"), (Ids{5}));
}

TEST(Unigram, UnknownCharactersInARowAreOneToken) {
  EXPECT_EQ(encode(t5({{"a", -1}}),
                   "xy\u00e9"
                   "az"),
            (Ids{2, 3, 2}));
}

TEST(Unigram, UserDefinedTokensCostNothing) {
  EXPECT_EQ(encode(t5({{"a", -1}, {"b", -1}, {"ab", -100, 4}}), "ab"), (Ids{5}));
}

TEST(Unigram, SpacesAndPrefix) {
  gguf::Metadata m = t5({{"a", -1}, {kMark + "a", -1}, {kMark, -2}});
  EXPECT_EQ(encode(m, "a a"), (Ids{3, 4}));
  m.set("tokenizer.ggml.add_space_prefix", true);
  EXPECT_EQ(encode(m, "a  a"), (Ids{4, 5, 4}));
  m.set("tokenizer.ggml.remove_extra_whitespaces", true);
  EXPECT_EQ(encode(m, "  a   a "), (Ids{4, 4}));
}

TEST(Unigram, EosAtTheEnd) {
  const auto t = text::make_tokenizer(t5({{"a", -1}}));
  EXPECT_EQ(t->encode("a", {.add_special = true}), (Ids{3, 1}));
}

TEST(Unigram, CharsmapReplaces) {
  gguf::Metadata m = t5({{"a", -1}, {"b", -1}});
  m.set("tokenizer.ggml.precompiled_charsmap", charsmap('A', "ab"));
  EXPECT_EQ(encode(m, "bAb"), (Ids{4, 3, 4, 4}));
}

TEST(Unigram, NoUnknownTokenIsAnErrorWhenNeeded) {
  const gguf::Metadata m = test::vocabulary("t5", {{"a"}, {kMark}});  // id 2 would be unknown
  EXPECT_EQ(encode(m, "aa"), (Ids{0, 0}));
  EXPECT_THROW(encode(m, "ab"), base::Error);
}

TEST(Unigram, BrokenCharsmapsAreRefused) {
  const auto with = [](auto change) {
    gguf::Array blob = charsmap('A', "ab");
    change(blob);
    gguf::Metadata m = t5({{"a", -1}});
    m.set("tokenizer.ggml.precompiled_charsmap", std::move(blob));
    return m;
  };
  EXPECT_THROW(encode(with([](gguf::Array& b) { b.fixed.resize(3); }), "a"), base::Error);
  EXPECT_THROW(encode(with([](gguf::Array& b) { b.fixed[1] = std::byte{0xFF}; }), "a"),
               base::Error);
  EXPECT_THROW(encode(with([](gguf::Array& b) { b.fixed.pop_back(); }), "a"), base::Error);
  EXPECT_THROW(
      encode(with([](gguf::Array& b) { base::store(b.fixed.data() + 4, 0xFFFFFC00U); }), "a"),
      base::Error);
  const auto far = with([](gguf::Array& b) {
    base::store(b.fixed.data() + 4 + 4 * ((256U ^ 'A') ^ 1U), 0x8000FFFFU);
  });
  EXPECT_THROW(encode(far, "A"), base::Error);
  const auto ring = with([](gguf::Array& b) {  // behind an A it is at the start again
    base::store(b.fixed.data() + 4 + 4 * (256U ^ 'A'), std::uint32_t{'A'} << 10 | 'A');
  });
  EXPECT_EQ(encode(ring, std::string(200, 'A')), (Ids{2}));
  EXPECT_THROW(encode(ring, std::string(300, 'A')), base::Error);
  const auto long_one = [](std::size_t n) {
    gguf::Metadata m = t5({{"a", -1}});
    m.set("tokenizer.ggml.precompiled_charsmap", charsmap('A', std::string(n, 'a')));
    return m;
  };
  EXPECT_EQ(encode(long_one(256), "A").size(), 256U);
  EXPECT_THROW(encode(long_one(257), "A"), base::Error);
}

TEST(Unigram, TokensOfMoreThanAKibibyteAreRefused) {
  EXPECT_EQ(encode(t5({{std::string(1024, 'a'), -1}}), std::string(1024, 'a')), (Ids{3}));
  EXPECT_THROW(encode(t5({{std::string(1025, 'a'), -1}}), "a"), base::Error);
}

TEST(Unigram, OneLongWordTakesNearLinearTime) {
  EXPECT_EQ(encode(t5({{"a", -1}, {"aaaa", -2}}), std::string(1U << 20, 'a')).size(), 1U << 18);
}

}  // namespace
