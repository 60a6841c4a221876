// Against public vocabularies and the ids of their original tokenizers; docs/spec/tokenizers.md 9.
#include <chrono>

#include "text/sha256.h"
#include "text/vocabulary.h"

namespace {

using text::TokenId;

constexpr char kFolder[] = "data/tokenizers";

struct Vocabulary {
  std::string name;
  std::size_t wiki_ids;
  std::string wiki_hash;  // SHA-256 of the ids as little-endian i32
};

void PrintTo(const Vocabulary& v, std::ostream* out) { *out << v.name; }

std::string hash(const std::vector<TokenId>& ids) {
  return test::sha256(
      {reinterpret_cast<const unsigned char*>(ids.data()), ids.size() * sizeof(TokenId)});
}

class Golden : public testing::TestWithParam<Vocabulary> {
 protected:
  void SetUp() override {
    QUERN_NEEDS_SHARED(std::string(kFolder) + "/golden_cases.jsonl");
    tokenizer_ = test::open_vocabulary(
        test::shared_path(std::string(kFolder) + "/ggml-vocab-" + GetParam().name + ".gguf"));
  }
  std::string vocabulary_file(const std::string& suffix) const {
    return test::read_text(test::shared_path(std::string(kFolder) + "/ggml-vocab-" +
                                             GetParam().name + ".gguf" + suffix));
  }
  std::unique_ptr<text::Tokenizer> tokenizer_;
};

TEST_P(Golden, TextsOfTheOriginalTokenizer) {
  const std::string separator = "\n__ggml_vocab_test__\n";
  const std::string inputs = vocabulary_file(".inp");
  const std::vector<std::string> expected = test::split_lines(vocabulary_file(".out"));
  std::size_t at = 0;
  std::size_t n = 0;
  while (at < inputs.size()) {
    const std::size_t end = inputs.find(separator, at);
    const std::string input = inputs.substr(at, end - at);
    std::string ids;
    for (const TokenId id : tokenizer_->encode(input, {.add_special = false})) {
      ids += " " + std::to_string(id);
    }
    ASSERT_LT(n, expected.size());
    EXPECT_EQ(ids, expected[n]) << input;
    at = end + separator.size();
    ++n;
  }
  EXPECT_EQ(n, 46U);
}

TEST_P(Golden, CasesOfFlagsSpecialTokensAndBadBytes) {
  std::size_t n = 0;
  for (const std::string& line : test::split_lines(
           test::read_text(test::shared_path(std::string(kFolder) + "/golden_cases.jsonl")))) {
    const nlohmann::json c = nlohmann::json::parse(line);
    if (c.at("vocab") != GetParam().name) continue;
    ++n;
    const std::string input = test::golden_text(c);
    const std::vector<TokenId> ids = tokenizer_->encode(
        input, {.add_special = c.at("add_special"), .parse_special = c.at("parse_special")});
    EXPECT_EQ(ids, c.at("tokens").get<std::vector<TokenId>>()) << line;
    EXPECT_EQ(tokenizer_->decode(
                  c.at("tokens").get<std::vector<TokenId>>(),
                  {.special = c.at("unparse_special"), .remove_special = c.at("remove_special")}),
              test::golden_text(c.at("detok")))
        << line;
  }
  EXPECT_EQ(n, 172U);
}

TEST_P(Golden, WholeWikiText) {
  QUERN_NEEDS_SHARED("data/text/wiki.test.raw");
  const std::string text = test::read_text(test::shared_path("data/text/wiki.test.raw"));
  const std::vector<TokenId> ids = tokenizer_->encode(text, {.add_special = true});
  EXPECT_EQ(ids.size(), GetParam().wiki_ids);
  EXPECT_EQ(hash(ids), GetParam().wiki_hash);
}

TEST_P(Golden, HostileTextsTakeNearLinearTime) {
  const std::size_t n = 1U << 20;
  std::string emoji;
  while (emoji.size() < n)
    emoji += "\xF0\x9F\x91\xA8\xE2\x80\x8D";  // man, joiner: one long cluster
  for (const std::string& text :
       {std::string(n, 'a'), std::string(n, ' '), std::string(n, '\n'), std::string(n, ' ') + "1",
        std::string(n, '1'), std::string(n, '\''), std::string(n, '<'), std::string(n, '\xFF'),
        emoji}) {
    const auto start = std::chrono::steady_clock::now();
    const std::vector<TokenId> ids = tokenizer_->encode(text, {.parse_special = true});
    EXPECT_GT(ids.size(), 0U);
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took, std::chrono::seconds(20)) << text.substr(0, 4);  // quadratic would be hours
  }
}

INSTANTIATE_TEST_SUITE_P(
    Vocabularies, Golden,
    testing::Values(Vocabulary{"llama-spm", 335688,
                               "a10b63902928d4b9b8bc1e93c670792d2dcf098f9b9061534eda56bfc8ffc8df"},
                    Vocabulary{"deepseek-llm", 305347,
                               "aaa77f05d6304db129c2b8d08a59916ad6b1e1ca58da4164dddabd56889427f6"},
                    Vocabulary{"gpt-2", 286221,
                               "91b9603eafb80ba78f417de40b17c20cf87f84ea64dd5ee5ea9e2e49cb748188"},
                    Vocabulary{"starcoder", 355915,
                               "b36634ba84124f470b3b4981b086dd934c11b76248cc1c07571f750eac25fe5e"},
                    Vocabulary{"falcon", 327854,
                               "46754838bd59cf3c6f839990311bdd7f46ea3d3f9af403de4d68ab15297fd440"},
                    Vocabulary{"phi-3", 335688,
                               "a10b63902928d4b9b8bc1e93c670792d2dcf098f9b9061534eda56bfc8ffc8df"}),
    [](const auto& param) {
      std::string name = param.param.name;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST(TinyMla, FirstChunkOfTheEvaluationText) {
  const auto tokenizer = test::open_vocabulary(test::source_path("data/tiny-mla-bf16.gguf"));
  const std::string text = test::read_text(test::source_path("data/evaluation.txt"));
  const std::vector<TokenId> ids = tokenizer->encode(text, {.add_special = true});
  const auto bytes =
      test::read_bytes(test::source_path("tests/golden/tiny-mla/eval_chunk0_tokens.i32"));
  std::vector<TokenId> expected(bytes.size() / sizeof(TokenId));
  std::memcpy(expected.data(), bytes.data(), bytes.size());
  ASSERT_GE(ids.size(), expected.size());
  EXPECT_EQ(std::vector(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(expected.size())),
            expected);
}

TEST(TinyMla, CountsAndGreedyTextOfGolden) {
  const auto tokenizer = test::open_vocabulary(test::source_path("data/tiny-mla-bf16.gguf"));
  const auto golden = nlohmann::json::parse(
      test::read_text(test::source_path("tests/golden/tiny-mla/golden.json")));
  const auto count = [&](const char* file) {
    std::string text = test::read_text(test::source_path(file));
    text.pop_back();  // corpora lose their last line feed, docs/spec/tools.md 1
    return tokenizer->encode(text, {}).size();
  };
  EXPECT_EQ(count("data/evaluation.txt"), golden.at("eval_tokens"));
  EXPECT_EQ(count("data/calibration.txt"), golden.at("calib_tokens"));
  const auto ids = golden.at("greedy_tokens").get<std::vector<TokenId>>();
  EXPECT_EQ(tokenizer->decode(ids, {.remove_special = true}),
            " " + golden.at("greedy_text").get<std::string>());
}

}  // namespace
