#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "quant/flat.h"
#include "recipe/importance_rules.h"
#include "support/support.h"

namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(TypesCommand, ListsEveryFormatAndTheRecipesWithinEightyColumns) {
  const auto r = test::run_quern({"types"});
  ASSERT_EQ(r.exit_code, 0);
  for (const quant::Codec* c : quant::all_codecs()) {
    EXPECT_THAT(r.out, HasSubstr(" " + std::string(c->name) + " "));
  }
  for (const quant::FlatFormat* f : quant::all_flat_formats()) {
    EXPECT_THAT(r.out, HasSubstr(" " + std::string(f->name) + " "));
  }
  EXPECT_THAT(r.out, testing::ContainsRegex("36 +i2_s +ternary .* no rows"));
  EXPECT_THAT(r.out, HasSubstr(" Q4_K_M "));
  EXPECT_THAT(r.out, HasSubstr(" TQ1_0 ")) << "of the other policy";
  EXPECT_THAT(r.out, testing::ContainsRegex("iq2_kt +trellis .* needed"));
  EXPECT_THAT(r.out, testing::ContainsRegex("iq3_xxs +codebook .* llama.cpp"));
  EXPECT_THAT(r.out, testing::ContainsRegex("nvfp4 +nonlinear "));
  std::istringstream lines(r.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

TEST(TypesCommand, JsonTellsTheSameOfEach) {
  const json all = json::parse(test::run_quern({"types", "--json"}).out);
  std::size_t n_flat = 0;
  for (const json& t : all["types"]) {
    if (const auto* flat = quant::find_flat_format(t["id"].get<std::uint32_t>())) {
      ++n_flat;
      EXPECT_EQ(t["name"], flat->name);
      EXPECT_EQ(t["rows_as"], flat->rows->name);
      EXPECT_EQ(t["tensor_tail_bytes"], flat->tail_bytes);
      EXPECT_EQ(t["can_encode"], false);
      continue;
    }
    const quant::Codec* c = quant::find_codec(t["id"].get<std::uint32_t>());
    ASSERT_NE(c, nullptr);
    EXPECT_EQ(t["name"], c->name);
    EXPECT_EQ(t["row_bytes_4096"], c->row_bytes(4096));
    const recipe::TypeFacts& type = *recipe::find_type(c->id);
    EXPECT_EQ(t["needs_importance"], recipe::type_needs_importance(recipe::Policy::ik, type));
    EXPECT_TRUE(!c->needs_importance || t["needs_importance"]) << c->name;
    EXPECT_FALSE(t.contains("error"));
  }
  EXPECT_EQ(n_flat, quant::all_flat_formats().size());
  EXPECT_EQ(all["types"].size(), quant::all_codecs().size() + n_flat);
}

// Encoded, and without rows: a row of each kind has all cells.
TEST(TypesCommand, MeasuresTheFormatsThatAreNamed) {
  std::vector<std::string> words{"types", "--measure", "Q8_0"};
  for (const quant::FlatFormat* f : quant::all_flat_formats()) words.emplace_back(f->name);
  const auto r = test::run_quern(words);
  ASSERT_EQ(r.exit_code, 0) << r.err;
  std::istringstream lines(r.out);
  std::string line;
  std::getline(lines, line);
  EXPECT_THAT(line, testing::ContainsRegex("matrix +error +enc M/s +dec M/s$"));
  std::getline(lines, line);
  EXPECT_THAT(line, testing::ContainsRegex("8 +q8_0 .* 0\\.00[0-9]+ +[0-9.]+ +[0-9]+$"));
  for (const quant::FlatFormat* f : quant::all_flat_formats()) {
    std::getline(lines, line);
    EXPECT_THAT(line, HasSubstr(std::string(f->name)));
    EXPECT_THAT(line, testing::ContainsRegex("read only +- +- +-$"));
  }
  EXPECT_FALSE(std::getline(lines, line)) << line;
}

TEST(TypesCommand, ANameOfNoFormatIsRefused) {
  const auto r = test::run_quern({"types", "q4_k_m"});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_THAT(r.err, HasSubstr("a recipe of quantize, not a format"));
  EXPECT_THAT(test::run_quern({"types", "q8_K"}).err, HasSubstr("an activation format"));
  EXPECT_THAT(test::run_quern({"types", "12"}).err, HasSubstr("12 is the number of q4_K"));
  EXPECT_THAT(test::run_quern({"types", "q4K"}).err, HasSubstr("did you mean q4_K?"));
}

}  // namespace
