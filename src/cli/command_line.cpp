#include "cli/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace cli {

std::string shell_word(std::string_view word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_-./:=,+@%").find(c) != std::string_view::npos;
  });
  if (plain) return std::string(word);
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string given_options(std::span<const Option> options, const Args& args,
                          std::span<const std::string_view> without) {
  std::string out;
  for (const Option& option : options) {
    const std::string key = key_of(option);
    if (!args.given(key) || std::ranges::find(without, key) != without.end()) continue;
    const std::string_view name = option.names.substr(0, option.names.find(','));
    if (option.value.empty()) {
      out += fmt::format(" {}", name);
      continue;
    }
    for (const std::string& value : args.list(key)) {
      if (value != option.default_value || value.empty()) {
        out += fmt::format(" {} {}", name, shell_word(value));
      }
    }
  }
  return out;
}

}  // namespace cli
