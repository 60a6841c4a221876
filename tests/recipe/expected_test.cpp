// Every cell of docs/spec/tables/recipe_expected.tsv and recipe_lc_expected.tsv: eight model
// shapes, all quantizing recipes of both policies, with and without importance data.
#include <fmt/format.h>

#include <map>
#include <regex>

#include "recipe/models.h"
#include "recipe/table_text.h"
#include "support/support.h"

namespace {

using recipe::Fields;
using recipe::split;

/// The shapes stand in the head of the table: "NAME: arch=.. layers=.. layer0=[..] other=[..]".
test::SyntheticModel model_from_line(const std::string& line) {
  const auto field = [&](const std::string& key) {
    std::smatch m;
    if (!std::regex_search(line, m, std::regex(" " + key + "=(\\S+)"))) return std::string();
    return m[1].str();
  };
  const auto list = [&](const std::string& key) {
    std::smatch m;
    if (!std::regex_search(line, m, std::regex(key + "=\\[([^\\]]*)\\]"))) return std::string();
    return m[1].str();
  };
  const auto number = [&](const std::string& key) {
    return static_cast<std::uint32_t>(std::stoul(field(key)));
  };
  const std::uint32_t gqa = number("gqa"), layers = number("layers"), embd = number("embd");
  test::SyntheticModel m = test::synthetic_model(field("arch"), layers, number("experts"), 8 * gqa,
                                                 8, number("vocab"), embd);
  m.add("token_embd.weight", embd, number("vocab") / 16 * 16);
  for (std::uint32_t layer = 0; layer < layers; ++layer) {
    const std::string others = list("other layers");
    const std::string tensors = layer == 0 || others.empty() ? list("layer0") : others;
    for (const std::string_view item : split(tensors, ' ')) {
      const Fields f = split(item, ':');
      m.add(fmt::format("blk.{}.{}.weight", layer, f.at(0)), std::stoul(std::string(f.at(1))), 64,
            recipe::contains(f[0], "_exps") ? number("experts") : 1);
    }
  }
  if (field("tied") == "no") m.add("output.weight", embd, number("vocab") / 16 * 16);
  return m;
}

/// "A*2,B" -> A A B.
std::vector<std::string> expand(std::string_view runs) {
  std::vector<std::string> out;
  for (const std::string_view run : split(runs, ',')) {
    const Fields f = split(run, '*');
    const std::size_t n = f.size() == 1 ? 1 : std::stoul(std::string(f[1]));
    out.insert(out.end(), n, std::string(f[0]));
  }
  return out;
}

using Types = std::map<std::string, std::string>;

Types decide(recipe::Policy policy, const test::SyntheticModel& m, std::string_view symbol,
             bool importance) {
  recipe::Options options;
  options.policy = policy;
  options.recipe = recipe::recipe_by_symbol(policy, symbol);
  options.have_importance = importance;
  const recipe::TypePlan plan = recipe::plan_types(options, m.metadata, m.tensors);
  Types types;
  for (const recipe::Choice& c : plan.choices) {
    types[m.tensors[c.input].name] = c.type->symbol;
  }
  return types;
}

struct Checker {
  recipe::Policy policy = recipe::Policy::ik;
  std::map<std::string, test::SyntheticModel> models;
  std::map<std::string, Types> decided;
  std::map<std::string, std::map<std::string, std::uint64_t>> cols;
  std::size_t cells = 0, repaired = 0, refused = 0;

  const Types& types_of(const std::string& model, const std::string& symbol, bool importance) {
    const std::string key = model + " " + symbol + (importance ? " yes" : " no");
    const auto [it, fresh] = decided.try_emplace(key);
    if (fresh) it->second = decide(policy, models.at(model), symbol, importance);
    return it->second;
  }

  void check(const std::string& model, const std::string& symbol, bool importance,
             const std::string& tensor, const std::vector<std::string>& expected) {
    if (expected.front() == "ERROR") {
      ++refused;
      EXPECT_THROW(decide(policy, models.at(model), symbol, importance), base::Error)
          << model << " " << symbol;
      return;
    }
    const Types& types = types_of(model, symbol, importance);
    std::size_t layer = expected.size() == 1 ? 0 : first_layer(model, tensor);
    for (const std::string& type : expected) {
      std::string name = tensor;
      if (const std::size_t star = name.find('*'); star != std::string::npos) {
        if (expected.size() == 1) layer = first_layer(model, tensor);
        name.replace(star, 1, std::to_string(layer++));
      }
      ++cells;
      // The public program does not test rows of q1_0_g128 and would write a damaged tensor; ours
      // falls back to F16 (docs/spec/recipes.md 6.1).
      const bool damaged = !recipe::known_type(type).fits_row(cols_of(model, name));
      repaired += damaged ? 1 : 0;
      ASSERT_EQ(types.at(name), damaged ? "F16" : type)
          << model << " " << symbol << " " << name << " importance " << importance;
    }
  }

  std::uint64_t cols_of(const std::string& model, const std::string& name) {
    const auto [it, fresh] = cols.try_emplace(model);
    if (fresh) {
      for (const recipe::InputTensor& t : models.at(model).tensors) {
        it->second[t.name] = t.shape.ne[0];
      }
    }
    return it->second.at(name);
  }

  /// Tensors that not all layers have (experts behind a dense layer 0) start later.
  std::size_t first_layer(const std::string& model, const std::string& tensor) {
    for (std::size_t layer = 0;; ++layer) {
      std::string name = tensor;
      name.replace(name.find('*'), 1, std::to_string(layer));
      for (const recipe::InputTensor& t : models.at(model).tensors) {
        if (t.name == name) return layer;
      }
      if (layer > 100) throw std::runtime_error("no layer has " + tensor);
    }
  }
};

constexpr const char* kIkTable = "docs/spec/tables/recipe_expected.tsv";

/// The shapes stand in the head of the first table.
std::map<std::string, test::SyntheticModel> shapes() {
  std::map<std::string, test::SyntheticModel> models;
  const std::regex shape("^#   ([a-z0-9.-]+): arch=");
  const std::string text = test::read_text(test::source_path(kIkTable));
  for (const std::string_view line_view : split(text, '\n')) {
    const std::string line(line_view);
    std::smatch match;
    if (line.starts_with("#") && std::regex_search(line, match, shape)) {
      models[match[1]] = model_from_line(line);
    }
  }
  return models;
}

Checker check_table(recipe::Policy policy, const std::string& table) {
  Checker checker;
  checker.policy = policy;
  checker.models = shapes();
  EXPECT_EQ(checker.models.size(), 8U);
  const std::string text = test::read_text(test::source_path(table));
  for (const Fields& f : recipe::table_rows(text)) {
    const std::vector<std::string> expected = expand(f.at(4));
    for (const bool importance : {false, true}) {
      if (f.at(2) == (importance ? "no" : "yes")) continue;
      checker.check(std::string(f[0]), std::string(f[1]), importance, std::string(f[3]), expected);
      if (testing::Test::HasFatalFailure()) return checker;
    }
  }
  return checker;
}

TEST(RecipeExpected, EveryCellOfTheIkPolicy) {
  const Checker checker = check_table(recipe::Policy::ik, kIkTable);
  EXPECT_EQ(checker.cells, 369440U);
  // q1_0_g128: odd-tied-gqa3 all but ffn_down, mla64-lite the dense ffn_down.
  EXPECT_EQ(checker.repaired, 2U * (30 * 6 + 1));
}

TEST(RecipeExpected, EveryCellOfTheMainlinePolicy) {
  const Checker checker =
      check_table(recipe::Policy::mainline, "docs/spec/tables/recipe_lc_expected.tsv");
  EXPECT_EQ(checker.cells, 147776U - 2 * (211 + 323));  // without the models refused for q1_0
  EXPECT_EQ(checker.repaired, 0U);
  EXPECT_EQ(checker.refused, 4U);
}

}  // namespace
