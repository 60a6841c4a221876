#include "convert/pre_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "convert/original_words.h"
#include "text/pretokenize/families.h"
#include "text/pretokenize/pretokenizer.h"

namespace convert {
namespace {

/// Text for every way of cutting. No "~", which the programs put into no class, no letters outside
/// ASCII whose case matters and no marks: the programs' forms of `tekken`, `gpt-4o` and `kimi-k2`
/// do not know them (docs/spec/tokenizers.md 5.3).
constexpr std::string_view kProbe =
    "Hello there, world!  It's 2024: we'll see what they've done; I'D say don't WE'RE 'Sam'.\n"
    "\n \n  \t\tindented\tcode(x[i], y_1) == 0x3F && !done || a->b::c /* 12 */\r\n"
    "1 22 333 4444 55555 1234567890 3.14159 1,000,000 10% \xC2\xBD\xC2\xB2 x9y99z\n"
    "---- ==== ... ?!? !! \"quoted\" `back` $5+5^2 <tag/> #hash @at path/to//file\n/\n"
    "caf\xC3\xA9 na\xC3\xAFve \xC3\x9C"
    "ber \xC3\x9F \xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82, \xD0\xBC\xD0\xB8\xD1\x80! "
    "\xCE\xB1\xCE\xB2\xCE\xB3 \xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D "
    "\xD9\x85\xD8\xB1\xD8\xAD\xD8\xA8\xD8\xA7 \xE4\xBD\xA0\xE5\xA5\xBD\xEF\xBC\x8C"
    "\xE4\xB8\x96\xE7\x95\x8C\xE3\x80\x82 \xE3\x81\x93\xE3\x82\x93\xE3\x82\xAB\xE3\x83\x8A "
    "\xED\x95\x9C\xEA\xB5\xAD\xEC\x96\xB4 \xF0\x9F\x98\x80\xF0\x9F\x91\xA8\xE2\x80\x8D"
    "\xF0\x9F\x91\xA9 \xC2\xA0nbsp\xE3\x80\x80wide   \n   end  ";
/// Khmer, Devanagari, a combining accent, a variation selector; for all other families.
constexpr std::string_view kMarks =
    "\xE1\x9E\x81\xE1\x9F\x92\xE1\x9E\x98\xE1\x9F\x82\xE1\x9E\x9A 12 "
    "\xE0\xA4\xA8\xE0\xA4\xAE\xE0\xA4\xB8\xE0\xA5\x8D\xE0\xA4\xA4\xE0\xA5\x87! "
    "e\xCC\x81t\xC3\xA9 \xE2\x9C\x94\xEF\xB8\x8F.";

struct Alias {
  std::string_view original, family;
};
/// Expressions that families write in another way (docs/spec/tokenizers.md 5.2, 5.3).
constexpr Alias kAliases[] = {
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
     R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))"},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     R"([^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     R"([^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {R"([\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     R"(\p{Han}+)"},
};

/// Of a family's names, the one that converters write most.
constexpr std::string_view kUsual[] = {"llama-bpe", "gpt-2",     "qwen2",       "gpt-4o",
                                       "tekken",    "command-r", "deepseek-v3", "starcoder"};

std::string name_of(const text::NamedFamily& family) {
  for (const std::string_view usual : kUsual) {
    if (std::find(family.names.begin(), family.names.end(), usual) != family.names.end()) {
      return std::string(usual);
    }
  }
  return family.names.front();
}

/// \r and \n may be written as escapes or stand there themselves.
std::string with_literal_line_ends(std::string_view expression) {
  std::string out;
  for (std::size_t i = 0; i < expression.size(); ++i) {
    const bool escape = expression[i] == '\\' && i + 1 < expression.size();
    const char next = escape ? expression[i + 1] : '\0';
    if (escape && (next == 'r' || next == 'n')) {
      out += next == 'r' ? '\r' : '\n';
    } else {
      out += expression.substr(i, escape ? 2 : 1);
    }
    if (escape) ++i;
  }
  return out;
}

std::vector<std::string> as_families_write(std::vector<std::string> expressions) {
  for (std::string& e : expressions) {
    e = with_literal_line_ends(e);
    for (const Alias& row : kAliases) {
      if (e == with_literal_line_ends(row.original)) e = with_literal_line_ends(row.family);
    }
  }
  return expressions;
}

/// Whether a family writes one of them in a way that is not quite the same.
bool is_aliased(const std::vector<std::string>& expressions) {
  return std::any_of(expressions.begin(), expressions.end(), [](const std::string& e) {
    return std::any_of(std::begin(kAliases), std::end(kAliases), [&](const Alias& row) {
      return with_literal_line_ends(e) == with_literal_line_ends(row.original);
    });
  });
}

std::vector<std::string> words_of(const text::Family& family, std::string_view probe) {
  text::Words words;
  text::Pretokenizer(family.expressions).split(probe, words);
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (const std::size_t end : words.ends) {
    out.emplace_back(words.text.substr(begin, end - begin));
    begin = end;
  }
  return out;
}

/// The first word that differs, for people.
std::string difference(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const auto [at, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  const auto shown = [](auto it, auto end) {
    return it == end ? std::string("(end)") : "\"" + base::printable(*it) + "\"";
  };
  return shown(at, a.end()) + " and " + shown(other, b.end());
}

class Finder {
 public:
  Finder(const TokenizerJson& tokenizer, std::optional<bool> clean_spaces, base::Findings& findings)
      : tokenizer_(tokenizer),
        clean_spaces_(clean_spaces),
        findings_(findings),
        original_(tokenizer.pre_tokenizer),
        expressions_(as_families_write(original_.expressions())),
        aliased_(is_aliased(original_.expressions())),
        words_(original_.split(kProbe)),
        marks_(original_.split(kMarks)) {}

  std::string find() {
    for (const text::NamedFamily& family : text::all_families()) {
      if (!family.family.byte_aliases || family.family.escape_spaces) continue;
      const bool exact = as_families_write(family.family.expressions) == expressions_;
      const std::vector<std::string> words = words_of(family.family, kProbe);
      const bool alike =
          words == words_ && ((exact && aliased_) || words_of(family.family, kMarks) == marks_);
      if (alike) {
        offer(family, exact);
      } else if (exact) {
        refuse_probe(family, words);
      }
    }
    if (best_rank_ < 0) refuse();
    if (best_rank_ < kExact) {
      findings_.push_back(
          {.where = "tokenizer.ggml.pre",
           .text = fmt::format("no family has the tokenizer's expressions; {} cuts a probe text "
                               "of {} words alike",
                               best_, words_.size())});
    }
    if (best_rank_ % kExact < kMerges) {
      findings_.push_back({.where = "tokenizer.ggml.pre",
                           .text = fmt::format("the tokenizer's ignore_merges is {}, that of {} "
                                               "is not",
                                               tokenizer_.ignore_merges, best_)});
    }
    return best_;
  }

 private:
  static constexpr int kClean = 1, kMerges = 2, kExact = 4;

  void offer(const text::NamedFamily& family, bool exact) {
    const bool merges = family.family.ignore_merges == tokenizer_.ignore_merges;
    const bool clean = family.family.clean_spaces == clean_spaces_;
    const int rank = (exact ? kExact : 0) + (merges ? kMerges : 0) + (clean ? kClean : 0);
    if (rank <= best_rank_) return;
    best_rank_ = rank;
    best_ = name_of(family);
  }

  [[noreturn]] void refuse_probe(const text::NamedFamily& family,
                                 const std::vector<std::string>& words) const {
    throw base::Error(
        base::Fault::unsupported,
        "the tokenizer cuts a probe text otherwise than the family of its expressions")
        .at("family", family.names.front())
        .at("words", difference(words_, words));
  }

  [[noreturn]] void refuse() const {
    throw base::Error(base::Fault::unsupported, "no known pre-tokenizer cuts text as this one does")
        .at("key", "pre_tokenizer")
        .at("expressions", base::printable(fmt::format("{}", fmt::join(expressions_, "  "))))
        .hint(
            "--pre NAME names one yourself (qwen2, llama-bpe, ...); ids of some texts will differ");
  }

  const TokenizerJson& tokenizer_;
  std::optional<bool> clean_spaces_;
  base::Findings& findings_;
  OriginalWords original_;
  std::vector<std::string> expressions_;
  bool aliased_;  ///< a family writes one of them in another way
  std::vector<std::string> words_, marks_;
  std::string best_;
  int best_rank_ = -1;
};

}  // namespace

std::string_view probe_text() noexcept { return kProbe; }

std::string find_pre_name(const TokenizerJson& tokenizer, std::optional<bool> clean_spaces,
                          base::Findings& findings) {
  return Finder(tokenizer, clean_spaces, findings).find();
}

}  // namespace convert
