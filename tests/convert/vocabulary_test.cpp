#include "convert/vocabulary.h"

#include <cmath>
#include <functional>

#include "convert/convert_support.h"
#include "convert/original_words.h"
#include "convert/pre_name.h"
#include "convert/sentencepiece.h"
#include "convert/tiktoken.h"
#include "convert/tokenizer_json.h"
#include "text/tokenizer.h"

namespace {

using Json = nlohmann::json;

void expect_all(const std::string& text, const std::vector<std::string>& pieces) {
  for (const std::string& piece : pieces) EXPECT_NE(text.find(piece), std::string::npos) << text;
}

Json tokenizer_of(const std::string& model) {
  return Json::parse(
      test::read_text(test::source_path("tests/golden/models/" + model + "/tokenizer.json")));
}
std::string pre_of(const Json& root, base::Findings& findings, bool clean_spaces = false) {
  return convert::find_pre_name(convert::parse_tokenizer_json(root), clean_spaces, findings);
}

constexpr const char* kDigitsThenGpt2 = R"({"type": "Sequence", "pretokenizers": [
    {"type": "Digits", "individual_digits": true},
    {"type": "ByteLevel", "add_prefix_space": false}]})";

TEST(PreName, KnownExpressionsHaveTheirName) {
  struct Row {
    const char* model;
    const char* name;
  };
  for (const Row& row : {Row{"llama-rope3-tied", "llama-bpe"}, Row{"deepseek_v3", "deepseek-v3"},
                         Row{"mistral", "tekken"}}) {
    base::Findings findings;
    Json root = tokenizer_of(row.model);
    if (std::string(row.name) == "tekken") root["model"]["ignore_merges"] = true;  // as released
    EXPECT_EQ(pre_of(root, findings), row.name);
    EXPECT_TRUE(findings.empty()) << findings.front().text;
  }
  base::Findings findings;
  Json root = tokenizer_of("deepseek_v3");
  root["pre_tokenizer"] = Json::parse(kDigitsThenGpt2);
  EXPECT_EQ(pre_of(root, findings), "command-r");
  root["pre_tokenizer"] = {{"type", "ByteLevel"}};
  EXPECT_EQ(pre_of(root, findings, true), "gpt-2");
  EXPECT_EQ(pre_of(root, findings, false), "trillion");  // the same but for clean spaces
  EXPECT_TRUE(findings.empty());
}

TEST(PreName, OtherExpressionsThatCutAlikeAreAFinding) {
  Json root = tokenizer_of("deepseek_v3");
  root["pre_tokenizer"] = Json::parse(kDigitsThenGpt2);
  root["pre_tokenizer"]["pretokenizers"][0] = {
      {"type", "Split"}, {"pattern", {{"Regex", "\\p{N}{1}"}}}, {"behavior", "Isolated"}};
  base::Findings findings;
  EXPECT_EQ(pre_of(root, findings), "command-r");
  ASSERT_EQ(findings.size(), 1U);
  expect_all(findings[0].text, {"cuts a probe text"});
}

TEST(PreName, MergesThatAreIgnoredElsewhereAreAFinding) {
  Json root = tokenizer_of("deepseek_v3");
  root["model"]["ignore_merges"] = true;
  base::Findings findings;
  EXPECT_EQ(pre_of(root, findings), "deepseek-v3");
  ASSERT_EQ(findings.size(), 1U);
  expect_all(findings[0].text, {"ignore_merges"});
}

TEST(PreName, UnknownWaysOfCuttingAreRefused) {
  const auto refused = [](const Json& pre) {
    Json root = tokenizer_of("deepseek_v3");
    root["pre_tokenizer"] = {
        {"type", "Sequence"},
        {"pretokenizers", {pre, {{"type", "ByteLevel"}, {"use_regex", false}}}}};
    return test::refusal(base::Fault::unsupported, [&] {
      base::Findings findings;
      pre_of(root, findings);
    });
  };
  const auto split = [](const char* regex) {
    return Json{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}};
  };
  expect_all(refused(split("[a-z]")), {"no known pre-tokenizer", "[a-z]", "--pre"});
  expect_all(refused(split("[")), {"cannot be read", "offset"});
  expect_all(refused({{"type", "UnicodeScripts"}}), {"UnicodeScripts", "Split"});
  expect_all(refused(split("(\\S+\\s?)+x\\z")), {"expression"});
}

TEST(OriginalWords, PartsOfAnotherFormAreRefused) {
  const auto refused = [](const Json& pre) {
    return test::refusal(base::Fault::bad_file, [&] { convert::OriginalWords words(pre); });
  };
  const Json pattern = {{"String", "-"}};
  expect_all(refused(Json::array()), {"pre_tokenizer", "an object"});
  expect_all(refused({{"type", "Split"}, {"behavior", "Isolated"}}), {"Regex or String"});
  expect_all(refused({{"type", "Split"}, {"pattern", "-"}}), {"Regex or String"});
  expect_all(refused({{"type", "Split"}, {"pattern", {{"Regex", 7}}}}), {"Regex or String"});
  expect_all(refused({{"type", "Split"}, {"pattern", pattern}}), {"behavior", "MergedWithNext"});
  expect_all(refused({{"type", "Split"}, {"pattern", pattern}, {"behavior", "Merged\n"}}),
             {"behavior", "found: Merged\\n"});
}

TEST(OriginalWords, BehavioursOfASplit) {
  const auto words = [](const char* behaviour, bool invert) {
    return convert::OriginalWords({{"type", "Split"},
                                   {"pattern", {{"String", "-"}}},
                                   {"behavior", behaviour},
                                   {"invert", invert}})
        .split("the-final--countdown");
  };
  using V = std::vector<std::string>;
  EXPECT_EQ(words("Isolated", false), (V{"the", "-", "final", "-", "-", "countdown"}));
  EXPECT_EQ(words("Removed", false), (V{"the", "final", "countdown"}));
  EXPECT_EQ(words("Removed", true), (V{"-", "-", "-"}));
  EXPECT_EQ(words("Contiguous", false), (V{"the", "-", "final", "--", "countdown"}));
  EXPECT_EQ(words("MergedWithPrevious", false), (V{"the-", "final-", "-", "countdown"}));
  EXPECT_EQ(words("MergedWithNext", false), (V{"the", "-final", "-", "-countdown"}));
}

TEST(HfRegex, CaseInsensitiveGroupsAreWrittenOut) {
  EXPECT_EQ(convert::HfRegex::without_case_groups(R"((?i:'s|'re|\p{L})x(?i:(a)|b)c)"),
            R"((?:'[sS]|'[rR][eE]|\p{L})x(?:([aA])|[bB])c)");
}

TEST(TokenizerJson, MergesInBothSpellings) {
  Json root = tokenizer_of("deepseek_v3");
  const auto pairs = convert::parse_tokenizer_json(root);
  for (Json& merge : root["model"]["merges"]) {
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  }
  const auto lines = convert::parse_tokenizer_json(root);
  EXPECT_EQ(pairs.merges, lines.merges);
  EXPECT_EQ(pairs.merges.front(), "h e");
}

TEST(TokenizerJson, TheTemplateTellsWhatIsPutAroundAText) {
  Json root = tokenizer_of("deepseek_v3");
  EXPECT_FALSE(convert::parse_tokenizer_json(root).has_post_processor);
  root["post_processor"] = Json::parse(R"({"type": "Sequence", "processors": [
      {"type": "ByteLevel"}, {"type": "TemplateProcessing", "single": [
      {"SpecialToken": {"id": "<b>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]}]})");
  const auto parsed = convert::parse_tokenizer_json(root);
  EXPECT_TRUE(parsed.has_post_processor);
  EXPECT_EQ(parsed.begin, "<b>");
  EXPECT_FALSE(parsed.end);
}

/// A SentencePiece-like tokenizer.json: its scores must order merges as the ranks do.
TEST(TokenizerJson, ScoresOfBytesFallbackBpeComeFromTheMerges) {
  const Json root = Json::parse(R"({"normalizer": {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
      "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": true,
      "vocab": {"<unk>": 0, "<0x41>": 1, "a": 2, "b": 3, "ab": 4, "aba": 5},
      "merges": ["a b", "ab a"]}})");
  const auto parsed = convert::parse_tokenizer_json(root);
  EXPECT_EQ(parsed.kind, convert::TokenizerJson::Kind::spm);
  EXPECT_TRUE(parsed.add_prefix_space);
  EXPECT_EQ(parsed.tokens.types(), (std::vector<std::int32_t>{2, 6, 1, 1, 1, 1}));
  EXPECT_EQ(parsed.tokens.scores()[4], 0);
  EXPECT_EQ(parsed.tokens.scores()[5], -1);
  EXPECT_LT(parsed.tokens.scores()[2], -1);
}

TEST(TokenizerJsonMalformed, EveryPlaceIsNamed) {
  const auto refused = [](base::Fault fault, const std::function<void(Json&)>& change) {
    Json root = tokenizer_of("deepseek_v3");
    change(root);
    return test::refusal(fault, [&] { convert::parse_tokenizer_json(root); });
  };
  using base::Fault;
  expect_all(refused(Fault::bad_file, [](Json& r) { r = Json::array(); }), {"an object"});
  expect_all(refused(Fault::bad_file, [](Json& r) { r.erase("model"); }), {"model"});
  expect_all(refused(Fault::bad_file, [](Json& r) { r["model"]["vocab"] = Json::object(); }),
             {"model.vocab"});
  expect_all(refused(Fault::bad_file, [](Json& r) { r["model"]["vocab"]["x"] = "7"; }),
             {"model.vocab", "a token id"});
  expect_all(refused(Fault::bad_file, [](Json& r) { r["model"]["vocab"]["x"] = -5; }),
             {"impossible id", "-5"});
  expect_all(refused(Fault::bad_file, [](Json& r) { r["model"]["vocab"]["x"] = 99999999999; }),
             {"model.vocab", "found: 99999999999", "a token id, 0 to"});
  expect_all(refused(Fault::bad_file, [](Json& r) { r["model"]["vocab"]["x"] = 5; }),
             {"id 5", "an id of its own"});
  expect_all(refused(Fault::bad_file, [](Json& r) { r["model"]["merges"][0] = "he"; }),
             {"model.merges"});
  expect_all(refused(Fault::bad_file,
                     [](Json& r) {
                       r["model"]["merges"][0] = {"a", "b", "c"};
                     }),
             {"model.merges"});
  expect_all(refused(Fault::unsupported,
                     [](Json& r) {
                       r["model"]["merges"][0] = {"a b", "c"};
                     }),
             {"a space in its left part"});
  expect_all(refused(Fault::bad_file, [](Json& r) { r["added_tokens"][0].erase("id"); }),
             {"added_tokens"});
  expect_all(refused(Fault::unsupported, [](Json& r) { r["model"]["type"] = "WordLevel"; }),
             {"WordLevel", "BPE or Unigram"});
  expect_all(refused(Fault::unsupported,
                     [](Json& r) {
                       r["normalizer"] = {{"type", "Lowercase"}};
                     }),
             {"Lowercase"});
  expect_all(refused(Fault::unsupported,
                     [](Json& r) {
                       r.erase("decoder");
                       r["pre_tokenizer"] = {{"type", "Whitespace"}};
                     }),
             {"no name for", "ByteLevel, or byte_fallback"});
}

TEST(TokenizerJsonMalformed, MergesThatAreMissingOrNeverHappen) {
  Json root = tokenizer_of("deepseek_v3");
  EXPECT_EQ(convert::parse_tokenizer_json(root).n_dead_merges, 0U);
  root["model"]["merges"].push_back({"zq", "qz"});
  root["model"]["merges"].push_back({"h", "zzz"});
  const auto parsed = convert::parse_tokenizer_json(root);
  EXPECT_EQ(parsed.n_dead_merges, 2U);
  EXPECT_EQ(parsed.dead_merge, "zq qz");
  for (const Json& none : {Json(), Json::array()}) {
    root["model"]["merges"] = none;
    expect_all(test::refusal(base::Fault::bad_file, [&] { convert::parse_tokenizer_json(root); }),
               {"model.merges", "found: none", "incomplete"});
  }
  // Single symbols need none.
  root["model"]["vocab"] = {{"a", 0}, {"\xC4\xA0", 1}};
  EXPECT_TRUE(convert::parse_tokenizer_json(root).merges.empty());
}

TEST(TokenizerJsonMalformed, OfUnigramModels) {
  const auto refused = [](const Json& vocab, const Json& normalizer = nullptr) {
    const Json root = {{"normalizer", normalizer},
                       {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocab}}}};
    return test::refusal(base::Fault::bad_file, [&] { convert::parse_tokenizer_json(root); });
  };
  expect_all(refused(Json::object()), {"model.vocab", "a list of pieces with scores"});
  expect_all(refused(Json::array()), {"model.vocab"});
  for (const Json& piece : {Json("a"), Json::array({"a"}), Json::array({-1.5, "a"}),
                            Json::array({"a", -1.5, 0}), Json::array({"a", nullptr})}) {
    expect_all(refused(Json::array({piece})), {"model.vocab", "pairs of text and score"});
  }
  const Json good = Json::array({Json::array({"a", -1.5})});
  expect_all(refused(good, {{"type", "Precompiled"}, {"precompiled_charsmap", "?*"}}),
             {"precompiled_charsmap", "base64"});
}

// a, b, c, ab, abc, and a space with a letter behind it that only a whole word gives.
constexpr const char* kTiktoken = "YQ== 0\nYg== 1\r\nYw== 2\nYWI= 3\nYWJj 4\n\nIHh5 5\n";

TEST(Tiktoken, TokensAndTheMergesThatMakeThem) {
  const auto parsed = convert::parse_tiktoken(kTiktoken);
  EXPECT_EQ(parsed.tokens.texts(),
            (std::vector<std::string>{"a", "b", "c", "ab", "abc", "\xC4\xA0xy"}));
  EXPECT_EQ(parsed.merges, (std::vector<std::string>{"a b", "ab c"}));
}

TEST(TiktokenMalformed, TheLineIsNamed) {
  const auto refused = [](const char* text) {
    return test::refusal(base::Fault::bad_file, [&] { convert::parse_tiktoken(text); });
  };
  expect_all(refused(""), {"no tokens"});
  expect_all(refused("YQ== 0\nYg==\n"), {"a token and a rank", "line: 2"});
  expect_all(refused("Y*== 0"), {"base64", "line: 1"});
  expect_all(refused(" 0"), {"base64"});
  expect_all(refused("YQ== x"), {"not a rank", "x"});
  expect_all(refused("YQ== -1"), {"not a rank"});
  expect_all(refused("YQ== 99999999"), {"impossible id"});
  expect_all(refused("YQ== 0\nYQ== 1"), {"a token twice", "line: 2"});
  expect_all(refused("YQ== 0\nYg== 0"), {"a rank twice", "line: 2"});
}

/// Appends to a protobuf message.
class Proto {
 public:
  Proto& number(std::uint32_t field, std::uint64_t v) { return varint(field << 3).varint(v); }
  Proto& real(std::uint32_t field, float v) {
    varint(field << 3 | 5U);
    const auto bytes = std::as_bytes(std::span(&v, 1));
    data_.insert(data_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Proto& bytes(std::uint32_t field, std::span<const std::byte> b) {
    varint(field << 3 | 2U).varint(b.size());
    data_.insert(data_.end(), b.begin(), b.end());
    return *this;
  }
  Proto& text(std::uint32_t field, const std::string& s) {
    return bytes(field, std::as_bytes(std::span(s)));
  }
  Proto& varint(std::uint64_t v) {
    for (; v >= 128; v >>= 7) data_.push_back(static_cast<std::byte>(v | 128));
    data_.push_back(static_cast<std::byte>(v));
    return *this;
  }
  const std::vector<std::byte>& data() const { return data_; }

 private:
  std::vector<std::byte> data_;
};

TEST(SentencePiece, FieldsOfTheModel) {
  const Proto piece = Proto().text(1, "ab").real(2, -1.5F).number(3, 4);
  const Proto trainer =
      Proto().number(3, 2).number(4, 100).number(41, 7).number(43, static_cast<std::uint64_t>(-1));
  const Proto normalizer = Proto().text(1, "nmt").text(2, "map").number(3, 0).number(4, 0);
  const auto model = convert::parse_sentencepiece(Proto()
                                                      .bytes(1, piece.data())
                                                      .bytes(2, trainer.data())
                                                      .bytes(3, normalizer.data())
                                                      .number(9, 5)
                                                      .data());
  ASSERT_EQ(model.pieces.size(), 1U);
  EXPECT_EQ(model.pieces[0].text, "ab");
  EXPECT_EQ(model.pieces[0].score, -1.5F);
  EXPECT_EQ(model.pieces[0].type, 4);
  EXPECT_EQ(model.kind, convert::SentencePieceModel::Kind::bpe);
  EXPECT_EQ(model.bos_id, 7);
  EXPECT_EQ(model.eos_id, 2);
  EXPECT_EQ(model.pad_id, -1);
  EXPECT_EQ(model.charsmap, "map");
  EXPECT_FALSE(model.add_dummy_prefix);
  EXPECT_FALSE(model.remove_extra_whitespaces);
}

TEST(SentencePieceMalformed, EveryMistakeHasItsOffset) {
  const auto refused = [](std::span<const std::byte> bytes) {
    return test::refusal(base::Fault::bad_file, [&] { convert::parse_sentencepiece(bytes); });
  };
  const auto piece = [](const Proto& p) { return Proto().bytes(1, p.data()).data(); };
  expect_all(refused({}), {"no pieces"});
  expect_all(refused(Proto().varint(1 << 3 | 2).varint(100).data()), {"ends inside", "offset: 2"});
  expect_all(refused(Proto().number(1, 5).data()), {"wrong wire type", "field: 1"});
  expect_all(refused(Proto().varint(1 << 3 | 3).data()), {"unknown wire type"});
  expect_all(refused(Proto().varint(2).data()), {"without number"});
  expect_all(refused(std::vector<std::byte>(12, std::byte{0xFF})), {"more than ten bytes"});
  expect_all(refused(piece(Proto().real(2, INFINITY))), {"not finite", "offset: 2"});
  expect_all(refused(piece(Proto().number(3, 9))), {"unknown type", "1 to 6"});
  expect_all(refused(piece(Proto().number(1, 9))), {"wrong wire type"});
  expect_all(refused(Proto().bytes(2, Proto().number(3, 9).data()).data()),
             {"an unknown kind of model", "offset: 2"});
}

TEST(Vocabulary, OfFoldersWithBothKindsOfTokenizer) {
  for (const char* name : {"llama", "deepseek_v3"}) {
    const auto folder = convert::ModelFolder::open(test::model_folder(name));
    const std::size_t n = folder.config().count("vocab_size");
    const auto vocabulary = convert::read_vocabulary(folder, n);
    EXPECT_TRUE(vocabulary.findings.empty()) << name << ": " << vocabulary.findings.front().text;
    const auto tokenizer = text::make_tokenizer(vocabulary.metadata);
    EXPECT_EQ(tokenizer->size(), n) << name;
    EXPECT_TRUE(tokenizer->add_bos()) << name;
    const std::string text = "The quick brown fox, 1234 times.";
    const auto ids = tokenizer->encode(text, {.add_special = false});
    EXPECT_LT(ids.size(), text.size());
    EXPECT_EQ(tokenizer->decode(ids, false), text);
  }
}

/// A folder whose vocabulary files are changed.
class Spoilt {
 public:
  explicit Spoilt(const std::string& name) {
    test::copy_folder(test::model_folder(name), dir_ / "m");
  }
  std::filesystem::path operator/(const std::string& name) const { return dir_ / "m" / name; }
  convert::Vocabulary read(std::size_t n_vocab) const {
    return convert::read_vocabulary(convert::ModelFolder::open(dir_ / "m"), n_vocab);
  }

 private:
  test::TempDir dir_;
};

TEST(Vocabulary, RowsWithoutTokenAreFilledUp) {
  const auto metadata = Spoilt("deepseek_v3").read(325).metadata;
  const gguf::Array* tokens = metadata.array("tokenizer.ggml.tokens");
  ASSERT_EQ(tokens->size(), 325U);
  EXPECT_EQ(tokens->strings[324], "[PAD324]");
  EXPECT_EQ(metadata.array("tokenizer.ggml.token_type")->integer(324), 5);
  EXPECT_EQ(metadata.array("tokenizer.ggml.token_type")->integer(319), 3);
}

TEST(Vocabulary, MoreTokensThanRowsAreRefused) {
  expect_all(test::refusal(base::Fault::bad_file, [] { Spoilt("deepseek_v3").read(319); }),
             {"more tokens than the model", "320 tokens", "at most 319"});
}

TEST(Vocabulary, SpecialTokensTemplatesAndFlags) {
  Spoilt folder("deepseek_v3");
  Json config = Json::parse(test::read_text(folder / "tokenizer_config.json"));
  config["pad_token"] = {{"content", config["eos_token"]}, {"special", true}};
  config["add_bos_token"] = false;
  config["add_eos_token"] = true;
  config["chat_template"] = {{{"name", "default"}, {"template", "A{{ bos_token }}"}},
                             {{"name", "tool_use"}, {"template", "B"}}};
  config["added_tokens_decoder"]["320"] = {{"content", "<new tool>"}, {"special", false}};
  test::write_text(folder / "tokenizer_config.json", config.dump());
  const auto vocabulary = folder.read(321);
  const gguf::Metadata& m = vocabulary.metadata;
  EXPECT_EQ(m.integer("tokenizer.ggml.bos_token_id"), 318);
  EXPECT_EQ(m.integer("tokenizer.ggml.eos_token_id"), 319);
  EXPECT_EQ(m.integer("tokenizer.ggml.padding_token_id"), 319);
  EXPECT_EQ(m.boolean("tokenizer.ggml.add_bos_token"), false);
  EXPECT_EQ(m.boolean("tokenizer.ggml.add_eos_token"), true);
  EXPECT_EQ(m.string("tokenizer.chat_template"), "A{{ bos_token }}");
  EXPECT_EQ(m.string("tokenizer.chat_template.tool_use"), "B");
  EXPECT_EQ(m.array("tokenizer.ggml.token_type")->integer(320), 4);
  EXPECT_EQ(m.array("tokenizer.ggml.tokens")->strings[320], "<new tool>");
  EXPECT_TRUE(vocabulary.findings.empty()) << vocabulary.findings.front().text;
}

TEST(Vocabulary, WhatCannotBeUsedOfSpecialTokensIsTold) {
  struct Row {
    const char* file;
    const char* key;
    Json value;
    std::vector<std::string> says;
  };
  const Json unnamed = Json::array({{{"name", "default"}}});
  for (const Row& row : std::vector<Row>{
           {"tokenizer_config.json", "eos_token", "<nope>", {"\"<nope>\" is no token", "319 is"}},
           {"tokenizer_config.json", "bos_token", 5, {"5 is not the text of a token", "318 is"}},
           {"generation_config.json", "eos_token_id", "x", {"\"x\" is not the id", "319 is"}},
           {"generation_config.json", "eos_token_id", 99999, {"99999 is outside", "320 tokens"}},
           {"generation_config.json", "mask_token_id", 99999, {"no other place names one"}},
           {"tokenizer_config.json", "chat_template", 5, {"5 is no template", "none is written"}},
           {"tokenizer_config.json", "add_bos_token", "yes", {"\"yes\" is not true or false"}},
           {"tokenizer_config.json",
            "chat_template",
            "{% endfro %}",
            {"tokenizer_config.json chat_template: no statement 'endfro'"}},
           {"tokenizer_config.json", "chat_template", unnamed, {"no text under"}}}) {
    Spoilt folder("deepseek_v3");
    Json changed = std::filesystem::exists(folder / row.file)
                       ? Json::parse(test::read_text(folder / row.file))
                       : Json::object();
    changed[row.key] = row.value;
    test::write_text(folder / row.file, changed.dump());
    const auto vocabulary = folder.read(320);
    ASSERT_EQ(vocabulary.findings.size(), 1U) << row.key;
    expect_all(vocabulary.findings[0].where + ": " + vocabulary.findings[0].text, row.says);
    EXPECT_EQ(vocabulary.metadata.integer("tokenizer.ggml.bos_token_id"), 318);
    EXPECT_EQ(vocabulary.metadata.integer("tokenizer.ggml.eos_token_id"), 319);
    EXPECT_FALSE(vocabulary.metadata.has("tokenizer.ggml.mask_token_id"));
  }
}

TEST(Vocabulary, TheIdOfTokenizerModelCountsAsOneThatIsTaken) {
  Spoilt folder("llama");
  Json config = Json::parse(test::read_text(folder / "config.json"));
  config.erase("bos_token_id");
  test::write_text(folder / "config.json", config.dump());
  test::write_text(folder / "tokenizer_config.json", R"({"bos_token": "<nope>"})");
  const auto vocabulary = folder.read(400);
  ASSERT_EQ(vocabulary.findings.size(), 1U);
  expect_all(vocabulary.findings[0].text, {"\"<nope>\" is no token", "token 1 is taken"});
  EXPECT_EQ(vocabulary.metadata.integer("tokenizer.ggml.bos_token_id"), 1);
}

TEST(Vocabulary, WithoutAWayOfCuttingOneMustBeNamed) {
  Spoilt folder("deepseek_v3");
  Json root = tokenizer_of("deepseek_v3");
  root["pre_tokenizer"] = nullptr;
  test::write_text(folder / "tokenizer.json", root.dump());
  expect_all(test::refusal(base::Fault::unsupported, [&] { folder.read(320); }),
             {"pre_tokenizer", "found: null", "--pre NAME", "tokenizer.json"});
  Json other = tokenizer_of("deepseek_v3");
  other["pre_tokenizer"] = {{"type", "Split"},
                            {"pattern", {{"Regex", "[a-z]+"}}},
                            {"behavior", "Isolated"},
                            {"invert", false}};
  test::write_text(folder / "tokenizer.json", other.dump());
  expect_all(test::refusal(base::Fault::unsupported, [&] { folder.read(320); }),
             {"key: pre_tokenizer", "--pre NAME", (folder / "tokenizer.json").string()});
}

TEST(Vocabulary, ATemplateThatCannotBeRenderedIsKeptWithAFinding) {
  Spoilt folder("llama");
  test::write_text(folder / "chat_template.jinja", "{% nonsense %}");
  const auto vocabulary = folder.read(400);
  EXPECT_EQ(vocabulary.metadata.string("tokenizer.chat_template"), "{% nonsense %}");
  EXPECT_EQ(vocabulary.findings.size(), 1U);
}

TEST(Vocabulary, AFolderWithoutTokenizerIsRefused) {
  Spoilt folder("llama");
  std::filesystem::remove(folder / "tokenizer.model");
  expect_all(test::refusal(base::Fault::io, [&] { folder.read(400); }),
             {"no vocabulary", "tokenizer.json, tokenizer.model or tiktoken.model"});
  for (const char* spoilt : {"", "abc"}) {
    test::write_text(folder / "tokenizer.model", spoilt);
    expect_all(test::refusal(base::Fault::bad_file, [&] { folder.read(400); }),
               {(folder / "tokenizer.model").string(), "; "});
  }
  for (const char* spoilt : {"{}", "hello", "[["}) {
    test::write_text(folder / "tokenizer.json", spoilt);
    expect_all(test::refusal(base::Fault::bad_file, [&] { folder.read(400); }),
               {(folder / "tokenizer.json").string(), "; "});
  }
}

}  // namespace
