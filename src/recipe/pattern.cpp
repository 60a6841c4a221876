#define PCRE2_CODE_UNIT_WIDTH 8
#include "recipe/pattern.h"

#include <pcre2.h>

#include <array>

#include "base/error.h"

namespace recipe {
namespace {
/// Far above what any sane expression needs on a 63-byte name, far below a noticeable time.
constexpr std::uint32_t kMatchLimit = 100'000;
constexpr std::uint32_t kHeapLimitKib = 16'384;

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return {reinterpret_cast<const char*>(buffer.data())};
}
}  // namespace

struct Pattern::Compiled {
  std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> code{nullptr, pcre2_code_free};
  std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> limits{
      nullptr, pcre2_match_context_free};
};

Pattern::Pattern(std::string text) : text_(std::move(text)) {
  auto compiled = std::make_shared<Compiled>();
  int code = 0;
  PCRE2_SIZE offset = 0;
  // The options make escapes, unset groups and `$` behave as in ECMAScript.
  compiled->code.reset(pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(text_.data()), text_.size(),
      PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF | PCRE2_DOLLAR_ENDONLY, &code, &offset, nullptr));
  if (!compiled->code) {
    throw base::Error(base::Fault::bad_usage, "bad regular expression: " + message_of(code))
        .at("expression", text_)
        .at("position", offset);
  }
  compiled->limits.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(compiled->limits.get(), kMatchLimit);
  pcre2_set_heap_limit(compiled->limits.get(), kHeapLimitKib);
  compiled_ = std::move(compiled);
}

bool Pattern::search(std::string_view text) const {
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create_from_pattern(compiled_->code.get(), nullptr), pcre2_match_data_free);
  const int found = pcre2_match(compiled_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()),
                                text.size(), 0, 0, match.get(), compiled_->limits.get());
  if (found >= 0) return true;
  if (found == PCRE2_ERROR_NOMATCH) return false;
  throw base::Error(base::Fault::bad_usage, "regular expression gives up: " + message_of(found))
      .at("expression", text_)
      .at("text", text)
      .hint("nested repetitions like (a+)+ take forever; write it more simply");
}

}  // namespace recipe
