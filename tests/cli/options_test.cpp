#include "cli/options.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace {

constexpr cli::Option kOptions[] = {
    {.names = "-c, --ctx-size", .value = "N", .default_value = "512", .help = "window"},
    {.names = "-ctk, --cache-type-k", .value = "TYPE", .default_value = "f16", .help = "keys"},
    {.names = "--pure", .help = "one type"},
    {.names = "--custom-q", .value = "RULES", .help = "rules", .repeats = true},
};
const cli::Command kCommand{.name = "test",
                            .summary = "s",
                            .usage = "IN",
                            .options = kOptions,
                            .min_positionals = 0,
                            .max_positionals = 2,
                            .run = [](const cli::Args&) { return 0; }};

cli::Args parse(std::vector<const char*> words) {
  return cli::parse(kCommand, words, "quern test");
}

TEST(Options, LongShortAndMultiLetterSpellingsAgree) {
  EXPECT_EQ(parse({"-c", "7"}).integer("ctx-size", 0, 100), 7);
  EXPECT_EQ(parse({"--ctx_size", "7"}).integer("ctx-size", 0, 100), 7);
  EXPECT_EQ(parse({"--ctx-size=7"}).integer("ctx-size", 0, 100), 7);
  EXPECT_EQ(parse({"-ctk", "q8_0"}).str("cache-type-k"), "q8_0");
}

TEST(Options, DefaultsFlagsAndPositionals) {
  const cli::Args args = parse({"a", "--pure", "b"});
  EXPECT_EQ(args.integer("ctx-size", 0, 1000), 512);
  EXPECT_TRUE(args.flag("pure"));
  EXPECT_EQ(args.positionals(), (std::vector<std::string>{"a", "b"}));
}

TEST(Options, PositionalsMayFollowAnOptionWithAValue) {
  const cli::Args args = parse({"-c", "7", "a", "b"});
  EXPECT_EQ(args.integer("ctx-size", 0, 100), 7);
  EXPECT_EQ(args.positionals(), (std::vector<std::string>{"a", "b"}));
}

TEST(Options, ValueMayStartWithADash) {
  EXPECT_EQ(parse({"-ctk", "-1"}).str("cache-type-k"), "-1");
}

TEST(Options, EmptyValueIsAValue) {
  const cli::Args args = parse({"-ctk", "", "a"});
  EXPECT_TRUE(args.given("cache-type-k"));
  EXPECT_EQ(args.str("cache-type-k"), "");
  EXPECT_EQ(args.positionals(), (std::vector<std::string>{"a"}));
}

TEST(Options, RepeatableOptionsKeepTheirOrder) {
  EXPECT_EQ(parse({"--custom-q", "a=b", "--custom-q", "c=d"}).list("custom-q"),
            (std::vector<std::string>{"a=b", "c=d"}));
}

TEST(Options, TheLastOfSeveralValuesHolds) {
  const cli::Args args = parse({"-c", "1", "-ctk", "f32", "--ctx-size", "2", "-ctk", "f32"});
  EXPECT_EQ(args.list("ctx-size"), (std::vector<std::string>{"2"}));
  EXPECT_EQ(args.list("cache-type-k"), (std::vector<std::string>{"f32"}));
  EXPECT_EQ(
      args.notes(),
      (std::vector<std::string>{"note: --ctx-size is given 2 times; the last value holds: 2"}));
}

TEST(Options, WrongUsageIsNamed) {
  for (const std::vector<const char*>& words :
       {std::vector<const char*>{"--nonsense"}, {"-c"}, {"a", "b", "c"}}) {
    try {
      parse(words);
      FAIL() << words[0];
    } catch (const base::Error& e) {
      EXPECT_EQ(e.fault(), base::Fault::bad_usage);
      EXPECT_NE(e.hint_text(), "");
    }
  }
  EXPECT_THROW(parse({"-c", "12x"}).integer("ctx-size", 0, 100), base::Error);
}

}  // namespace
