// Vocabularies of tiktoken: the expression beside them.
#include <fmt/format.h>

#include "convert/convert_support.h"
#include "convert/hf_regex.h"
#include "convert/tiktoken_pattern.h"
#include "convert/vocabulary.h"

namespace {

void expect_all(const std::string& text, const std::vector<std::string>& pieces) {
  for (const std::string& piece : pieces) EXPECT_NE(text.find(piece), std::string::npos) << text;
}

// The lines of Kimi K2's tokenization_kimi.py that matter.
constexpr const char* kKimiPython = R"py(class TikTokenTokenizer(PreTrainedTokenizer):
    """pat_str == no assignment."""
    num_reserved_special_tokens = 256
    pat_str = "|".join(
        [
            r"""[\p{Han}]+""",  # no "quotes"
            r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
            r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
            r"""\p{N}{1,3}""",
            r""" ?[^\s\p{L}\p{N}]+[\r\n]*""",
            r"""\s*[\r\n]+""",
            r"""\s+(?!\S)""",
            r"""\s+""",
        ]
    )
)py";

TEST(Tiktoken, ThePatternIsReadFromPython) {
  const auto of = [](const char* source) {
    return convert::python_pattern(source).value_or("(none)");
  };
  EXPECT_EQ(of("pat_str = r'a\\d'"), "a\\d");
  EXPECT_EQ(of("PAT_STR = \"\"\"(?i:'s)|\\n\"\"\" r'|x'\n"), "(?i:'s)|\n|x");
  EXPECT_EQ(of("self.pat_str = (\n  'a'  # one\n  '|b'\n)"), "a|b");
  EXPECT_EQ(of("pat_str: later\npat_str=\"\\\\s\\\"\""), "\\s\"");
  EXPECT_EQ(of("pat_str = '|'.join(['a', 'b'])"), "a|b");
  EXPECT_EQ(of("x = '|'\npat_str = x.join(['a'])"), "(none)");
  EXPECT_EQ(of("pat_str = 'open"), "(none)");
  EXPECT_EQ(of("pat_str = '|'.join(['a' for x in y])"), "(none)");
  EXPECT_EQ(of("pat_str"), "(none)");
  EXPECT_TRUE(convert::python_pattern(kKimiPython)->ends_with(R"(|\s+(?!\S)|\s+)"));
}

TEST(HfRegex, ReadsClassesAsTheOriginalsDo) {
  const auto matches = [](const char* pattern, const char* text) {
    std::vector<std::string> out;
    for (const auto& [b, e] : convert::HfRegex(pattern).matches(text)) {
      out.push_back(std::string(text).substr(b, e - b));
    }
    return out;
  };
  using Words = std::vector<std::string>;
  EXPECT_EQ(matches("[\\w&&[^ac]]+x?", "abbxcd"), (Words{"bbx", "d"}));
  EXPECT_EQ(matches("[a-z&&[cde\\]]]", "abcdx"), (Words{"c", "d"}));
  EXPECT_EQ(matches("\\p{Han}+", "\xE4\xB8\x96\xE7\x95\x8C\xE3\x80\x82"),
            (Words{"\xE4\xB8\x96\xE7\x95\x8C"}))
      << "not the full stop";
  EXPECT_EQ(matches("[&&]+|[[]|[]a]", "&[]"), (Words{"&", "[", "]"}));
  EXPECT_EQ(matches("\\\\p{2}", "\\pp"), (Words{"\\pp"})) << "an escape is whole";
}

TEST(HfRegex, RefusesWhatIsFarTooLong) {
  std::string pattern;
  while (pattern.size() < 65536) pattern += "a\\p{Han}[b]";
  try {
    convert::HfRegex regex(pattern);
    ADD_FAILURE();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::unsupported);
    EXPECT_THAT(e.what(), testing::HasSubstr("too long"));
  }
  pattern.resize(11 * 5000);
  EXPECT_TRUE(convert::HfRegex(pattern).matches("aab").empty());
}

TEST(Vocabulary, KimiIsRecognisedByItsPython) {
  const test::TempDir dir;
  const auto folder = dir / "m";
  test::copy_folder(test::model_folder("llama"), folder);
  std::filesystem::remove(folder / "tokenizer.model");
  std::filesystem::remove(folder / "tokenizer_config.json");
  const auto read = [&] {
    return convert::read_vocabulary(convert::ModelFolder::open(folder), 400);
  };
  std::string ranks;
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (unsigned b = 0; b < 256; ++b) {
    ranks += fmt::format("{}{}== {}\n", kDigits[b >> 2], kDigits[(b & 3) << 4], b);
  }
  test::write_text(folder / "tiktoken.model", ranks);
  expect_all(test::refusal(base::Fault::unsupported, read),
             {"does not tell how it cuts", "tokenization*.py", "--pre kimi-k2"});
  test::write_text(folder / "tokenization_kimi.py", kKimiPython);
  const convert::Vocabulary vocabulary = read();
  EXPECT_EQ(vocabulary.metadata.string("tokenizer.ggml.pre"), "kimi-k2");
  EXPECT_TRUE(vocabulary.findings.empty()) << vocabulary.findings.front().text;
}

}  // namespace
