#include <gmock/gmock.h>

#include "support/support.h"

namespace {

using testing::HasSubstr;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

/// Messages on stdin; no shell in between but for them.
test::RunResult chat(const std::string& input, const std::vector<std::string>& more) {
  std::vector<std::string> words = {"-c",   "printf '%b' \"$0\" | \"$@\"",
                                    input,  test::program_path(),
                                    "chat", "-m",
                                    kModel, "--temp",
                                    "0",    "-n",
                                    "2"};
  words.insert(words.end(), more.begin(), more.end());
  return test::run_program("/bin/sh", words);
}

struct Case {
  const char* text;
  int exit_code;
  const char* told;
};

TEST(ChatTemplateOption, WhatIsNoTemplateIsRefusedAtStart) {
  const Case kCases[] = {
      {"chatml", 0, "the vocabulary has no <|im_start|>"},
      {"llama3", 0, "--chat-template llama3: the vocabulary has no <|start_header_id|>, which"},
      {"mistral-v1", 0, ""},
      {"lama3", 2, "chatml, "},
      {"lama3", 2, "did you mean llama3? --chat-template-file takes"},
      {"/dev/../etc/passwd", 2, "this is a file: --chat-template-file takes it"},
      {" ", 2, "bad value for --chat-template"},
      {"{{ raise_exception('no') }}", 1, "chat template: it refuses the conversation: no"},
      {"{{ messages | shout }}", 1, "error: chat template: "},
      {"{% endfro %}", 1, "error: chat template: no statement 'endfro'"},
      {"{% for %}", 1, "error: chat template: "},
  };
  for (const Case& c : kCases) {
    const auto r = chat("a\\n", {"--chat-template", c.text});
    EXPECT_EQ(r.exit_code, c.exit_code) << c.text << r.err;
    EXPECT_THAT(r.err, HasSubstr(c.told)) << c.text;
    if (c.exit_code != 0) {
      EXPECT_EQ(r.out, "") << c.text;
    }
    if (c.exit_code == 1) {
      EXPECT_THAT(r.err, HasSubstr("template: --chat-template\n"));
    }
  }
}

TEST(ChatTemplateOption, ABlankFileIsRefused) {
  const test::TempDir dir;
  const std::string file = (dir / "t.jinja").string(), blank = " \n";
  test::write_bytes(file, std::as_bytes(std::span(blank)));
  const auto r = chat("a\\n", {"--chat-template-file", file});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.err, HasSubstr("the file holds no chat template"));
}

TEST(ChatTemplateOption, WhatIsMissingIsTold) {
  const auto r = chat("a\\n", {"--reasoning", "on"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("--chat-template-file gives the right one"));
  EXPECT_THAT(r.err, HasSubstr("no switch enable_thinking"));
}

TEST(ChatCommand, ZeroTokensAreNone) {
  const auto r = chat("a\\n", {"-n", "0"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.out, "\n");
}

TEST(ChatCommand, OffATerminalAFailedCommandIsToldAndTheRestGoesOn) {
  const test::TempDir dir;
  const std::string save = "/save " + (dir / "talk.json").string() + "\\n";
  const auto usage = chat("a\\n/save\\n/dance\\n" + save, {});
  EXPECT_EQ(usage.exit_code, 2) << usage.err;
  EXPECT_THAT(usage.err, HasSubstr("error: /save needs a file name"));
  EXPECT_THAT(usage.err, HasSubstr("unknown command /dance"));
  EXPECT_TRUE(std::filesystem::exists(dir / "talk.json"));
  const auto load = chat("/load /nowhere/x\\na\\n", {});
  EXPECT_EQ(load.exit_code, 1) << "what follows belongs to another conversation";
  EXPECT_EQ(load.out, "");
}

}  // namespace
