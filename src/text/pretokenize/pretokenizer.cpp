#include "text/pretokenize/pretokenizer.h"

#include <fmt/format.h>

#include <span>
#include <variant>

#include "base/error.h"
#include "text/pretokenize/alphabet.h"
#include "text/pretokenize/dialect.h"
#include "text/pretokenize/matcher.h"
#include "text/pretokenize/requirements.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace text {
namespace {

using Bytes = std::span<const std::uint8_t>;
using Ends = std::vector<std::uint32_t>;  // of fragments, in characters

struct Replacement {
  std::string_view from, to;
};
/// Parts of expressions in a form that matches the same and stays linear on any text, and the one
/// expression that merely stands for a rule.
constexpr Replacement kReplacements[] = {
    // Tried again at every blank of a run that does not end the text.
    {R"(\s+$)", R"((?<!\s)\s+$)"},
    // Tried again, to the end of the run, at every 512th blank of it. Behind a blank it cannot
    // match:
    // at the run's begin it takes all up to the last line end.
    {R"(|\s*[\r\n]+|\s{512})", R"(|(?<![^\S\r\n])\s*[\r\n]+|\s{512})"},
    // One step of backtracking memory per letter.
    {R"((?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+)", R"(\p{L}(?:[\p{L}\p{M}]+| \p{L})*+)"},
    // kimi-k2, docs/spec/tokenizers.md 5.3, notes.
    {R"(\p{Han}+)", R"(\p{Han}+|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^\p{Han}]))+)"
                    R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?)"
                    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
};

/// A rule that no linear expression says: cuts of a digit run counted from its right end.
struct DigitRule {
  std::string_view expression;
  bool all_numbers;  ///< every number, else ASCII digits
  /// False: the text before a run stays joined to its first group, and groups of what is left over
  /// and then three follow. True: cuts lie before every place with 3, 6, 9, ... digits to the end.
  bool cut_before_run;
};
constexpr DigitRule kDigitRules[] = {
    {R"(\p{AFMoE_digits})", true, false},
    {R"(\d{1,3}(?=(?:\d{3})*\b))", true, false},
    {R"((?=(\d{3})+(?!\d)))", false, true},
};

struct DigitStage {
  std::array<bool, 256> digit{};
  bool cut_before_run = false;

  void run(Bytes text, const Ends& in, Ends& out) const {
    std::uint32_t begin = 0;
    for (const std::uint32_t end : in) {
      split(text, begin, end, out);
      begin = end;
    }
  }

 private:
  void split(Bytes text, std::uint32_t begin, std::uint32_t end, Ends& out) const {
    std::uint32_t at = begin;
    std::uint32_t last = begin;
    const auto cut = [&](std::uint32_t place) {
      if (place > last) out.push_back(last = place);
    };
    while (at < end) {
      if (!digit[text[at]]) {
        ++at;
        continue;
      }
      std::uint32_t run_end = at;
      while (run_end < end && digit[text[run_end]]) ++run_end;
      const std::uint32_t rest = (run_end - at) % 3;
      std::uint32_t place = at + rest;
      if (place == at && !cut_before_run) place += 3;
      for (; place < run_end; place += 3) cut(place);
      if (!cut_before_run) cut(run_end);
      at = run_end;
    }
    cut(end);
  }
};

using ByteSet = std::array<bool, 256>;

/// Looks ahead for bytes of a set, each byte of the text once.
class Lookout {
 public:
  Lookout(Bytes text, const std::optional<ByteSet>& set) : text_(text), set_(set) { seek(0); }

  /// Whether one lies in [from, end); always, without a set. `from` never goes back.
  bool sees(std::size_t from, std::size_t end) {
    if (!set_) return true;
    if (next_ < from) seek(from);
    return next_ < end;
  }

 private:
  void seek(std::size_t from) {
    next_ = from;
    if (!set_) return;
    while (next_ < text_.size() && !(*set_)[text_[next_]]) ++next_;
  }

  Bytes text_;
  const std::optional<ByteSet>& set_;
  std::size_t next_ = 0;
};

/// What every match must have is looked for first: most fragments lack it, and a search that finds
/// nothing costs as much as one that does.
struct RegexStage {
  Matcher matcher;
  std::optional<ByteSet> somewhere = {};  // each match has one of these
  std::optional<ByteSet> at_end = {};     // a match ends its fragment, with one of these

  void run(Bytes text, const Ends& in, Ends& out) const {
    Matcher::Search search(matcher);
    Lookout lookout(text, somewhere);
    std::uint32_t begin = 0;
    for (const std::uint32_t end : in) {
      const bool worth = lookout.sees(begin, end) && (!at_end || (*at_end)[text[end - 1]]);
      if (worth) {
        split(text, begin, end, lookout, search, out);
      } else {
        out.push_back(end);
      }
      begin = end;
    }
  }

 private:
  static void split(Bytes text, std::uint32_t begin, std::uint32_t end, Lookout& lookout,
                    Matcher::Search& search, Ends& out) {
    const Bytes fragment = text.subspan(begin, end - begin);
    std::size_t last = 0;
    std::size_t from = 0;
    bool was_empty = false;
    while (from < fragment.size() && lookout.sees(begin + from, end)) {
      const auto match = search.next(fragment, from, was_empty);
      if (!match) break;
      if (match->begin > last) out.push_back(begin + static_cast<std::uint32_t>(match->begin));
      if (match->end > match->begin) out.push_back(begin + static_cast<std::uint32_t>(match->end));
      was_empty = match->end == match->begin;
      last = from = match->end;
    }
    if (last < fragment.size()) out.push_back(end);
  }
};

using Stage = std::variant<RegexStage, DigitStage>;

void put_byte(std::size_t byte, std::string& out) { out += fmt::format("\\x{:02X}", byte); }

/// A set as a PCRE2 class of bytes.
std::string byte_class(const std::array<bool, 256>& bytes) {
  std::string out = "[";
  for (std::size_t b = 0; b < 256; ++b) {
    if (!bytes[b]) continue;
    const std::size_t first = b;
    while (b + 1 < 256 && bytes[b + 1]) ++b;
    put_byte(first, out);
    if (b > first) {
      out += '-';
      put_byte(b, out);
    }
  }
  return out.size() == 1 ? "(?!)" : out + "]";
}

std::string with_replacements(std::string expression) {
  for (const Replacement& r : kReplacements) expression = replace_all(expression, r.from, r.to);
  return expression;
}

CodePointSet digits_of(const DigitRule& rule) {
  return rule.all_numbers ? CodePointSet::of_category(kCategoryNumber) : CodePointSet('0', '9');
}

const DigitRule* find_digit_rule(std::string_view expression) {
  for (const DigitRule& rule : kDigitRules) {
    if (rule.expression == expression) return &rule;
  }
  return nullptr;
}

/// The text as bytes of an alphabet, one per character, and where each character begins.
struct Characters {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> offsets;  // [bytes.size() + 1]
};

std::size_t utf8_length(char32_t code) {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/// False if the text is not UTF-8 in its shortest form.
bool read_characters(std::string_view text, const Alphabet& alphabet, Characters& out) {
  out.bytes.resize(text.size());
  out.offsets.resize(text.size() + 1);
  std::size_t n = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    out.offsets[n] = static_cast<std::uint32_t>(at);
    const auto ascii = static_cast<std::uint8_t>(text[at]);
    if (ascii < 0x80) {
      out.bytes[n++] = ascii;
      ++at;
      continue;
    }
    const std::size_t begin = at;
    const char32_t code = decode_utf8(text, at);
    if (utf8_length(code) != at - begin) return false;
    out.bytes[n++] = alphabet.byte_of(code);
  }
  out.offsets[n] = static_cast<std::uint32_t>(text.size());
  out.bytes.resize(n);
  out.offsets.resize(n + 1);
  return true;
}

std::string mended(std::string_view text) {
  std::string out;
  out.reserve(text.size() * 3);
  for (std::size_t at = 0; at < text.size();) append_utf8(decode_utf8(text, at), out);
  return out;
}

}  // namespace

struct Pretokenizer::Stages {
  std::vector<Stage> list;
  std::unique_ptr<Alphabet> alphabet;
};

Pretokenizer::Pretokenizer(const std::vector<std::string>& expressions)
    : stages_(std::make_unique<Stages>()) {
  std::vector<std::vector<DialectItem>> parsed(expressions.size());
  std::vector<CodePointSet> sets;
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    if (const DigitRule* rule = find_digit_rule(expressions[i])) {
      sets.push_back(digits_of(*rule));
      continue;
    }
    parsed[i] = parse_dialect(with_replacements(expressions[i]));
    for (const DialectItem& item : parsed[i]) {
      if (item.is_set) sets.push_back(item.set);
    }
  }
  stages_->alphabet = std::make_unique<Alphabet>(sets);
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    if (const DigitRule* rule = find_digit_rule(expressions[i])) {
      stages_->list.emplace_back(DigitStage{.digit = stages_->alphabet->bytes_of(digits_of(*rule)),
                                            .cut_before_run = rule->cut_before_run});
      continue;
    }
    std::string pattern;
    for (const DialectItem& item : parsed[i]) {
      pattern += item.is_set ? byte_class(stages_->alphabet->bytes_of(item.set)) : item.operation;
    }
    const Requirements required = requirements_of(parsed[i]);
    RegexStage stage{.matcher = Matcher(pattern)};
    if (required.somewhere) stage.somewhere = stages_->alphabet->bytes_of(*required.somewhere);
    if (required.at_end) stage.at_end = stages_->alphabet->bytes_of(*required.at_end);
    stages_->list.emplace_back(std::move(stage));
  }
}

Pretokenizer::~Pretokenizer() = default;

void Pretokenizer::split(std::string_view text, Words& words) const {
  if (text.size() >= 0xFFFFFFFF / 3) {
    throw base::Error(base::Fault::bad_input, "text too long for one call")
        .at("found", fmt::format("{} bytes", text.size()))
        .hint("tokenize it in parts");
  }
  Characters characters;
  words.text = text;
  if (!read_characters(text, *stages_->alphabet, characters)) {
    words.storage = mended(text);
    words.text = words.storage;
    read_characters(words.text, *stages_->alphabet, characters);
  }
  words.ends.clear();
  if (words.text.empty()) return;
  Ends ends = {static_cast<std::uint32_t>(characters.bytes.size())};
  for (const Stage& stage : stages_->list) {
    Ends finer;
    finer.reserve(std::max(ends.size(), characters.bytes.size() / 4));
    std::visit([&](const auto& s) { s.run(characters.bytes, ends, finer); }, stage);
    ends = std::move(finer);
  }
  words.ends.reserve(ends.size());
  for (const std::uint32_t end : ends) words.ends.push_back(characters.offsets[end]);
}

}  // namespace text
