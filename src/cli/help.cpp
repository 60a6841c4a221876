// The help of a command, for a terminal and for docs/commands.md, from its table of options.
#include <fmt/format.h>

#include <algorithm>

#include "cli/foreign_options.h"
#include "cli/options.h"
#include "cli/text_table.h"

namespace cli {
namespace {

constexpr std::size_t kLeft = 30;  ///< columns of option names

std::string paragraph(std::string_view text, std::size_t width, std::size_t indent = 0) {
  std::string out;
  for (const std::string& line : wrapped(text, width - indent)) {
    out += std::string(line.empty() ? 0 : indent, ' ') + line + '\n';
  }
  return out;
}

/// Breaks a list such as "a,b,c" that has no blanks: after commas and semicolons.
std::string breakable(std::string_view text, std::size_t width) {
  std::string out;
  std::size_t since = 0;
  for (const char c : text) {
    out += c;
    ++since;
    if ((c == ',' || c == ';') && since + 12 > width) {
      out += ' ';
      since = 0;
    }
  }
  return out;
}

std::string meaning(const Option& o, std::size_t width) {
  std::string out(o.help);
  if (!o.default_value.empty()) {
    out += fmt::format(" [{}]", breakable(o.default_value, width));
  }
  if (o.repeats) out += " (repeatable)";
  return out;
}

std::string option_text(const Option& o, std::size_t width) {
  const std::string left = fmt::format("  {} {}", o.names, o.value);
  std::string out = left;
  std::size_t column = left.size();
  if (column + 1 > kLeft) {
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
    column = 0;
  }
  for (const std::string& line : wrapped(meaning(o, width - kLeft), width - kLeft)) {
    out += std::string(kLeft - column, ' ') + line + '\n';
    column = 0;
  }
  return out;
}

std::string usage_text(const Command& command, std::string_view program, std::size_t width) {
  const std::string start = fmt::format("usage: {} ", program);
  std::string out = start;
  std::size_t column = 0;
  for (const std::string& line : wrapped(command.usage, width - start.size())) {
    out += std::string(column, ' ') + line + '\n';
    column = start.size();
  }
  return out;
}

/// For a cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string help_text(const Command& command, std::string_view program) {
  const std::size_t width = std::clamp<std::size_t>(columns(80), 60, 100) - 1;
  std::string out =
      fmt::format("{}\n{}", paragraph(command.summary, width), usage_text(command, program, width));
  if (!command.options.empty()) out += "\noptions:\n";
  for (const Option& o : command.options) out += option_text(o, width);
  if (!command.details.empty()) out += "\n" + paragraph(command.details, width);
  const std::string foreign = foreign_help(command.name);
  if (!foreign.empty()) out += "\n" + paragraph(foreign, width);
  return out;
}

std::string help_markdown(const Command& command) {
  std::string out = fmt::format("## quern {}\n\n{}\n\n```\nquern {} {}\n```\n", command.name,
                                command.summary, command.name, command.usage);
  if (!command.options.empty()) {
    out += "\n| option | values | default | meaning |\n|---|---|---|---|\n";
  }
  for (const Option& o : command.options) {
    out += fmt::format("| `{}{}{}` | {} | {} | {}{} |\n", cell(o.names), o.value.empty() ? "" : " ",
                       cell(o.value), cell(allowed_text(o)), cell(o.default_value), cell(o.help),
                       o.repeats ? " (repeatable)" : "");
  }
  if (!command.details.empty()) out += fmt::format("\n{}\n", command.details);
  return out;
}

}  // namespace cli
