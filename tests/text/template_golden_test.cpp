// Published templates with conversations rendered by jinja2; ../shared/data/templates/README.md.
#include <map>

#include "base/error.h"
#include "text/chat_template.h"
#include "text/template_time.h"
#include "text/vocabulary.h"

namespace {

constexpr char kFolder[] = "data/templates";

/// What came out: text, or the message of an error.
struct Outcome {
  std::string text, error;
};
Outcome render(const text::ChatTemplate& chat, const nlohmann::ordered_json& context) {
  try {
    return {chat.render(context, test::template_time()), ""};
  } catch (const base::Error& e) {
    return {"", e.message().empty() ? "no message" : e.message()};
  }
}

/// Empty if the outcome is right.
std::string mistake(const nlohmann::ordered_json& c, const Outcome& got) {
  if (c.contains("expected")) {
    if (!got.error.empty()) return "error: " + got.error;
    return got.text == c.at("expected")
               ? ""
               : "got:\n" + got.text + "\nexpected:\n" + c.at("expected").get<std::string>();
  }
  const std::string kind = c.at("error_kind");
  if (got.error.empty()) {
    if (kind == "sandbox" && got.text == c.at("expected_unsandboxed")) return "";
    return "no error, but: " + got.text;
  }
  if (kind == "raise" && got.error != c.at("expected_error")) return "wrong message: " + got.error;
  return "";
}

TEST(ChatTemplateGolden, PublishedTemplates) {
  QUERN_NEEDS_SHARED(std::string(kFolder) + "/cases.jsonl");
  std::map<std::string, text::ChatTemplate> templates;
  std::size_t right = 0;
  std::size_t n = 0;
  for (const std::string& line : test::split_lines(
           test::read_text(test::shared_path(std::string(kFolder) + "/cases.jsonl")))) {
    const auto c = nlohmann::ordered_json::parse(line);
    const std::string name = c.at("template");
    if (templates.find(name) == templates.end()) {
      templates.emplace(name, text::ChatTemplate(test::read_text(
                                  test::shared_path(std::string(kFolder) + "/" + name))));
    }
    const std::string wrong = mistake(c, render(templates.at(name), c.at("context")));
    EXPECT_EQ(wrong, "") << c.at("id");
    right += wrong.empty() ? 1 : 0;
    ++n;
  }
  EXPECT_EQ(n, 986U);
  EXPECT_EQ(templates.size(), 27U);
  RecordProperty("right", static_cast<int>(right));
}

}  // namespace
