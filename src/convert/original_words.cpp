#include "convert/original_words.h"

#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "convert/json_file.h"

namespace convert {
namespace {

using Json = nlohmann::json;

/// What a ByteLevel part cuts with.
constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\^$.[]|()?*+{}").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

/// {"Regex": ...} or {"String": ...}.
std::string pattern_of(const Json& part) {
  const auto it = part.find("pattern");
  if (it != part.end() && it->is_object()) {
    if (std::string regex = word(*it, "Regex"); !regex.empty()) return regex;
    if (std::string text = word(*it, "String"); !text.empty()) return escaped(text);
  }
  throw base::Error(base::Fault::bad_file, "tokenizer.json has another form")
      .at("key", "pre_tokenizer.pattern")
      .expected("Regex or String");
}

struct Segment {
  std::size_t begin = 0, end = 0;
  bool match = false;
};

}  // namespace

OriginalWords::OriginalWords(const Json& pre_tokenizer) {
  if (!pre_tokenizer.is_object()) {
    throw base::Error(base::Fault::bad_file, "tokenizer.json has another form")
        .at("key", "pre_tokenizer")
        .expected("an object");
  }
  const auto list = pre_tokenizer.find("pretokenizers");
  if (word(pre_tokenizer, "type") != "Sequence" || list == pre_tokenizer.end() ||
      !list->is_array()) {
    add_part(pre_tokenizer);
    return;
  }
  for (const Json& part : *list) add_part(part);
}

void OriginalWords::add_part(const Json& part) {
  const std::string type = part.is_object() ? word(part, "type") : "";
  if (type == "Split") {
    add_step(pattern_of(part), word(part, "behavior"), flag(part, "invert", false));
  } else if (type == "ByteLevel") {
    if (flag(part, "use_regex", true)) add_step(std::string(kGpt2), "Isolated", false);
  } else if (type == "Digits") {
    add_step(flag(part, "individual_digits", false) ? "\\p{N}" : "\\p{N}+", "Isolated", false);
  } else if (type == "Punctuation") {
    const std::string behaviour = word(part, "behavior");
    add_step("[\\p{P}\\$\\+<=>\\^~\\|`]", behaviour.empty() ? "Isolated" : behaviour, false);
  } else {
    throw base::Error(base::Fault::unsupported, "a part of the pre-tokenizer is not known")
        .at("key", "pre_tokenizer.type")
        .at("found", base::printable(type))
        .expected("Split, ByteLevel, Digits or Punctuation")
        .hint("--pre NAME names the way of cutting yourself");
  }
}

void OriginalWords::add_step(const std::string& pattern, const std::string& behaviour,
                             bool invert) {
  constexpr std::pair<std::string_view, Behaviour> kBehaviours[] = {
      {"Isolated", Behaviour::isolated},
      {"Removed", Behaviour::removed},
      {"Contiguous", Behaviour::contiguous},
      {"MergedWithPrevious", Behaviour::with_previous},
      {"MergedWithNext", Behaviour::with_next}};
  for (const auto& [name, value] : kBehaviours) {
    if (name != behaviour) continue;
    steps_.push_back({.regex = HfRegex(pattern), .behaviour = value, .invert = invert});
    std::string text = HfRegex::without_case_groups(pattern);
    if (value == Behaviour::contiguous && text.ends_with(']')) text += '+';
    expressions_.push_back(std::move(text));
    return;
  }
  throw base::Error(base::Fault::bad_file, "tokenizer.json has another form")
      .at("key", "pre_tokenizer.behavior")
      .at("found", base::printable(behaviour))
      .expected("Isolated, Removed, Contiguous, MergedWithPrevious or MergedWithNext");
}

void OriginalWords::cut(const Step& step, std::string_view word, std::vector<std::string>& out) {
  std::vector<Segment> segments;
  std::size_t end = 0;
  for (const auto& [b, e] : step.regex.matches(word)) {
    if (b > end) segments.push_back({end, b, step.invert});
    segments.push_back({b, e, !step.invert});
    end = e;
  }
  if (end < word.size()) segments.push_back({end, word.size(), step.invert});
  bool join_next = false, last_match = false;
  for (const Segment& s : segments) {
    const std::string_view piece = word.substr(s.begin, s.end - s.begin);
    if (step.behaviour == Behaviour::removed && s.match) continue;
    const bool join = !out.empty() && s.begin > 0 &&
                      ((join_next && !s.match) ||
                       (step.behaviour == Behaviour::with_previous && s.match && !last_match) ||
                       (step.behaviour == Behaviour::contiguous && s.match && last_match));
    if (join) {
      out.back() += piece;
    } else {
      out.emplace_back(piece);
    }
    join_next = step.behaviour == Behaviour::with_next && s.match;
    last_match = s.match;
  }
}

std::vector<std::string> OriginalWords::split(std::string_view text) const {
  std::vector<std::string> words;
  if (!text.empty()) words.emplace_back(text);
  for (const Step& step : steps_) {
    std::vector<std::string> next;
    for (const std::string& w : words) cut(step, w, next);
    words = std::move(next);
  }
  return words;
}

}  // namespace convert
