#include <gmock/gmock.h>

#include <clocale>
#include <nlohmann/json.hpp>

#include "cli/screen_rows.h"
#include "support/support.h"
#include "support/terminal.h"

namespace {

using test::TerminalProgram;
using testing::HasSubstr;
using testing::Not;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();
constexpr char kBold[] = "\x1b[1;32m", kDim[] = "\x1b[2m", kPlain[] = "\x1b[0m";

std::vector<std::string> chat(std::initializer_list<std::string> more) {
  std::vector<std::string> all = {"chat", "-m", kModel, "--temp", "0"};
  all.insert(all.end(), more);
  return all;
}

#define QUERN_NEEDS_TERMINAL(program) \
  if (!(program).running()) GTEST_SKIP() << "no terminals here"

TEST(ChatTerminal, OnlyThePromptAndTheRemarksAreColoured) {
  TerminalProgram quern(chat({"-n", "4"}), {.variables = {{"TERM", "xterm"}, {"NO_COLOR", ""}}});
  QUERN_NEEDS_TERMINAL(quern);
  const std::string prompt = std::string(kBold) + ">" + kPlain + " ";
  const std::string start = quern.until(prompt);
  EXPECT_THAT(start, HasSubstr(std::string(kDim) + "/help")) << start;
  quern.type("Hi\r");
  const std::string reply = quern.until(kDim);
  EXPECT_THAT(reply, HasSubstr("Hi\r\n"));
  EXPECT_THAT(reply, Not(HasSubstr(kBold))) << "bold begins and ends with the prompt";
  quern.until(prompt);
  quern.type("\x04");
  EXPECT_EQ(quern.finish(), 0);
  EXPECT_GT(quern.out().rfind(kPlain), quern.out().rfind(kBold));
}

TEST(ChatTerminal, NoColourWhereNoneIsWanted) {
  const test::Variables kQuiet[] = {{{"TERM", "xterm"}, {"NO_COLOR", "1"}},
                                    {{"TERM", "dumb"}, {"NO_COLOR", ""}}};
  for (const test::Variables& variables : kQuiet) {
    TerminalProgram quern(chat({"-n", "2"}), {.variables = variables});
    QUERN_NEEDS_TERMINAL(quern);
    quern.until("> ");
    quern.type("Hi\r");
    quern.until("made");
    quern.until("> ");
    quern.type("\x04");
    EXPECT_EQ(quern.finish(), 0);
    for (const char* colour : {kBold, kDim, kPlain})
      EXPECT_THAT(quern.out(), Not(HasSubstr(colour)));
    for (const auto& [mode, coloured] : {std::pair("auto", false), {"always", true}}) {
      const std::string shown = test::run_in_terminal(
          {"tokenize", "-m", kModel, "-p", "a b", "--show", "--color", mode}, 80, variables);
      EXPECT_EQ(shown.find("\x1b[38;5;16") != std::string::npos, coloured) << shown;
    }
  }
}

TEST(ChatTerminal, APasteIsOneMessage) {
  const test::TempDir dir;
  const std::string file = (dir / "talk.json").string();
  TerminalProgram quern(chat({"-n", "2"}));
  QUERN_NEEDS_TERMINAL(quern);
  EXPECT_THAT(quern.until("> "), HasSubstr("\x1b[?2004h"));
  quern.type("a \x1b[200~one\rtw\xC3\xA9\tx\x07\r\x1b[201~!\r");
  quern.until("made");
  quern.type("/save " + file + "\r");
  quern.until("written");
  quern.type("/exit\r");
  EXPECT_EQ(quern.finish(), 0);
  EXPECT_THAT(quern.out(), testing::EndsWith("\x1b[?2004l"));
  EXPECT_EQ(nlohmann::json::parse(test::read_text(file))["messages"][0]["content"],
            "a one\ntw\xC3\xA9\tx!");
}

TEST(ChatTerminal, ALineIsDrawnAnewForAnotherWidth) {
  TerminalProgram quern(chat({"-n", "2"}), {.columns = 60});
  QUERN_NEEDS_TERMINAL(quern);
  quern.until("> ");
  quern.type("one two three four five six seven eight nine");  // 44 and the prompt: one row
  quern.until("nine");
  quern.resize(20);
  // Three rows now: two above the cursor's.
  EXPECT_THAT(quern.until("nine"), HasSubstr("\r\x1b[2A\x1b[J> one two three four"));
  quern.resize(80);
  EXPECT_THAT(quern.until("nine"), HasSubstr("\r\x1b[J> one two three four five"));
  quern.type(" ten\r");
  quern.until("made");
  quern.type("/undo\r");
  EXPECT_THAT(quern.until("nine ten"), HasSubstr("taken back: one two three"));
  quern.type("\x04");
  EXPECT_EQ(quern.finish(), 0);
}

TEST(ChatTerminal, AStoppedConversationGoesOn) {
  TerminalProgram quern(chat({"-n", "2"}));
  QUERN_NEEDS_TERMINAL(quern);
  quern.until("> ");
  quern.type("abc");
  quern.until("abc");
  quern.signal(SIGSTOP);
  quern.set_echo();  // as a shell does
  quern.signal(SIGCONT);
  const std::string again = quern.until("> abc");
  EXPECT_THAT(again, HasSubstr("\x1b[?2004h"));
  EXPECT_FALSE(quern.echoes());
  quern.type("d\r");
  quern.until("made");
  quern.type("/undo\r");
  quern.until("taken back: abcd");
  quern.type("\x04");
  EXPECT_EQ(quern.finish(), 0);
}

TEST(ChatTerminal, ALineOfSeveralRowsIsShownWholeWhenItsBeginChanges) {
  TerminalProgram quern(chat({"-n", "2"}), {.columns = 30});
  QUERN_NEEDS_TERMINAL(quern);
  quern.until("> ");
  quern.type("This is a rather long line that does not fit into the narrow window at all");
  quern.until("at all");
  quern.type("\x01");  // Ctrl-A: to the begin
  quern.type("X");
  EXPECT_THAT(quern.until("at all"), HasSubstr("row window at all"));
  quern.type("\r");
  quern.until("made");
  quern.type("\x04");
  EXPECT_EQ(quern.finish(), 0);
}

// A file of a stranger could change the window's title, or type for its reader.
TEST(ChatTerminal, ControlCharactersOfAModelDoNotAct) {
  const std::string escape = "30+100";  // the token of byte 0x1B
  TerminalProgram quern(chat({"-n", "2", "-l", escape}));
  QUERN_NEEDS_TERMINAL(quern);
  quern.until("> ");
  quern.type("Hi\r");
  EXPECT_THAT(quern.until("made"), HasSubstr("Hi\r\n^[^[\r\n"));
  quern.type("\x04");
  EXPECT_EQ(quern.finish(), 0);
  const std::vector<std::string> run = {"run", "-m", kModel, "-p",     "a", "-n",
                                        "1",   "-l", escape, "--temp", "0"};
  EXPECT_EQ(test::run_in_terminal(run, 80), "a^[\n");
  EXPECT_EQ(test::run_quern(run).out, "a\x1b\n") << "a file gets every byte";
  const std::vector<std::string> ids = {"tokenize", "-m", kModel, "-p", "\x1b", "--no-bos"};
  EXPECT_THAT(test::run_in_terminal(ids, 80), HasSubstr("30 -> '^['"));
}

TEST(ScreenRows, AreThoseThatATerminalWraps) {
  ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr);
  struct Case {
    std::wstring text;
    std::size_t columns, rows;
  };
  for (const Case& c : std::vector<Case>{{L"", 10, 0},
                                         {L"1234567", 10, 0},
                                         {L"12345678", 10, 1},  // the row is full
                                         {L"123456789", 10, 1},
                                         {L"123\n12345678901", 10, 2},
                                         {L"1234567\u65E5", 10, 1},  // no room for two columns
                                         {L"12345\x07\x07", 10, 1},  // ^G^G
                                         {L"1\t\t12", 18, 1},        // to 8 and to 16
                                         {std::wstring(100, L'x'), 10, 10}}) {
    EXPECT_EQ(cli::rows_above_end(c.text, c.columns), c.rows) << c.text.size();
  }
  std::setlocale(LC_CTYPE, "C");
}

TEST(ChatTerminal, KeysTypedDuringAReplyWaitForTheNextLine) {
  TerminalProgram quern(chat({"-n", "80"}));
  QUERN_NEEDS_TERMINAL(quern);
  quern.until("> ");
  quern.type("Once\r");
  quern.until("Once\r\n");
  quern.type("/hexx\x7F\x7Flp\r");  // edited by the editor, not by the terminal
  const std::string reply = quern.until(" made");
  EXPECT_THAT(reply, Not(HasSubstr("/he"))) << "not shown in the reply";
  EXPECT_THAT(quern.until("take back"), HasSubstr("lp\r\n  /help "));
  quern.type("\x04");
  EXPECT_EQ(quern.finish(), 0);
}

TEST(ChatTerminal, SignalsEndIt) {
  // What is going on: nothing, or a reply.
  for (const bool replying : {false, true}) {
    TerminalProgram quern(chat({"-n", "4000"}));
    QUERN_NEEDS_TERMINAL(quern);
    quern.until("> ");
    if (replying) {
      quern.type("Once\r");
      quern.until("Once\r\n");
    }
    quern.signal(SIGTERM);
    EXPECT_EQ(quern.finish(), 143) << replying;
    EXPECT_TRUE(quern.echoes()) << "the terminal is as it was";
    EXPECT_THAT(quern.out(), HasSubstr("\x1b[?2004l"));
  }
}

TEST(ChatTerminal, CtrlCStopsThePromptWhichIsCountedAsFarAsItWasRead) {
  TerminalProgram quern(chat({"-n", "4000", "-c", "4000", "-ub", "16"}));
  QUERN_NEEDS_TERMINAL(quern);
  quern.until("> ");
  std::string words;
  for (int i = 0; i < 2000; ++i) words += "the ";
  quern.type("\x1b[200~" + words + "\x1b[201~");
  quern.type("END\r");
  quern.until("END\r\n");
  quern.type("\x03");
  EXPECT_THAT(quern.until("stopped"), HasSubstr("stopped"));
  EXPECT_THAT(quern.until("made"), Not(HasSubstr("2029 prompt tokens")));
  quern.type("/exit\r");
  EXPECT_EQ(quern.finish(), 0);
}

TEST(ChatTerminal, CtrlCStopsAReplyOnly) {
  TerminalProgram quern(chat({"-n", "4000"}));
  QUERN_NEEDS_TERMINAL(quern);
  quern.until("> ");
  quern.type("Once\r");
  quern.until("Once\r\n");
  quern.type("\x03");
  quern.until("stopped");
  quern.until("> ");
  quern.type("\x03");
  quern.until("Ctrl-D, ends");
  quern.type("\x03");
  EXPECT_EQ(quern.finish(), 0);
}

}  // namespace
