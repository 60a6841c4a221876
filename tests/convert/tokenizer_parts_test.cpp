// Parts of tokenizers that GGUF has no word for, and ids at which a model stops.
#include "convert/sentencepiece.h"
#include "convert/spoilt_folder.h"
#include "convert/tokenizer_json.h"
#include "convert/vocabulary.h"
#include "text/tokenizer.h"

namespace {

using Json = nlohmann::json;
using test::expect_all;
using Kind = convert::TokenizerJson::Kind;

constexpr const char* kMark = "\xE2\x96\x81";

/// A small tokenizer.json of one kind.
Json tokenizer_of(Kind kind) {
  Json model{{"type", "BPE"}, {"vocab", {{"a", 0}, {"b", 1}}}, {"merges", Json::array()}};
  Json pre{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  if (kind == Kind::spm) model["byte_fallback"] = true;
  if (kind == Kind::unigram) {
    model = {{"type", "Unigram"},
             {"unk_id", 0},
             {"vocab", Json::array({Json::array({"a", -1.0}), Json::array({"b", -2.0})})}};
  }
  if (kind != Kind::byte_bpe) pre = {{"type", "Metaspace"}, {"replacement", kMark}};
  return {{"normalizer", nullptr}, {"pre_tokenizer", pre}, {"model", model}};
}

Json replace(const Json& pattern, const std::string& content) {
  return {{"type", "Replace"}, {"pattern", pattern}, {"content", content}};
}
Json sequence(const char* list, const Json& parts) { return {{"type", "Sequence"}, {list, parts}}; }

/// A tokenizer with one thing changed, and what is said about it.
struct Case {
  Kind kind;
  Json::json_pointer place;
  Json value;
  std::vector<std::string> refusal;  ///< pieces of the message; none: accepted
  std::string finding = {};          ///< a piece of the only one; empty: there is none
};

std::vector<Case> cases() {
  const auto normalizer = "/normalizer"_json_pointer;
  const auto pre = "/pre_tokenizer"_json_pointer;
  const Json space = {{"String", " "}}, several = {{"Regex", " {2,}"}};
  const Json to_mark = replace(space, kMark), letters = replace({{"String", "a"}}, "b");
  const Json strip = {{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}};
  const Json prepend = {{"type", "Prepend"}, {"prepend", kMark}};
  const Json digits = {{"type", "Digits"}, {"individual_digits", true}};
  return {
      {Kind::byte_bpe, normalizer, {{"type", "NFC"}}, {}},
      {Kind::byte_bpe, normalizer, {{"type", "NFKC"}}, {"key: normalizer", "NFKC"}},
      {Kind::byte_bpe, normalizer, letters, {"Replace: \"a\" -> \"b\""}},
      {Kind::byte_bpe, normalizer, to_mark, {"Replace"}},
      {Kind::byte_bpe, normalizer, prepend, {"Prepend"}},
      {Kind::byte_bpe, normalizer, strip, {"Strip"}},
      {Kind::byte_bpe,
       "/pre_tokenizer/add_prefix_space"_json_pointer,
       true,
       {"pre_tokenizer.add_prefix_space", "true"}},
      {Kind::byte_bpe,
       "/model/end_of_word_suffix"_json_pointer,
       "</w>",
       {"model.end_of_word_suffix", "</w>"}},
      {Kind::byte_bpe,
       "/model/continuing_subword_prefix"_json_pointer,
       "##",
       {"model.continuing_subword_prefix", "##"}},
      {Kind::byte_bpe, "/model/end_of_word_suffix"_json_pointer, "", {}},
      {Kind::byte_bpe, "/model/dropout"_json_pointer, 0.1, {}, "left out by chance"},
      {Kind::byte_bpe, "/model/dropout"_json_pointer, 0.0, {}},
      {Kind::spm, normalizer, sequence("normalizers", {prepend, to_mark}), {}},
      {Kind::spm, normalizer, sequence("normalizers", {to_mark, letters}), {"Replace: \"a"}},
      {Kind::spm, normalizer, replace(several, " "), {"Replace: \" {2,}"}},
      {Kind::spm, normalizer, {{"type", "Prepend"}, {"prepend", "_"}}, {"Prepend"}},
      {Kind::spm, normalizer, strip, {"Strip"}},
      {Kind::spm, pre, {{"type", "Metaspace"}, {"replacement", "_"}}, {"replacement", "_"}},
      {Kind::spm, pre, {{"type", "Split"}, {"pattern", space}}, {}},
      {Kind::spm, pre, digits, {}, "Digits is not written"},
      {Kind::unigram, normalizer, sequence("normalizers", {strip, replace(several, kMark)}), {}},
      {Kind::unigram, normalizer, strip, {"Strip"}},
      {Kind::unigram, normalizer, letters, {"Replace"}},
  };
}

TEST(TokenizerParts, WhatGgufCannotSayIsRefusedOrTold) {
  for (const Case& c : cases()) {
    Json root = tokenizer_of(c.kind);
    root[c.place] = c.value;
    if (!c.refusal.empty()) {
      expect_all(
          test::refusal(base::Fault::unsupported, [&] { convert::parse_tokenizer_json(root); }),
          c.refusal);
      continue;
    }
    const base::Findings findings = convert::parse_tokenizer_json(root).findings;
    ASSERT_EQ(findings.size(), c.finding.empty() ? 0U : 1U) << c.value;
    if (!c.finding.empty()) expect_all(findings[0].text, {c.finding});
  }
}

TEST(TokenizerParts, SeveralSpacesCountAsOneOnlyWhereTheOriginalSaysSo) {
  Json root = tokenizer_of(Kind::unigram);
  EXPECT_FALSE(convert::parse_tokenizer_json(root).remove_extra_spaces);
  root["pre_tokenizer"] =
      sequence("pretokenizers", {{{"type", "WhitespaceSplit"}}, {{"type", "Metaspace"}}});
  EXPECT_TRUE(convert::parse_tokenizer_json(root).remove_extra_spaces);
  root = tokenizer_of(Kind::unigram);
  root["normalizer"] = replace({{"Regex", " {2,}"}}, " ");
  EXPECT_TRUE(convert::parse_tokenizer_json(root).remove_extra_spaces);
}

convert::Vocabulary vocabulary_of(const test::SpoiltFolder& folder) {
  const auto opened = convert::ModelFolder::open(folder.path());
  return convert::read_vocabulary(opened, opened.config().count("vocab_size"));
}

TEST(TokenizerParts, TokensThatTakeWhiteSpaceAreTold) {
  test::SpoiltFolder folder("deepseek_v3");
  Json root = folder.json("tokenizer.json");
  root["added_tokens"][0]["lstrip"] = true;
  root["added_tokens"][1]["rstrip"] = true;
  folder.put("tokenizer.json", root);
  const base::Findings findings = vocabulary_of(folder).findings;
  ASSERT_EQ(findings.size(), 1U);
  expect_all(findings[0].where + findings[0].text, {"begin", "2 tokens take the white space"});
}

TEST(TokenizerParts, TokensThatAreNoneInsideAWordAreTold) {
  test::SpoiltFolder folder("deepseek_v3");
  Json root = folder.json("tokenizer.json");
  root["added_tokens"][0]["single_word"] = true;
  folder.put("tokenizer.json", root);
  const base::Findings findings = vocabulary_of(folder).findings;
  ASSERT_EQ(findings.size(), 1U);
  expect_all(findings[0].where + findings[0].text, {"begin", "1 tokens are none inside a word"});
}

TEST(TokenizerParts, AddedTokensCountEvenIfTheRestOfTheFileIsNotRead) {
  test::SpoiltFolder folder("llama");
  folder.put("tokenizer.json",
             {{"normalizer", {{"type", "Lowercase"}}},
              {"added_tokens", {{{"id", 399}, {"content", "<tool>"}, {"special", true}}}},
              {"model", {{"type", "BPE"}, {"byte_fallback", true}, {"vocab", {{"a", 0}}}}}});
  const auto vocabulary = vocabulary_of(folder);
  EXPECT_EQ(vocabulary.metadata.array("tokenizer.ggml.tokens")->strings[399], "<tool>");
  ASSERT_FALSE(vocabulary.findings.empty());
  expect_all(vocabulary.findings[0].text, {"Lowercase", "passed over for tokenizer.model"});
}

TEST(SentencePieceParts, WhatTheKindDoesNotDoIsRefused) {
  struct Row {
    std::string message;  ///< appended to the model: a second normalizer or trainer
    std::vector<std::string> pieces;
  };
  const Row rows[] = {
      {"\x1A\x05\x12\x03map", {"precompiled_charsmap", "identity"}},
      {std::string("\x1A\x02\x20\x01"), {"remove_extra_whitespaces", "expected: false"}},
      {std::string("\x1A\x02\x28\x00", 4), {"escape_whitespaces"}},
      {std::string("\x12\x03\xC0\x01\x01"), {"treat_whitespace_as_suffix"}},
  };
  for (const Row& row : rows) {
    test::SpoiltFolder folder("llama");
    test::write_text(folder / "tokenizer.model",
                     test::read_text(folder / "tokenizer.model") + row.message);
    expect_all(folder.refused(base::Fault::unsupported), row.pieces);
  }
}

/// Ids 316 and 317 of the folder become <|user|> and <|observation|>, 315 <|extra|>.
test::SpoiltFolder& with_roles(test::SpoiltFolder& folder) {
  Json config = folder.json("tokenizer_config.json");
  for (const auto& [id, text] : {std::pair{"315", "<|extra|>"}, std::pair{"316", "<|user|>"},
                                 std::pair{"317", "<|observation|>"}}) {
    config["added_tokens_decoder"][id] = {{"content", text}, {"special", true}};
  }
  folder.put("tokenizer_config.json", config);
  return folder;
}

TEST(StopTokens, FurtherIdsOfAListGetKeysAndAReaderStopsAtThem) {
  struct Row {
    Json config, generation;
    std::optional<std::int64_t> eot, eom;
    std::vector<std::string> findings;
    std::vector<text::TokenId> stops;
  };
  const Row rows[] = {
      {319, nullptr, {}, {}, {}, {319}},
      {{319, 316, 317}, nullptr, 316, 317, {}, {319, 316, 317}},
      {319, {319, 317}, 317, {}, {}, {319, 317}},
      {{319, 316}, {316, 317, 319}, 316, 317, {}, {319, 316, 317}},
      {{319, 316, 317, 315}, nullptr, 316, 317, {"token 315: GGUF has keys"}, {319, 316, 317}},
      {{319, 7, 316}, nullptr, 316, {}, {"token 7: it is no control token"}, {319, 316}},
      {{319, 5000, -1}, nullptr, {}, {}, {"token 5000: it is outside", "token -1"}, {319}},
  };
  for (const Row& row : rows) {
    test::SpoiltFolder folder("deepseek_v3");
    with_roles(folder).change_config([&](Json& c) { c["eos_token_id"] = row.config; });
    folder.put("generation_config.json", {{"eos_token_id", row.generation}});
    const convert::Vocabulary vocabulary = vocabulary_of(folder);
    const gguf::Metadata& m = vocabulary.metadata;
    EXPECT_EQ(m.integer("tokenizer.ggml.eos_token_id"), 319);
    EXPECT_EQ(m.integer("tokenizer.ggml.eot_token_id"), row.eot) << row.config;
    EXPECT_EQ(m.integer("tokenizer.ggml.eom_token_id"), row.eom) << row.config;
    std::string told;
    for (const base::Finding& f : vocabulary.findings) {
      if (f.where == "eos_token_id") told += f.text + "\n";
    }
    expect_all(told, row.findings);
    EXPECT_EQ(told.empty(), row.findings.empty()) << told;
    const auto tokenizer = text::make_tokenizer(m);
    for (const text::TokenId id : row.stops) EXPECT_TRUE(tokenizer->is_end_of_generation(id)) << id;
    EXPECT_FALSE(tokenizer->is_end_of_generation(7));
  }
}

}  // namespace
