// Any text is a tiktoken vocabulary or is refused, and any text is Python with or without an
// expression; one that is found cuts a text without losing bytes, or is refused.
#include <cstdlib>

#include "base/error.h"
#include "convert/original_words.h"
#include "convert/tiktoken.h"
#include "convert/tiktoken_pattern.h"

namespace {

void check_ranks(std::string_view text) {
  const convert::TokenizerJson t = convert::parse_tiktoken(text);
  for (const std::string& merge : t.merges) {
    if (merge.find(' ', 1) == std::string::npos) std::abort();
  }
}

void check_pattern(std::string_view text) {
  const auto pattern = convert::python_pattern(text);
  if (!pattern) return;
  const nlohmann::json part{
      {"type", "Split"}, {"pattern", {{"Regex", *pattern}}}, {"behavior", "Isolated"}};
  std::size_t bytes = 0;
  for (const std::string& w : convert::OriginalWords(part).split("It's 12, so? \n ok")) {
    bytes += w.size();
  }
  if (bytes != 17) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& check : {check_ranks, check_pattern}) {
    try {
      check(text);
    } catch (const base::Error& e) {
      if (e.fault() != base::Fault::bad_file && e.fault() != base::Fault::unsupported) std::abort();
    }
  }
  return 0;
}
