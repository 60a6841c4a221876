// Any text is a tokenizer.json or is refused; an accepted one has consistent lists, and its own
// expressions cut a text without losing bytes (unless it drops some on purpose).
#include <cstdlib>

#include "base/error.h"
#include "convert/json_file.h"
#include "convert/original_words.h"
#include "convert/pre_name.h"
#include "convert/tokenizer_json.h"

namespace {

void visit(const convert::TokenizerJson& t) {
  const std::size_t n = t.tokens.size();
  if (t.tokens.scores().size() != n || t.tokens.types().size() != n) std::abort();
  for (const std::string& merge : t.merges) {
    if (merge.find(' ', 1) == std::string::npos) std::abort();
  }
  convert::TokenList tokens = t.tokens;
  base::Findings findings;
  for (const convert::AddedToken& added : t.added) tokens.add(added, findings);
  tokens.pad(tokens.size());
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (!tokens.taken(id)) std::abort();
  }
  if (t.kind != convert::TokenizerJson::Kind::byte_bpe) return;
  std::size_t bytes = 0;
  for (const std::string& w : convert::OriginalWords(t.pre_tokenizer).split("It's 12, so? \n ok")) {
    bytes += w.size();
  }
  if (bytes > 17) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    visit(convert::parse_tokenizer_json(convert::parse_json(text, "fuzz")));
  } catch (const base::Error& e) {
    if (e.fault() != base::Fault::bad_file && e.fault() != base::Fault::unsupported) std::abort();
  }
  return 0;
}
