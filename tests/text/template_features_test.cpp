// Every feature of Jinja that published chat templates use, in templates of our own; the texts are
// jinja2's (tests/golden/templates/make_features.py).
#include <set>

#include "base/error.h"
#include "text/chat_template.h"
#include "text/template_time.h"
#include "text/vocabulary.h"

namespace {

using Json = nlohmann::ordered_json;

std::vector<Json> rows() {
  std::vector<Json> out;
  for (const std::string& line : test::split_lines(
           test::read_text(test::source_path("tests/golden/templates/features.jsonl")))) {
    out.push_back(Json::parse(line));
  }
  return out;
}

Json context_of(const Json& row, const Json& shared) {
  if (!row.contains("context")) return Json::object();
  return row.at("context").is_string() ? shared.at(row.at("context").get<std::string>())
                                       : row.at("context");
}

TEST(TemplateFeatures, RenderAsJinja2Does) {
  const std::vector<Json> all = rows();
  ASSERT_GT(all.size(), 150U);
  for (std::size_t i = 1; i < all.size(); ++i) {
    const Json& row = all[i];
    const std::string what =
        row.at("feature").get<std::string>() + ": " + row.at("template").get<std::string>();
    try {
      const std::string text = text::ChatTemplate(row.at("template").get<std::string>())
                                   .render(context_of(row, all[0]), test::template_time());
      if (row.contains("expected")) {
        EXPECT_EQ(text, row.at("expected").get<std::string>()) << what;
      } else {
        ADD_FAILURE() << what << " gave " << text;
      }
    } catch (const base::Error& e) {
      if (row.contains("raised")) {
        EXPECT_EQ(e.message(), row.at("raised").get<std::string>()) << what;
      } else {
        EXPECT_TRUE(row.contains("error")) << what << "\n" << e.what();
      }
    }
  }
}

/// Names in the tables under "Jinja features", but for those of context variables.
std::vector<std::string> listed_features(const std::string& readme) {
  std::vector<std::string> out;
  std::string section;
  for (const std::string& line : test::split_lines(readme)) {
    if (line.starts_with("### ")) section = line.substr(4);
    const std::size_t end = line.find("` | ");
    if (section.empty() || section.starts_with("Context") || !line.starts_with("| `")) continue;
    const std::string name = line.substr(3, end - 3);
    out.push_back(section.starts_with("Tests") ? "is " + name : name);
  }
  return out;
}

TEST(TemplateFeatures, EachOneThatPublishedTemplatesUseHasACase) {
  QUERN_NEEDS_SHARED("data/templates/README.md");
  std::set<std::string> cases;
  const std::vector<Json> all = rows();
  for (std::size_t i = 1; i < all.size(); ++i) cases.insert(all[i].at("feature"));
  const auto listed =
      listed_features(test::read_text(test::shared_path("data/templates/README.md")));
  EXPECT_GT(listed.size(), 140U);
  for (const std::string& name : listed) EXPECT_TRUE(cases.contains(name)) << name;
}

}  // namespace
