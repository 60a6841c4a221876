// Options of the public programs: what changes no result is taken with a note, the rest refused.
#include "cli/foreign_options.h"

#include <gmock/gmock.h>

#include <set>
#include <sstream>

#include "base/error.h"
#include "cli/commands.h"
#include "support/support.h"

namespace {

using cli::ForeignOption;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> words_of(std::string_view list) {
  std::istringstream in{std::string(list)};
  return {std::istream_iterator<std::string>(in), {}};
}

cli::Args parse(std::string_view command, std::vector<const char*> words) {
  return cli::parse(*cli::find_command(command), words, "quern");
}

bool is_own(const cli::Command& command, const std::string& name) {
  for (const cli::Option& option : command.options) {
    const std::string names = ", " + std::string(option.names) + ",";
    if (names.find(", " + name + ",") != std::string::npos) return true;
  }
  return false;
}

/// Calls `visit` for every spelling in every command that does not have it itself.
template <class Visit>
void each_use(Visit visit) {
  for (const ForeignOption& option : cli::foreign_options()) {
    for (const std::string& command : words_of(option.commands)) {
      for (const std::string& name : words_of(option.names)) {
        ASSERT_NE(cli::find_command(command), nullptr) << command;
        if (!is_own(*cli::find_command(command), name)) visit(option, command, name);
      }
    }
  }
}

TEST(ForeignOptions, EverySpellingStandsInOneRowForACommand) {
  std::set<std::pair<std::string, std::string>> seen;
  each_use([&](const ForeignOption& option, const std::string& command, const std::string& name) {
    EXPECT_TRUE(seen.emplace(command, name).second) << command << " " << name;
    EXPECT_NE(option.why, "") << name;
  });
  EXPECT_GT(seen.size(), 500u);
}

TEST(ForeignOptions, AreTakenWithANoteOrRefusedWithWhatToDoInstead) {
  using enum ForeignOption::Verdict;
  each_use([](const ForeignOption& option, const std::string& command, const std::string& name) {
    std::vector<const char*> words{name.c_str()};
    if (option.takes == ForeignOption::Takes::value) {
      words.push_back(option.verdict == same ? "f16" : "7");
    }
    if (option.takes == ForeignOption::Takes::maybe_switch) words.push_back("1");
    if (option.verdict == refused) {
      try {
        parse(command, words);
        FAIL() << command << " " << name;
      } catch (const base::Error& e) {
        EXPECT_EQ(e.fault(), base::Fault::bad_usage);
        EXPECT_THAT(e.message(), HasSubstr(name + " is not supported"));
        EXPECT_EQ(e.hint_text(), option.why);
      }
      return;
    }
    const cli::Args args = parse(command, words);
    EXPECT_EQ(args.notes().size(), option.verdict == ignored ? 1u : 0u) << command << " " << name;
    EXPECT_TRUE(args.positionals().empty()) << command << " " << name;
  });
}

TEST(ForeignOptions, OnesOfOneReasonShareALine) {
  const cli::Args args = parse("perplexity", {"-ngl", "99", "--seed=1", "-ts", "1,1", "-s", "1"});
  EXPECT_THAT(args.notes(), ElementsAre(HasSubstr("note: -ngl, -ts ignored: no GPU here"),
                                        HasSubstr("note: --seed, -s ignored: nothing is drawn")));
}

TEST(ForeignOptions, ValuesAreTakenAndOtherOptionsAreNot) {
  struct Case {
    std::vector<const char*> words;
    const char* chunks;  ///< empty: refused
  };
  for (const Case& c :
       {Case{{"-ngl", "-1", "--chunks", "3"}, "3"}, Case{{"-ngl", "--chunks", "3"}, ""},
        Case{{"--chunks", "3", "-ngl"}, ""}, Case{{"--n_gpu_layers=99", "--chunks", "3"}, "3"},
        Case{{"-fmoe", "1", "--chunks", "3"}, "3"}, Case{{"-fmoe", "--chunks", "3"}, "3"},
        Case{{"--chunks", "3", "-fmoe"}, "3"}, Case{{"-fa", "--chunks", "3"}, "3"},
        Case{{"--chunks", "3", "-fa"}, "3"}, Case{{"-fa", "off", "--chunks", "3"}, "3"},
        Case{{"-fa", "of", "--chunks", "3"}, ""}, Case{{"-ctv", "f16", "--chunks", "3"}, "3"},
        Case{{"-ctv", "q8_0", "--chunks", "3"}, ""},
        Case{{"-ctv", "f16", "-ctk", "bf16", "--chunks", "3"}, ""},
        Case{{"-ctv", "bf16", "-ctk", "bf16", "--chunks", "3"}, "3"},
        Case{{"-nglx", "1", "--chunks", "3"}, ""}}) {
    std::string found;
    try {
      found = parse("perplexity", c.words).str("chunks");
    } catch (const base::Error& e) {
      EXPECT_EQ(e.fault(), base::Fault::bad_usage);
    }
    EXPECT_EQ(found, c.chunks) << testing::PrintToString(c.words);
  }
  EXPECT_EQ(parse("perplexity", {"-fa", "--chunks", "3"}).str("flash-attn"), "on");
}

TEST(ForeignOptions, ANumberIsNoOptionAndAWrongTypeOfTheValuesTellsTheRightOne) {
  try {
    parse("run", {"-ctv", "q8_0"});
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("-ctv"), HasSubstr("q8_0"), HasSubstr("f16"),
                                HasSubstr("leave it out, or -ctk f16")));
  }
}

TEST(ForeignOptions, AScriptGivesTheSameNumbersWithThem) {
  const std::vector<std::string> plain{"perplexity",
                                       "-m",
                                       test::source_path("data/tiny-mla-bf16.gguf").string(),
                                       "-f",
                                       test::source_path("data/evaluation.txt").string(),
                                       "-c",
                                       "32",
                                       "--chunks",
                                       "2"};
  std::vector<std::string> scripted = plain;
  scripted.insert(scripted.end(),
                  {"-ngl", "99", "-sm", "layer", "--no-mmap", "-fa", "-fmoe", "-ctv", "f16", "-mla",
                   "3", "-amb", "512", "-rtr", "--log-disable"});
  const auto a = test::run_quern(plain), b = test::run_quern(scripted);
  EXPECT_EQ(b.exit_code, 0) << b.err;
  EXPECT_EQ(a.out, b.out);
  EXPECT_THAT(b.err, AllOf(HasSubstr("note: -ngl, -sm ignored: no GPU here"),
                           HasSubstr("--no-mmap ignored"), HasSubstr("-fmoe ignored")));
  EXPECT_EQ(a.err.find("ignored"), std::string::npos);
}

}  // namespace
