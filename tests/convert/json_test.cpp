// JSON that is too deep, too large or has too many values: refused before anything is built.
#include "convert/json_file.h"
#include "convert/spoilt_folder.h"

namespace {

using test::expect_all;

std::string repeated(std::string_view piece, std::size_t n) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) out += piece;
  return out;
}

/// {"zz": [[[...]]]}
std::string deep_value(std::size_t depth) {
  return R"({"zz": )" + repeated("[", depth) + repeated("]", depth) + "}";
}

TEST(JsonLimits, WhatIsAboveThemIsRefusedWithItsPlace) {
  const convert::JsonLimits small{.bytes = 1U << 20, .values = 5, .depth = 3};
  struct Case {
    std::string text;
    std::vector<std::string> pieces;  ///< of the message; none: accepted
  };
  const Case cases[] = {
      {R"({"a": [[1]]})", {}},
      {R"({"a": [[{}]]})", {"f.json", "offset: 8", "more than 3 levels", "at most 3 levels"}},
      {"[[], [], []]", {"more than 5 values", "at most 5 values", "offset: 7"}},
      {"[1, 2, 3, 4]", {}},
      {"[1, 2, 3, 4, 5, 6]", {"more than 5 values", "offset: 11"}},
      {R"(["[[[[,,,,,,\"[[[[[,,,,", "\\"])", {}},
      {R"(["[[[[)", {"not a JSON file"}},
      {"]]]]", {"not a JSON file"}},
      {std::string((1U << 20) + 1, ' '), {"1048577 bytes", "at most 1 MiB"}},
  };
  for (const Case& c : cases) {
    const auto parse = [&] { convert::parse_json(c.text, "f.json", small); };
    if (c.pieces.empty()) {
      EXPECT_NO_THROW(parse()) << c.text.substr(0, 99);
    } else {
      expect_all(test::refusal(base::Fault::bad_file, parse), c.pieces);
    }
  }
}

TEST(JsonLimits, HoldForEveryFileOfAFolder) {
  const std::string deep = deep_value(150000);
  const std::string many = R"({"x": [)" + repeated("0,", 6000000) + "0]}";
  for (const char* name :
       {"config.json", "tokenizer.json", "tokenizer_config.json", "added_tokens.json",
        "generation_config.json", "model.safetensors.index.json"}) {
    test::SpoiltFolder folder("llama");
    test::write_text(folder / name, deep);
    expect_all(folder.refused(base::Fault::bad_file),
               {name, "nested too deeply", "offset: 206", "at most 200 levels"});
    test::write_text(folder / name, many);
    expect_all(folder.refused(base::Fault::bad_file), {name, "too large", "values"});
  }
}

TEST(JsonLimits, SmallFilesAreHeldToAFewMegabytes) {
  test::SpoiltFolder folder("llama");
  test::write_text(folder / "config.json", std::string((16U << 20) + 1, ' '));
  expect_all(folder.refused(base::Fault::bad_file),
             {"config.json", "16777217 bytes", "at most 16 MiB"});
}

TEST(JsonParts, OfTheRightTypeOrNotThere) {
  const auto json = nlohmann::json::parse(R"({"s": "text", "t": true, "n": null, "i": 1})");
  EXPECT_EQ(convert::word(json, "s"), "text");
  EXPECT_EQ(convert::word(json, "i"), "");
  EXPECT_TRUE(convert::flag(json, "t", false));
  EXPECT_TRUE(convert::flag(json, "s", true));
  EXPECT_EQ(convert::member(json, "n"), nullptr);
  EXPECT_EQ(convert::member(json.at("s"), "n"), nullptr);
  EXPECT_NE(convert::member(json, "i"), nullptr);
}

}  // namespace
