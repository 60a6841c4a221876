#include "cli/program.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>

#include "base/error.h"
#include "base/nearest.h"
#include "base/printable.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/foreign_options.h"
#include "cli/interrupt.h"
#include "cli/lossy_messages.h"
#include "cli/lost_page.h"
#include "cli/terminal.h"

namespace cli {
namespace {

struct ExitCode {
  base::Fault fault;
  int code;
};
constexpr ExitCode kExitCodes[] = {
    {base::Fault::bad_usage, 2},   {base::Fault::bad_file, 1}, {base::Fault::bad_input, 1},
    {base::Fault::unsupported, 1}, {base::Fault::io, 1},
};

int exit_code(base::Fault fault) {
  if (fault == base::Fault::interrupted) return interrupt_exit_code();
  for (const ExitCode& e : kExitCodes) {
    if (e.fault == fault) return e.code;
  }
  return 1;
}

std::string program_help() {
  std::string out =
      "quern: the workbench for people who cook and run quantized language models\n\n"
      "usage: quern COMMAND [options]\n\ncommands:\n";
  for (const Command* c : all_commands()) out += fmt::format("  {:<14} {}\n", c->name, c->summary);
  return out + "\n`quern COMMAND --help` tells the options; `quern --version` the version.\n";
}

/// What may stand first.
std::vector<std::string_view> first_words() {
  std::vector<std::string_view> names;
  for (const Command* c : all_commands()) {
    names.push_back(c->name);
    if (!c->alias.empty()) names.push_back(c->alias);
  }
  for (const std::string_view option : {"--help", "--version", "--help-markdown"}) {
    names.push_back(option);
  }
  return names;
}

/// Programs of llama.cpp whose work is done under another name here, or not at all.
std::string_view instead_of(std::string_view word) {
  if (word.starts_with("llama-")) word.remove_prefix(6);
  constexpr std::pair<std::string_view, std::string_view> kTable[] = {
      {"cli", "`quern run` continues a text, `quern chat` holds a conversation"},
      {"completion", "`quern run` continues a text"},
      {"simple", "`quern run` continues a text"},
      {"server", "there is no server here yet: `quern run` and `quern chat` work in the terminal"},
      {"bench",
       "`quern types --measure` and `quern perplexity` tell speeds; there is no bench yet"},
      {"gguf", "`quern info` shows what a file holds"},
      {"export-lora", "adapters are not read here"},
  };
  for (const auto& [name, what] : kTable) {
    if (name == word) return what;
  }
  return "";
}

void print_error(const base::Error& e) {
  // The terminal has echoed ^C where no bar was wiped since.
  if (e.fault() == base::Fault::interrupted && is_screen(STDERR_FILENO)) {
    fmt::print(stderr, "\r\x1b[K");
  }
  fmt::print(stderr, "error: {}\n", e.message());
  for (const auto& [key, value] : e.facts()) fmt::print(stderr, "  {}: {}\n", key, value);
  if (!e.hint_text().empty()) fmt::print(stderr, "  hint: {}\n", e.hint_text());
}

/// After Ctrl-C: what is on disk, and how to go on.
void tell_kept(base::Error& e, const Command& command, const Args& args,
               std::span<const char* const> words) {
  if (command.kept == nullptr) return;
  const Kept kept = command.kept(args);
  const bool known =  // by the command itself
      std::ranges::any_of(e.facts(), [](const auto& fact) { return fact.first == "kept"; });
  e.at("kept", kept.what);
  std::string again = args.program();
  for (const char* word : words) again += " " + shell_word(word);
  e.hint(known || kept.how.empty() ? fmt::format("go on with: {}", again) : kept.how);
}

int run_command(const Command& command, std::span<const char* const> words, std::string program) {
  for (const char* word : words) {
    const std::string_view w = word;
    if (w == "--") break;
    if (w == "--help" || w == "-h") {
      fmt::print("{}", help_text(command, program));
      return 0;
    }
  }
  const Args args = parse(command, words, std::move(program));
  for (const std::string& note : args.notes()) fmt::print(stderr, "{}\n", note);
  try {
    check_files(command, args);
    const int code = command.run(args);
    if (page_was_lost()) throw lost_page_error();
    return code;
  } catch (base::Error& e) {
    if (page_was_lost()) throw lost_page_error();  // whatever came of it
    if (e.fault() == base::Fault::interrupted) tell_kept(e, command, args, words);
    throw;
  }
}

int dispatch(std::span<const char* const> argv) {
  const std::string called = std::filesystem::path(argv[0]).filename().string();
  if (const Command* alias = find_command(called); alias != nullptr && alias->alias == called) {
    return run_command(*alias, argv.subspan(1), called);
  }
  if (called.starts_with("llama-") && !instead_of(called).empty()) {
    throw base::Error(base::Fault::bad_usage, called + " is no name of this program")
        .hint(std::string(instead_of(called)));
  }
  if (argv.size() < 2) {
    fmt::print(stderr, "{}", program_help());
    return 2;
  }
  const std::string_view word = argv[1];
  if (word == "--help" || word == "-h" || word == "help") {
    const Command* command = argv.size() > 2 ? find_command(argv[2]) : nullptr;
    fmt::print("{}", command == nullptr ? program_help()
                                        : help_text(*command, fmt::format("quern {}", argv[2])));
    return 0;
  }
  if (word == "--version") {
    fmt::print("quern {}\n", QUERN_VERSION);
    return 0;
  }
  if (word == "--help-markdown") {
    fmt::print("# Commands\n\nMade by `quern --help-markdown`.\n\n");
    for (const Command* c : all_commands()) fmt::print("{}\n", help_markdown(*c));
    fmt::print("{}", foreign_markdown());
    return 0;
  }
  const Command* command = find_command(word);
  if (command == nullptr) {
    throw base::Error(base::Fault::bad_usage,
                      fmt::format("unknown {} {}", word.starts_with('-') ? "option" : "command",
                                  base::printable(word)))
        .hint(instead_of(word).empty() ? base::did_you_mean(word, first_words())
                                       : std::string(instead_of(word)))
        .hint("see `quern --help`");
  }
  return run_command(*command, argv.subspan(2), fmt::format("quern {}", word));
}

/// The files of a split set are open until all of them get their names, and there may be thousands.
void allow_many_files() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int run_program(int argc, char** argv) noexcept {
  let_messages_be_lost();
  guard_mapped_files();
  allow_many_files();
  try {
    const int code =
        dispatch({const_cast<const char* const*>(argv), static_cast<std::size_t>(argc)});
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      if (reader_is_gone()) return interrupt_exit_code();
      fmt::print(stderr, "error: cannot write the output (is the disk full?)\n");
      return 1;
    }
    return code;
  } catch (const base::Error& e) {
    if (reader_is_gone()) return interrupt_exit_code();
    print_error(e);
    return exit_code(e.fault());
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "error: not enough memory\n");
    return 1;
  } catch (const std::exception& e) {
    if (reader_is_gone()) return interrupt_exit_code();
    fmt::print(stderr, "error: {}\n", e.what());
    return 1;
  }
}

}  // namespace cli
