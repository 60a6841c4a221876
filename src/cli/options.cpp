#include "cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "base/nearest.h"
#include "base/printable.h"
#include "cli/foreign_options.h"

namespace cli {
namespace {

std::vector<std::string> split_names(std::string_view names) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at < names.size()) {
    const std::size_t end = std::min(names.find(',', at), names.size());
    const std::size_t first = names.find_first_not_of(' ', at);
    out.emplace_back(names.substr(first, end - first));
    at = end + 1;
  }
  return out;
}

base::Error usage_error(const std::string& message, const Command& command) {
  return base::Error(base::Fault::bad_usage, message)
      .hint(fmt::format("see `quern {} --help`", command.name));
}

/// Underscores in long names read as hyphens; the part after '=' stays.
std::string normalised(std::string word) {
  if (word.rfind("--", 0) != 0) return word;
  const std::size_t end = std::min(word.find('='), word.size());
  std::replace(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(end), '_', '-');
  return word;
}

/// The public programs have options such as -ctk or -fa, which option libraries read as bundles of
/// letters. Every spelling is therefore replaced by the canonical long one before CLI11 sees it.
std::string canonical(const std::string& word, const Command& command) {
  std::string plain = normalised(word);
  for (const Option& option : command.options) {
    for (const std::string& name : split_names(option.names)) {
      if (plain == name) return "--" + key_of(option);
    }
  }
  return plain;
}

/// The option of that name if it takes a value.
const Option* option_with_value(const std::string& canonical_word, const Command& command) {
  const auto it = std::find_if(
      command.options.begin(), command.options.end(),
      [&](const Option& o) { return !o.value.empty() && canonical_word == "--" + key_of(o); });
  return it == command.options.end() ? nullptr : &*it;
}

bool looks_like_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && !(word[1] >= '0' && word[1] <= '9') && word[1] != '.';
}

/// Every name of every option of a command, as views into its table.
std::vector<std::string_view> all_spellings(const Command& command) {
  std::vector<std::string_view> out;
  for (const Option& option : command.options) {
    std::string_view names = option.names;
    while (!names.empty()) {
      const std::size_t end = std::min(names.find(','), names.size());
      out.push_back(names.substr(0, end));
      names.remove_prefix(std::min(names.size(), end + 2));
    }
  }
  return out;
}

}  // namespace

std::string key_of(const Option& option) {
  const std::string last = split_names(option.names).back();
  return last.substr(last.find_first_not_of('-'));
}

/// Fills Args through CLI11.
class Parser {
 public:
  Parser(const Command& command, std::string program) : command_(command) {
    args_.program_ = std::move(program);
  }

  Args parse(std::span<const char* const> argv) {
    CLI::App app;
    app.set_help_flag();
    std::unordered_map<std::string, std::vector<std::string>> values;
    std::unordered_map<std::string, std::size_t> flags;
    for (const Option& option : command_.options) {
      const std::string key = key_of(option);
      if (option.value.empty()) {
        app.add_flag("--" + key, flags[key]);
      } else {
        app.add_option("--" + key, values[key])
            ->type_size(1)
            ->expected(-1)
            ->allow_extra_args(false);  // last: expected(-1) would let it eat positionals
      }
      if (!option.default_value.empty()) args_.defaults_[key] = option.default_value;
    }
    app.add_option("positionals", args_.positionals_);
    std::vector<std::string> words = rewrite(argv);
    for (const std::string& key : empty_) args_.values_[key].emplace_back();
    std::reverse(words.begin(), words.end());  // CLI11 takes its vector back to front
    try {
      app.parse(words);
    } catch (const CLI::ParseError& e) {
      throw usage_error(e.what(), command_);
    }
    for (auto& [key, list] : values) {
      std::vector<std::string>& known = args_.values_[key];
      known.insert(known.end(), list.begin(), list.end());
      if (known.empty()) args_.values_.erase(key);
    }
    for (const auto& [key, count] : flags) {
      if (count > 0) args_.values_[key] = {"1"};
    }
    for (const Option& option : command_.options) keep_last(option);
    check();
    check_foreign();
    return std::move(args_);
  }

 private:
  /// Canonical option names, values glued on with '=', so that a value may start with a dash.
  /// Empty values do not survive CLI11 and are kept aside.
  std::vector<std::string> rewrite(std::span<const char* const> argv) {
    std::vector<std::string> words;
    for (std::size_t i = 0; i < argv.size(); ++i) {
      const std::string raw = argv[i];
      const std::string word = canonical(raw, command_);
      if (word == "--") {
        // Everything after it is positional; CLI11 knows the same convention.
        words.insert(words.end(), argv.begin() + static_cast<std::ptrdiff_t>(i), argv.end());
        break;
      }
      if (const Option* option = option_with_value(word, command_)) {
        add_value(*option, word, raw, argv, i, words);
      } else if (!is_known(word) && take_foreign(word, argv, i)) {
        continue;
      } else {
        check_known(word);
        words.push_back(word);
      }
    }
    return words;
  }

  /// The word after the option at `at`, or what the option means without.
  void add_value(const Option& option, const std::string& word, const std::string& raw,
                 std::span<const char* const> argv, std::size_t& at,
                 std::vector<std::string>& words) {
    const bool last = at + 1 >= argv.size();
    std::string value(option.bare);
    if (value.empty() || (!last && !looks_like_option(argv[at + 1]))) {
      if (last) throw usage_error("option " + raw + " needs a value", command_);
      value = argv[++at];
    }
    if (value.empty()) {
      empty_.push_back(word.substr(2));
    } else {
      words.push_back(fmt::format("{}={}", word, value));
    }
  }

  /// Takes an option of the public programs with its value. False if it is none.
  bool take_foreign(const std::string& word, std::span<const char* const> argv, std::size_t& at) {
    const std::size_t equals = std::min(word.find('='), word.size());
    ForeignUse use{.name = word.substr(0, equals)};
    use.option = find_foreign(command_.name, use.name);
    if (use.option == nullptr) return false;
    refuse_foreign(use);
    const std::string next = at + 1 < argv.size() ? argv[at + 1] : "";
    if (equals < word.size()) {
      use.value = word.substr(equals + 1);
    } else if (use.option->takes == ForeignOption::Takes::value) {
      if (next.empty() || looks_like_option(next)) {
        throw usage_error("option " + use.name + " needs a value", command_);
      }
      use.value = argv[++at];
    } else if (use.option->takes == ForeignOption::Takes::maybe_switch) {
      constexpr std::string_view kSwitches[] = {"0", "1", "on", "off", "auto"};
      if (std::ranges::find(kSwitches, next) != std::end(kSwitches)) use.value = argv[++at];
    }
    foreign_.push_back(std::move(use));
    return true;
  }

  /// Those that are only taken with the value of one of ours.
  void check_foreign() {
    for (const ForeignUse& use : foreign_) {
      if (use.option->verdict != ForeignOption::Verdict::same) continue;
      const std::string here = args_.str(use.option->same_as);
      if (use.value == here) continue;
      throw base::Error(base::Fault::bad_usage, fmt::format("bad value for {}", use.name))
          .at("found", base::printable(use.value))
          .expected(fmt::format("{}, as --{}", here, use.option->same_as))
          .hint(std::string(use.option->why));
    }
    for (std::string& note : foreign_notes(foreign_)) args_.notes_.push_back(std::move(note));
  }

  bool is_known(const std::string& word) const {
    const std::string name = canonical(word.substr(0, word.find('=')), command_);
    return std::any_of(command_.options.begin(), command_.options.end(),
                       [&](const Option& o) { return "--" + key_of(o) == name; });
  }

  void check_known(const std::string& word) const {
    if (!looks_like_option(word)) return;
    const std::string name = word.substr(0, word.find('='));
    if (is_known(word)) return;
    base::Error error(base::Fault::bad_usage, "unknown option " + base::printable(name));
    error.hint(base::did_you_mean(name, all_spellings(command_)));
    throw error.hint(fmt::format("see `quern {} --help`", command_.name));
  }

  void check() const {
    for (const Option& option : command_.options) check_option(option);
    const std::size_t n = args_.positionals_.size();
    if (n > command_.max_positionals) {
      const std::string& first = args_.positionals_[command_.max_positionals];
      throw usage_error(fmt::format("unexpected argument {}, usage: quern {} {}",
                                    base::printable(first), command_.name, command_.usage),
                        command_);
    }
    if (n < command_.min_positionals) {
      throw usage_error(fmt::format("{} argument{} given, usage: quern {} {}", n, n == 1 ? "" : "s",
                                    command_.name, command_.usage),
                        command_);
    }
  }

  /// Scripts add options to those of a variable: the last value holds, as in the public programs.
  void keep_last(const Option& option) {
    const std::string key = key_of(option);
    const auto it = args_.values_.find(key);
    if (it == args_.values_.end() || option.repeats || it->second.size() < 2) return;
    const bool differ =
        std::ranges::adjacent_find(it->second, std::not_equal_to<>()) != it->second.end();
    if (differ) {
      args_.notes_.push_back(fmt::format("note: --{} is given {} times; the last value holds: {}",
                                         key, it->second.size(),
                                         base::printable(it->second.back())));
    }
    it->second.erase(it->second.begin(), it->second.end() - 1);
  }

  void check_option(const Option& option) const {
    const std::string key = key_of(option);
    const auto it = args_.values_.find(key);
    if (it == args_.values_.end() || option.value.empty()) return;
    try {
      for (const std::string& value : it->second) check_value(option, key, value);
    } catch (base::Error& e) {
      e.hint(option.hint.empty() ? fmt::format("see `quern {} --help`", command_.name)
                                 : std::string(option.hint));
      throw;
    }
  }

  const Command& command_;
  Args args_;
  std::vector<std::string> empty_;  ///< keys of options given an empty value
  std::vector<ForeignUse> foreign_;
};

bool Args::given(std::string_view key) const noexcept {
  return values_.find(std::string(key)) != values_.end();
}

std::string Args::str(std::string_view key) const {
  if (const auto it = values_.find(std::string(key)); it != values_.end()) return it->second.back();
  if (const auto it = defaults_.find(std::string(key)); it != defaults_.end()) return it->second;
  return "";
}

std::vector<std::string> Args::list(std::string_view key) const {
  if (const auto it = values_.find(std::string(key)); it != values_.end()) return it->second;
  return {};
}

namespace {
template <class T>
T parse_number(std::string_view key, const std::string& text, T min, T max) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc() || stop != end || !(value >= min && value <= max)) {
    throw base::Error(base::Fault::bad_usage, fmt::format("bad value for --{}", key))
        .at("found", text)
        .expected(fmt::format("a number from {} to {}", min, max));
  }
  return value;
}
}  // namespace

std::int64_t Args::integer(std::string_view key) const {
  return integer(key, INT64_MIN, INT64_MAX);
}
double Args::number(std::string_view key) const { return number(key, -HUGE_VAL, HUGE_VAL); }
std::int64_t Args::integer(std::string_view key, std::int64_t min, std::int64_t max) const {
  return parse_number<std::int64_t>(key, str(key), min, max);
}
double Args::number(std::string_view key, double min, double max) const {
  return parse_number<double>(key, str(key), min, max);
}

Args parse(const Command& command, std::span<const char* const> argv, std::string program) {
  return Parser(command, std::move(program)).parse(argv);
}

}  // namespace cli
