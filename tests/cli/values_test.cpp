// Every option of every command states what it accepts, and refuses everything else at once.
#include "cli/values.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>

#include "cli/commands.h"
#include "support/support.h"

namespace {

using cli::Values;
using testing::HasSubstr;
using Kind = Values::Kind;

std::vector<std::string> bad_values(const cli::Option& option) {
  const Values& v = option.values;
  switch (v.kind) {
    case Kind::unstated:
    case Kind::text:
      return {};
    case Kind::integer:
      return {"",
              "12x",
              "1.5",
              "99999999999999999999",
              std::to_string(v.max + 1),
              std::to_string(std::min(v.min, v.special) - 1)};
    case Kind::number:
      return {"",
              "0,5",
              "nan",
              "inf",
              "1e99",
              fmt::format("{}", v.high + 1),
              fmt::format("{}", v.low - 1)};
    case Kind::choice:
      return {"", "maybe", "ON ", "1e0"};
    case Kind::form:
      return {"", "(("};  // no size, expression, type, rule or list of names
    default:
      return {""};
  }
}

TEST(Values, EveryOptionWithAValueStatesWhatItAccepts) {
  for (const cli::Command* command : cli::all_commands()) {
    for (const cli::Option& option : command->options) {
      EXPECT_EQ(option.value.empty(), option.values.kind == Kind::unstated)
          << command->name << " " << option.names;
    }
  }
}

TEST(Values, DefaultsAreAccepted) {
  for (const cli::Command* command : cli::all_commands()) {
    for (const cli::Option& option : command->options) {
      if (option.default_value.empty()) continue;
      EXPECT_NO_THROW(
          cli::check_value(option, cli::key_of(option), std::string(option.default_value)))
          << command->name << " " << option.names;
    }
  }
}

TEST(Values, EveryBadValueIsRefusedWithOptionValueAndWhatIsAllowed) {
  const test::TempDir dir;
  const std::string model = test::source_path("data/tiny-mla-bf16.gguf").string();
  for (const cli::Command* command : cli::all_commands()) {
    for (const cli::Option& option : command->options) {
      for (const std::string& bad : bad_values(option)) {
        const std::string key = "--" + cli::key_of(option);
        std::vector<std::string> words{std::string(command->name), key, bad};
        for (std::size_t i = 0; i < command->min_positionals; ++i) words.push_back(model);
        if (command->name == "quantize") words[4] = "q8_0";
        if (command->name == "convert") {
          words.push_back(test::source_path("tests/golden/models/llama").string());
          words.push_back((dir / "out.gguf").string());
        }
        if (command->name == "survey" && key != "--model") words.insert(words.end(), {"-m", model});
        const auto r = test::run_quern(words);
        const std::string what = fmt::format("{} {} '{}': {}", command->name, key, bad, r.err);
        EXPECT_EQ(r.exit_code, 2) << what;
        EXPECT_THAT(r.err, HasSubstr(key)) << what;
        EXPECT_THAT(r.err, HasSubstr(bad.empty() ? "nothing" : bad)) << what;
        EXPECT_TRUE(r.err.find("expected: ") != std::string::npos ||
                    r.err.find("hint: ") != std::string::npos)
            << what;
        EXPECT_EQ(r.out, "") << what;
      }
    }
  }
}

TEST(Values, NamesOfKernelsAreThoseOfTheProgram) {
  const auto r = test::run_quern({"run", "--kernels", "sse9"});
  EXPECT_THAT(r.err,
              HasSubstr("auto, reference, avx2, avxvnni, avx512, avx512vnni, avx512bf16, amx"));
}

TEST(Values, CommandsOptionsAndChoicesAreGuessed) {
  EXPECT_THAT(test::run_quern({"quantise"}).err, HasSubstr("did you mean quantize?"));
  EXPECT_THAT(test::run_quern({"perplexity", "--ctx-sise", "7"}).err,
              HasSubstr("did you mean --ctx-size?"));
  EXPECT_THAT(test::run_quern({"imatrix", "--loop", "layers"}).err,
              HasSubstr("did you mean layer?"));
}

TEST(Commands, AreListedOnce) {
  std::vector<std::string_view> names;
  for (const cli::Command* c : cli::all_commands()) names.push_back(c->name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(Help, FitsEightyColumns) {
  for (const cli::Command* command : cli::all_commands()) {
    const auto r = test::run_quern({std::string(command->name), "--help"});
    std::istringstream lines(r.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(Help, TheCommandPageIsUpToDate) {
  EXPECT_EQ(test::read_text(test::source_path("docs/commands.md")),
            test::run_quern({"--help-markdown"}).out)
      << "quern --help-markdown > docs/commands.md";
}

}  // namespace
