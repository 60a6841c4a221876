#include "text/kinds/byte_alias.h"

#include <fmt/format.h>

#include <array>

#include "text/utf8.h"

namespace text {
namespace {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr std::size_t kAliases = 0x144;

struct Tables {
  std::array<char16_t, 256> alias{};
  std::array<std::int16_t, kAliases> byte{};  // -1: no alias
};

constexpr Tables make_tables() {
  Tables t;
  t.byte.fill(-1);
  char16_t next = 0x100;
  for (unsigned b = 0; b < 256; ++b) {
    t.alias[b] = stands_for_itself(b) ? static_cast<char16_t>(b) : next++;
    t.byte[t.alias[b]] = static_cast<std::int16_t>(b);
  }
  return t;
}
constexpr Tables kTables = make_tables();

}  // namespace

char32_t byte_alias(std::uint8_t byte) noexcept { return kTables.alias[byte]; }

std::string undo_aliases(std::string_view token_text) {
  std::string out;
  out.reserve(token_text.size());
  for (std::size_t at = 0; at < token_text.size();) {
    const char32_t code = decode_utf8(token_text, at);
    if (code < kAliases && kTables.byte[code] >= 0) {
      out.push_back(static_cast<char>(kTables.byte[code]));
      continue;
    }
    std::string bytes;
    append_utf8(code, bytes);
    out += "[UNK_BYTE_0x";
    for (const char c : bytes) out += fmt::format("{:02x}", static_cast<std::uint8_t>(c));
    out += token_text;
    out += ']';
  }
  return out;
}

}  // namespace text
