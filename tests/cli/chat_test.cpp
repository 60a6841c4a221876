#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/talk.h"
#include "support/support.h"

namespace {

using testing::HasSubstr;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

/// Talks with the small model, messages given on stdin.
test::RunResult chat(const std::string& input, const std::string& more) {
  return test::run_program("/bin/sh", {"-c", "printf '" + input + "' | " + test::program_path() +
                                                 " chat -m " + kModel + " --temp 0 " + more});
}

TEST(ChatCommand, AnswersEachMessageAndReusesWhatItKnows) {
  const test::TempDir dir;
  const std::string file = (dir / "talk.json").string();
  const auto r = chat("Once upon a time\\nand then\\n/save " + file + "\\n", "-n 8 -sys short");
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto talk = nlohmann::json::parse(test::read_text(file));
  ASSERT_EQ(talk["messages"].size(), 5U);
  EXPECT_EQ(talk["messages"][0]["role"], "system");
  EXPECT_EQ(talk["messages"][3]["content"], "and then");
  const std::string first = talk["messages"][2]["content"];
  const std::string second = talk["messages"][4]["content"];
  EXPECT_EQ(r.out, first + "\n" + second + "\n");
  EXPECT_THAT(r.err, HasSubstr("no chat template"));
}

TEST(ChatCommand, RetryUndoAndClear) {
  const test::TempDir dir;
  const std::string file = (dir / "talk.json").string();
  const auto r =
      chat("a\\n/retry\\nb\\n/undo\\n/save " + file + "\\n/clear\\n/undo\\n/exit\\n", "-n 4");
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(nlohmann::json::parse(test::read_text(file))["messages"].size(), 2U);
  EXPECT_THAT(r.err, HasSubstr("taken back: b\n"));
  EXPECT_THAT(r.err, HasSubstr("nothing to take back"));
  const std::size_t line = r.out.find('\n');
  EXPECT_EQ(r.out.substr(0, line), r.out.substr(line + 1, line)) << "greedy: the same reply again";
}

TEST(ChatCommand, OldMessagesLeaveAFullContext) {
  const auto r = chat("one two three four\\nfive six seven eight\\nnine ten\\n", "-n 12 -c 96");
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("oldest messages left"));
  const auto too_long = chat("one two three four five six seven eight nine ten\\n", "-n 4 -c 16");
  EXPECT_EQ(too_long.exit_code, 1);
  EXPECT_THAT(too_long.err, HasSubstr("the message does not fit the context"));
}

TEST(ChatCommand, SavesNothingOverOtherFiles) {
  const test::TempDir dir;
  const std::string file = (dir / "notes.txt").string();
  const std::string notes = "mine";
  test::write_bytes(file, std::as_bytes(std::span(notes)));
  const auto r = chat("a\\n/save " + file + "\\n", "-n 2");
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_THAT(r.err, HasSubstr("not a saved conversation"));
  EXPECT_EQ(test::read_text(file), notes);
  EXPECT_EQ(chat("/save " + (dir / "x").string() + "\\n", "").exit_code, 2);
  EXPECT_EQ(chat("/dance\\n", "").exit_code, 2);
}

TEST(ChatCommand, CommandsThatAreMisspeltOrPartOfAMessageDoNothing) {
  struct Case {
    const char* line;
    const char* told;
  };
  const test::TempDir dir;
  for (const Case& c :
       {Case{"/retyr", "did you mean /retry? /help lists them"},
        Case{"/undo the knot", "error: /undo takes no words (found: the knot)"},
        Case{"/clear the table", "/clear takes no words"}, Case{"/exit now", "takes no words"}}) {
    const std::string file = (dir / "talk.json").string();
    const auto r = chat(std::string("a\\n") + c.line + "\\n/save " + file + "\\n", "-n 2");
    EXPECT_EQ(r.exit_code, 2) << c.line;
    EXPECT_THAT(r.err, HasSubstr(c.told));
    EXPECT_EQ(nlohmann::json::parse(test::read_text(file))["messages"].size(), 2U) << c.line;
  }
  EXPECT_EQ(chat("/clear  \\n", "").exit_code, 0) << "blanks are no words";
}

TEST(ChatCommand, LoadsOnlyConversations) {
  const test::TempDir dir;
  const std::string file = (dir / "talk.json").string();
  for (const std::string messages : {R"([{"role": "user", "content": [{"type": 5, "text": "a"}]}])",
                                     R"([{"role": "system", "content": 5}])", R"("hello")"}) {
    const std::string all = "{\"messages\": " + messages + "}";
    test::write_bytes(file, std::as_bytes(std::span(all)));
    const auto r = chat("/load " + file + "\\n", "-n 2");
    EXPECT_EQ(r.exit_code, 1) << messages;
    EXPECT_THAT(r.err, HasSubstr("message")) << messages;
    EXPECT_THAT(r.err, testing::Not(HasSubstr("json"))) << messages;
  }
}

TEST(ChatCommand, AGivenMessageIsNoCommand) {
  const test::TempDir dir;
  for (const std::string prompt : {"/etc/hosts", "//x", "/exit"}) {
    const std::string file = (dir / "talk.json").string();
    const auto r = chat("/save " + file + "\\n", "-n 2 -p " + prompt);
    ASSERT_EQ(r.exit_code, 0) << r.err;
    EXPECT_EQ(nlohmann::json::parse(test::read_text(file))["messages"][0]["content"], prompt);
  }
}

TEST(Talk, HoldsBackWhatMayBecomeAStop) {
  EXPECT_EQ(cli::pending_end("text <", {"<end>"}), 1U);
  EXPECT_EQ(cli::pending_end("text <en", {"<end>", "n!"}), 3U);
  EXPECT_EQ(cli::pending_end("text <end>", {"<end>"}), 0U);
  EXPECT_EQ(cli::pending_end("", {"<end>", ""}), 0U);
}

}  // namespace
