// cli/: one file per subcommand; options are a table that parses, prints help and fills docs/.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cli/values.h"

namespace cli {

/// One option. `names` is a comma list of every spelling, e.g. "-c, --ctx-size"; the last long one
/// is the key for Args. `_` and `-` are equal in long names. One value per option; flags have none.
struct Option {
  std::string_view names;
  std::string_view value = {};          ///< placeholder, e.g. "N", "FILE"; empty = flag
  std::string_view default_value = {};  ///< as text; empty = none
  std::string_view help = {};
  bool repeats = false;  ///< may be given several times
  /// What it means without a value: at the end, or in front of another option. Empty: it needs one.
  std::string_view bare = {};
  Values values = {};          ///< what is accepted; stated by every option with a value
  std::string_view hint = {};  ///< for a value that is not; else the command's help is named
};

/// Parsed command line of one subcommand.
class Args {
 public:
  bool given(std::string_view key) const noexcept;
  bool flag(std::string_view key) const noexcept { return given(key); }
  /// The value (the last one given) or the default; "" if neither.
  std::string str(std::string_view key) const;
  std::vector<std::string> list(std::string_view key) const;
  /// An integer or a number inside the bounds of the table.
  std::int64_t integer(std::string_view key) const;
  double number(std::string_view key) const;
  /// For bounds that depend on something else. Throws Fault::bad_usage naming the option, found and
  /// expected.
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max) const;
  double number(std::string_view key, double min, double max) const;
  const std::vector<std::string>& positionals() const noexcept { return positionals_; }
  /// Name of the program as the user called it, for messages.
  const std::string& program() const noexcept { return program_; }
  /// Options of other programs that were given and have no effect: lines for stderr.
  const std::vector<std::string>& notes() const noexcept { return notes_; }

 private:
  friend class Parser;
  std::unordered_map<std::string, std::vector<std::string>> values_;
  std::unordered_map<std::string, std::string> defaults_;
  std::vector<std::string> positionals_;
  std::vector<std::string> notes_;
  std::string program_;
};

/// What an interrupted run has left on disk.
struct Kept {
  std::string what;
  /// How to use it; empty: the same command goes on with it.
  std::string how = {};
};

/// One subcommand.
struct Command {
  std::string_view name;
  std::string_view summary;  ///< one line
  std::string_view
      usage;  ///< arguments after the name, e.g. "[options] INPUT [OUTPUT] TYPE [THREADS]"
  std::string_view details = {};  ///< paragraphs under the options; may be empty
  std::span<const Option> options = {};
  std::size_t min_positionals = 0, max_positionals = 0;
  int (*run)(const Args& args) = nullptr;
  std::string_view alias =
      {};  ///< name of the public program that it stands in for, e.g. "llama-quantize"
  Kept (*kept)(const Args& args) = nullptr;  ///< told after Ctrl-C; null: nothing to tell
};

/// "--ctx-size" -> "ctx-size": the last long name, the key under which Args knows an option.
std::string key_of(const Option& option);

/// Parses argv after the subcommand and checks every value against the table; files are not looked
/// at. Throws Fault::bad_usage.
Args parse(const Command& command, std::span<const char* const> argv, std::string program);
std::string help_text(const Command& command, std::string_view program);
/// The same as a Markdown section, for docs/.
std::string help_markdown(const Command& command);

}  // namespace cli
