// Options of llama.cpp and ik_llama.cpp that scripts pass and that no command here has: what is
// taken because it changes no result, and what is refused by name. Source: docs/spec/tools.md and
// what those programs print on --help.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

/// Options of one kind: a row of the table.
struct ForeignOption {
  enum class Takes : std::uint8_t {
    nothing,
    value,         ///< the next word
    maybe_switch,  ///< the next word if it is 0, 1, on, off or auto
  };
  enum class Verdict : std::uint8_t {
    ignored,  ///< told in a note
    same,     ///< taken if its value is that of our option `same_as`
    refused,
  };
  std::string_view commands;  ///< that know it, between blanks
  std::string_view names;     ///< every spelling, between blanks
  Takes takes = Takes::nothing;
  Verdict verdict = Verdict::ignored;
  std::string_view why;  ///< why nothing is lost, or what to do instead
  std::string_view same_as = {};
};

std::span<const ForeignOption> foreign_options() noexcept;

/// The row of an option in the spelling of the user; null if the command does not know it. Options
/// of the command itself come first and are not looked for here.
const ForeignOption* find_foreign(std::string_view command, std::string_view name) noexcept;

/// One that was given.
struct ForeignUse {
  const ForeignOption* option = nullptr;
  std::string name = {};   ///< as given, underscores as hyphens
  std::string value = {};  ///< empty: none
};

/// Throws Fault::bad_usage for an option that is refused, saying what to do instead.
void refuse_foreign(const ForeignUse& use);

/// Lines for stderr, one a reason: "note: -ngl, -sm ignored: no GPU here".
std::vector<std::string> foreign_notes(std::span<const ForeignUse> uses);

/// The table as a section of docs/commands.md.
std::string foreign_markdown();
/// A paragraph for the help of a command; empty if it knows none.
std::string foreign_help(std::string_view command);

}  // namespace cli
