#include "convert/hf_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/printable.h"

namespace convert {
namespace {

constexpr std::size_t kMaxBytes = 65536;        // published expressions are below 1 KiB
constexpr std::uint32_t kMaxSteps = 1'000'000;  // of one match; hostile expressions run away
constexpr std::uint32_t kMaxHeapKib = 65536;

struct FreeData {
  void operator()(pcre2_match_data* p) const noexcept { pcre2_match_data_free(p); }
};
struct FreeContext {
  void operator()(pcre2_match_context* p) const noexcept { pcre2_match_context_free(p); }
};

/// The end of a class that begins at `at`, behind its ]; npos if it has none.
std::size_t class_end(std::string_view pattern, std::size_t at) noexcept {
  std::size_t i = at + 1;
  if (i < pattern.size() && pattern[i] == '^') ++i;
  if (i < pattern.size() && pattern[i] == ']') ++i;  // a ] in front is a member
  for (; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == ']') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

/// PCRE2 has no intersection of classes: [A&&[^B]] becomes (?:(?![B])[A]), [A&&[B]] (?:(?=[B])[A]).
std::string without_intersections(std::string_view pattern) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    if (pattern[i] == '\\' || pattern[i] != '[') {
      const std::size_t n = pattern[i] == '\\' ? 2 : 1;
      out += pattern.substr(i, n);
      i += n;
      continue;
    }
    const std::size_t end = std::min(class_end(pattern, i), pattern.size());
    const std::size_t in_class = pattern.substr(i, end - i).find("&&[");
    if (in_class == std::string_view::npos || pattern.substr(end, 1) != "]") {
      out += pattern.substr(i, end - i);
      i = end;
      continue;
    }
    const std::size_t and_at = i + in_class;
    const std::string_view inner = pattern.substr(and_at + 2, end - and_at - 2);
    const bool negated = inner.starts_with("[^");
    out += negated ? "(?:(?![" : "(?:(?=[";
    out += inner.substr(negated ? 2 : 1);
    out += ')';
    out += pattern.substr(i, and_at - i);
    out += "])";
    i = end + 1;
  }
  return out;
}

/// \p{Han} is the script itself for the originals; PCRE2 takes it for the script's extensions, with
/// the punctuation that it shares.
std::string with_plain_scripts(std::string_view pattern) {
  constexpr std::string_view kScripts[] = {
      "Arabic", "Bengali", "Common",   "Cyrillic", "Devanagari", "Greek", "Han",
      "Hangul", "Hebrew",  "Hiragana", "Katakana", "Latin",      "Tamil", "Thai"};
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    const std::size_t n = pattern[i] == '\\' ? 2 : 1;
    const std::string_view unit = pattern.substr(i, n);
    out += unit;
    i += unit.size();
    if ((unit != "\\p" && unit != "\\P") || pattern.substr(i, 1) != "{") continue;
    const bool script = std::any_of(
        std::begin(kScripts), std::end(kScripts), [name = pattern.substr(i + 1)](auto known) {
          return name.starts_with(known) && name.substr(known.size()).starts_with('}');
        });
    if (!script) continue;
    out += "{sc:";
    ++i;
  }
  return out;
}

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

struct HfRegex::Code {
  std::string pattern;
  pcre2_code* code = nullptr;

  Code() = default;
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  ~Code() { pcre2_code_free(code); }
};

HfRegex::HfRegex(const std::string& pattern) : code_(std::make_unique<Code>()) {
  if (pattern.size() > kMaxBytes) {
    throw base::Error(base::Fault::unsupported, "an expression of the tokenizer is too long")
        .at("found", std::to_string(pattern.size()) + " bytes")
        .expected("at most " + std::to_string(kMaxBytes));
  }
  code_->pattern = pattern;
  const std::string plain = with_plain_scripts(without_intersections(pattern));
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_->code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(plain.data()), plain.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr);
  if (code_->code != nullptr) return;
  std::array<PCRE2_UCHAR, 120> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  throw base::Error(base::Fault::unsupported,
                    std::string("an expression of the tokenizer cannot be read: ") +
                        reinterpret_cast<const char*>(text.data()))
      .at("expression", base::printable(pattern))
      .at("offset", offset);
}

HfRegex::~HfRegex() = default;
HfRegex::HfRegex(HfRegex&&) noexcept = default;

std::vector<std::pair<std::size_t, std::size_t>> HfRegex::matches(std::string_view text) const {
  const std::unique_ptr<pcre2_match_data, FreeData> data(
      pcre2_match_data_create_from_pattern(code_->code, nullptr));
  const std::unique_ptr<pcre2_match_context, FreeContext> context(
      pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(context.get(), kMaxSteps);
  pcre2_set_heap_limit(context.get(), kMaxHeapKib);
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t at = 0; at <= text.size();) {
    const int rc = pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                               at, PCRE2_NOTEMPTY, data.get(), context.get());
    if (rc == PCRE2_ERROR_NOMATCH) break;
    const PCRE2_SIZE* place = pcre2_get_ovector_pointer(data.get());
    if (rc < 0 || place[1] <= place[0]) {  // \K can even make a match end before it begins
      throw base::Error(base::Fault::unsupported, "an expression of the tokenizer cannot be used")
          .at("expression", base::printable(code_->pattern))
          .at("code", rc);
    }
    out.emplace_back(place[0], place[1]);
    at = place[1];
  }
  return out;
}

std::string HfRegex::without_case_groups(std::string_view pattern) {
  constexpr std::string_view kOpen = "(?i:";
  std::string out;
  int depth = 0;  // of groups inside a case-insensitive one; 0: outside
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      // An escape is whole: \p{Lu} keeps its name.
      const bool named = pattern.substr(i + 1, 2) == "p{" || pattern.substr(i + 1, 2) == "P{";
      const std::size_t close = named ? pattern.find('}', i) : std::string_view::npos;
      const std::size_t n = close == std::string_view::npos ? 2 : close - i + 1;
      out += pattern.substr(i, n);
      i += n - 1;
    } else if (depth == 0 && pattern.substr(i).starts_with(kOpen)) {
      out += "(?:";
      i += kOpen.size() - 1;
      depth = 1;
    } else if (depth > 0 && is_letter(c)) {
      const char lower = static_cast<char>(c | 0x20), upper = static_cast<char>(c & ~0x20);
      out += '[';
      out += lower;
      out += upper;
      out += ']';
    } else {
      if (depth > 0 && c == '(') ++depth;
      if (depth > 0 && c == ')') --depth;
      out += c;
    }
  }
  return out;
}

}  // namespace convert
