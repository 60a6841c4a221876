// Vocabularies that contradict themselves; docs/spec/gguf.md 5, docs/spec/tokenizers.md 1.
#include "base/error.h"
#include "text/vocabulary.h"

namespace {

using test::spm_tokens;
using test::vocabulary;

gguf::Metadata good() { return vocabulary("llama", spm_tokens({{"a", -1}, {"b", -2}})); }

/// The message of the error that make_tokenizer throws; fails if it throws none.
std::string refusal(const gguf::Metadata& m, base::Fault fault = base::Fault::bad_file) {
  try {
    text::make_tokenizer(m);
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), fault) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "accepted";
  return "";
}

TEST(BadVocabulary, NoModelName) {
  gguf::Metadata m = good();
  m.erase("tokenizer.ggml.model");
  EXPECT_THAT(refusal(m), testing::HasSubstr("key: tokenizer.ggml.model"));
}

TEST(BadVocabulary, UnknownModelListsTheKnownOnes) {
  gguf::Metadata m = good();
  m.set("tokenizer.ggml.model", std::string("abacus"));
  const std::string text = refusal(m, base::Fault::unsupported);
  EXPECT_THAT(text, testing::HasSubstr("found: abacus"));
  EXPECT_THAT(text, testing::HasSubstr("one of llama"));
}

TEST(BadVocabulary, ModelNameOfWrongType) {
  gguf::Metadata m = good();
  m.set("tokenizer.ggml.model", std::uint32_t{3});
  EXPECT_THAT(refusal(m), testing::HasSubstr("tokenizer.ggml.model"));
}

TEST(BadVocabulary, NoTokenList) {
  gguf::Metadata m = good();
  m.erase("tokenizer.ggml.tokens");
  EXPECT_THAT(refusal(m), testing::HasSubstr("the file has no token list"));
}

TEST(BadVocabulary, EmptyTokenList) {
  gguf::Metadata m = good();
  m.set("tokenizer.ggml.tokens", gguf::Array::of_strings({}));
  EXPECT_THAT(refusal(m), testing::HasSubstr("the token list is empty"));
}

TEST(BadVocabulary, TokenListOfNumbers) {
  gguf::Metadata m = good();
  m.set("tokenizer.ggml.tokens", gguf::Array::of_i32(std::vector<std::int32_t>{1, 2}));
  const std::string text = refusal(m);
  EXPECT_THAT(text, testing::HasSubstr("found: i32"));
  EXPECT_THAT(text, testing::HasSubstr("expected: str"));
}

TEST(BadVocabulary, ScoresShorterOrLonger) {
  for (const std::size_t n : {260U, 262U, 0U}) {
    gguf::Metadata m = good();
    m.set("tokenizer.ggml.scores", gguf::Array::of_f32(std::vector<float>(n)));
    const std::string text = refusal(m);
    EXPECT_THAT(text, testing::HasSubstr("key: tokenizer.ggml.scores"));
    EXPECT_THAT(text, testing::HasSubstr("found: " + std::to_string(n) + " values"));
    EXPECT_THAT(text, testing::HasSubstr("expected: 261"));
  }
}

TEST(BadVocabulary, TypesShorter) {
  gguf::Metadata m = good();
  m.set("tokenizer.ggml.token_type", gguf::Array::of_i32(std::vector<std::int32_t>(7, 1)));
  EXPECT_THAT(refusal(m), testing::HasSubstr("key: tokenizer.ggml.token_type"));
}

TEST(BadVocabulary, ScoreThatIsNoNumber) {
  gguf::Metadata m = good();
  std::vector<float> scores(261);
  scores[77] = std::nanf("");
  m.set("tokenizer.ggml.scores", gguf::Array::of_f32(scores));
  EXPECT_THAT(refusal(m), testing::HasSubstr("id: 77"));
}

TEST(BadVocabulary, TwoTokensWithOneText) {
  const gguf::Metadata m = vocabulary("llama", spm_tokens({{"a"}, {"b"}, {"a"}}));
  const std::string text = refusal(m);
  EXPECT_THAT(text, testing::HasSubstr("two tokens have the same text"));
  EXPECT_THAT(text, testing::HasSubstr("ids: 259 and 261"));
}

TEST(BadVocabulary, SpecialIdOutsideIsIgnoredWithAFinding) {
  gguf::Metadata m = good();
  m.set("tokenizer.ggml.bos_token_id", std::uint32_t{261});
  m.set("tokenizer.ggml.eos_token_id", std::int32_t{-1});
  const auto t = text::make_tokenizer(m);
  EXPECT_EQ(t->bos(), 1);
  EXPECT_EQ(t->eos(), 2);
  ASSERT_EQ(t->findings().size(), 2U);
  EXPECT_EQ(t->findings()[0].where, "tokenizer.ggml.bos_token_id");
  EXPECT_THAT(t->findings()[0].text, testing::HasSubstr("261"));
}

TEST(BadVocabulary, SpecialIdOfWrongType) {
  gguf::Metadata m = good();
  m.set("tokenizer.ggml.bos_token_id", std::string("one"));
  EXPECT_THAT(refusal(m), testing::HasSubstr("tokenizer.ggml.bos_token_id"));
}

TEST(BadVocabulary, DefaultIdThatASmallListDoesNotHaveIsNone) {
  const auto t = text::make_tokenizer(vocabulary("llama", {{"a"}}));
  EXPECT_EQ(t->bos(), -1);
  EXPECT_EQ(t->eos(), -1);
  EXPECT_THROW(t->encode("a", {.add_special = true}), base::Error);
}

TEST(Vocabulary, EmptyTextsGetAName) {
  const auto t = text::make_tokenizer(vocabulary("llama", spm_tokens({{""}, {""}})));
  EXPECT_EQ(t->find("[EMPTY_259]"), 259);
  EXPECT_EQ(t->find("[EMPTY_260]"), 260);
}

TEST(Vocabulary, MissingScoresAndTypesMeanZeroAndNormal) {
  gguf::Metadata m;
  m.set("tokenizer.ggml.model", std::string("llama"));
  m.set("tokenizer.ggml.tokens",
        gguf::Array::of_strings({"u", "s", "e", "\xE2\x96\x81", "a", "aa"}));
  const auto t = text::make_tokenizer(m);
  EXPECT_EQ(t->encode("aaa", {}), (std::vector<text::TokenId>{1, 3, 5, 4}));
}

}  // namespace
