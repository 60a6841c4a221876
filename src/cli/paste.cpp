#include "cli/paste.h"

#include "text/utf8.h"

namespace cli {

std::string pasted_text(std::string_view bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const char32_t code = text::decode_utf8(bytes, at);
    if (code == '\r') {
      if (at < bytes.size() && bytes[at] == '\n') ++at;
      out += '\n';
    } else if (code == '\n' || code == '\t' || (code >= 0x20 && (code < 0x7F || code >= 0xA0))) {
      const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
      text::append_utf8(surrogate ? text::kReplacement : code, out);
    }
  }
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

}  // namespace cli
