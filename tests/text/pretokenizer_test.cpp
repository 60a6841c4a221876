#include "text/pretokenize/pretokenizer.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>

#include "base/error.h"
#include "text/pretokenize/families.h"
#include "text/vocabulary.h"

namespace {

using Pieces = std::vector<std::string>;

Pieces split(const text::Pretokenizer& pretokenizer, const std::string& input) {
  text::Words words;
  pretokenizer.split(input, words);
  Pieces pieces;
  std::size_t begin = 0;
  for (const std::size_t end : words.ends) {
    pieces.emplace_back(words.text.substr(begin, end - begin));
    begin = end;
  }
  EXPECT_EQ(begin, words.text.size());
  return pieces;
}

Pieces split_by(const std::string& expression, const std::string& input) {
  return split(text::Pretokenizer({expression}), input);
}

std::vector<nlohmann::json> golden_cases() {
  std::vector<nlohmann::json> cases;
  for (const std::string& line : test::split_lines(
           test::read_text(test::source_path("tests/golden/tokenizers/pretokenizers.jsonl")))) {
    cases.push_back(nlohmann::json::parse(line));
  }
  return cases;
}

TEST(Pretokenizer, GoldenWordsOfEveryFamily) {
  std::map<std::string, std::unique_ptr<text::Pretokenizer>> made;
  std::size_t n = 0;
  for (const nlohmann::json& c : golden_cases()) {
    auto& pretokenizer = made[c.at("pre")];
    if (!pretokenizer) {
      pretokenizer = std::make_unique<text::Pretokenizer>(
          text::find_family(c.at("pre").get<std::string>()).expressions);
    }
    Pieces expected;
    for (const nlohmann::json& piece : c.at("pieces")) {
      expected.push_back(piece.is_string() ? piece.get<std::string>() : test::golden_text(piece));
    }
    EXPECT_EQ(split(*pretokenizer, test::golden_text(c)), expected) << c;
    ++n;
  }
  EXPECT_EQ(n, 2275U);
  EXPECT_EQ(made.size(), 25U);
}

TEST(Pretokenizer, HostileTextsTakeNearLinearTimeInEveryFamily) {
  const std::size_t n = 1U << 18;
  std::string words;
  std::string emoji;
  while (words.size() < n) words += "a ";
  while (emoji.size() < n) emoji += "\xF0\x9F\x91\xA8\xE2\x80\x8D";  // man, joiner
  std::string han;
  while (han.size() < n) han += "\xE4\xB8\x80";
  std::map<std::string, bool> seen;
  for (const nlohmann::json& c : golden_cases()) {
    const std::string pre = c.at("pre");
    if (std::exchange(seen[pre], true)) continue;
    const text::Pretokenizer pretokenizer(text::find_family(pre).expressions);
    for (const std::string& input :
         {std::string(n, 'a'), std::string(n, 'A'), std::string(n, ' '), std::string(n, ' ') + "1",
          std::string(n, '\n'), std::string(n, '1'), std::string(n, '\''), std::string(n, '!'),
          words, emoji, han}) {
      const auto start = std::chrono::steady_clock::now();
      split(pretokenizer, input);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      EXPECT_LT(took.count(), 10) << pre << ' '
                                  << input.substr(0, 3);  // quadratic would be far more
    }
  }
}

/// Processor time of the fastest of three runs.
double seconds_to_split(const text::Pretokenizer& pretokenizer, const std::string& input) {
  double best = 1e9;
  for (int run = 0; run < 3; ++run) {
    const std::clock_t start = std::clock();
    split(pretokenizer, input);
    best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return best;
}

TEST(Pretokenizer, LongRunsOfBlanksTakeLinearTimeInEveryFamily) {
  const std::string blanks(1U << 19, ' ');
  for (const text::NamedFamily& row : text::all_families()) {
    const text::Pretokenizer pretokenizer(row.family.expressions);
    const double few = seconds_to_split(pretokenizer, blanks.substr(0, blanks.size() / 8));
    const double many = seconds_to_split(pretokenizer, blanks);
    EXPECT_LT(many, 24 * few + 0.02) << row.names.front();  // quadratic: 64 times
  }
}

TEST(Pretokenizer, BlanksAndLineEndsInPiecesOf512) {
  const text::Pretokenizer p(text::find_family("jais-2").expressions);
  const auto sizes = [&](const std::string& input) {
    std::vector<std::size_t> out;
    for (const std::string& piece : split(p, input)) out.push_back(piece.size());
    return out;
  };
  using Sizes = std::vector<std::size_t>;
  const std::string blanks(1100, ' ');
  EXPECT_EQ(sizes(blanks), (Sizes{512, 512, 64, 8, 4}));
  EXPECT_EQ(sizes(blanks + "\n" + blanks), (Sizes{1101, 512, 512, 64, 8, 4}));
  EXPECT_EQ(sizes("!\n \n  a"), (Sizes{2, 2, 1, 2}));
  EXPECT_EQ(sizes(blanks + "a\t\n"), (Sizes{512, 512, 64, 8, 2, 1, 2, 2}));
}

TEST(Pretokenizer, GapsBetweenMatchesAreWords) {
  EXPECT_EQ(split_by("[0-9]+", "ab12cd3"), (Pieces{"ab", "12", "cd", "3"}));
}

TEST(Pretokenizer, LaterExpressionsCutInsideEarlierWords) {
  const text::Pretokenizer p({" ?[a-z]+", "[xyz]"});
  EXPECT_EQ(split(p, "ax by"), (Pieces{"a", "x", " b", "y"}));
}

TEST(Pretokenizer, FragmentEndsAreTextEnds) {
  const text::Pretokenizer p({"[\\r\\n]", "\\s+$"});
  EXPECT_EQ(split(p, "a  \nb"), (Pieces{"a", "  ", "\n", "b"}));
}

TEST(Pretokenizer, WhiteSpaceOutsideAsciiMatchesNoLiteral) {
  const std::string ideographic_space = "\xE3\x80\x80";
  EXPECT_EQ(split_by("[\u3000-\u3002]+", "a" + ideographic_space + "\u3001"),
            (Pieces{"a" + ideographic_space, "\u3001"}));
  EXPECT_EQ(split_by("\\s", "a" + ideographic_space + "b"), (Pieces{"a", ideographic_space, "b"}));
}

TEST(Pretokenizer, RangesReachOutsideAsciiOnlyWithoutProperties) {
  EXPECT_EQ(split_by("[\u00e0-\u00ff]", "a\u00e9b"), (Pieces{"a", "\u00e9", "b"}));
  EXPECT_EQ(split_by("[\u00e0-\u00ff]|\\p{N}", "a\u00e9b1"), (Pieces{"a\u00e9"
                                                                     "b",
                                                                     "1"}));
}

TEST(Pretokenizer, TildeIsNoSymbol) {
  EXPECT_EQ(split_by("\\p{S}", "+~="), (Pieces{"+", "~", "="}));
  EXPECT_EQ(split_by("\\p{S}+", "~~+"), (Pieces{"~~", "+"}));
}

TEST(Pretokenizer, BrokenBytesBecomeTheReplacementCharacter) {
  EXPECT_EQ(split_by("\\s", "a\xFF \xC0\xAF"), (Pieces{"a\uFFFD", " ", "/"}));
}

TEST(Pretokenizer, EmptyTextHasNoWords) { EXPECT_EQ(split_by("[a-z]+", ""), Pieces{}); }

TEST(Pretokenizer, ExpressionsOutsideTheDialectAreRefused) {
  for (const char* bad : {"[a", "\\q", "a{2", "\\p{Greek}", "a\\", "(a"}) {
    EXPECT_THROW(text::Pretokenizer({bad}), base::Error) << bad;
  }
}

TEST(Families, NamesReadDifferentlyByThePublicProgramsGoLlamaCppsWay) {
  for (const text::NamedFamily& row : text::all_families()) {
    ASSERT_FALSE(row.names.empty());
    for (const std::string& name : row.names) {
      EXPECT_EQ(text::find_family(name).expressions, row.family.expressions) << name;
    }
  }
  EXPECT_EQ(text::find_family("laguna").expressions.size(), 2U);
}

TEST(Families, UnknownNameIsNamed) {
  try {
    text::find_family("no-such");
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::unsupported);
    EXPECT_THAT(e.what(), testing::HasSubstr("found: no-such"));
  }
}

}  // namespace
