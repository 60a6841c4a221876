// quern tokenize: ids of a text, text of ids, counts of files. Source: docs/spec/tools.md 9.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "gguf/file.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace cli {
namespace {

using text::TokenId;

std::string read_all(std::istream& in) {
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text = in ? read_all(in) : "";
  if (!in || in.bad()) {
    throw base::Error(base::Fault::io, "cannot read the text").at("file", path);
  }
  return text;
}

/// The one input that was named. Throws Fault::bad_usage for none or several.
std::string input_text(const Args& args) {
  const int named = int{args.given("prompt")} + int{args.given("file")} + int{args.flag("stdin")} +
                    int{!args.positionals().empty()};
  if (named != 1) {
    throw base::Error(base::Fault::bad_usage, named == 0 ? "no text given" : "several texts given")
        .expected("exactly one of -p TEXT, -f FILE, --stdin, or files to count")
        .hint(fmt::format("see `{} --help`", args.program()));
  }
  if (args.given("prompt")) return args.str("prompt");
  if (args.given("file")) return read_file(args.str("file"));
  return args.flag("stdin") ? read_all(std::cin) : "";
}

/// "[1, 2, 3]", "1 2 3" and the like.
std::vector<TokenId> parse_ids(std::string_view list) {
  std::vector<TokenId> ids;
  const char* at = list.data();
  const char* const end = at + list.size();
  while (at != end) {
    if (std::string_view(" \t\r\n,[]").find(*at) != std::string_view::npos) {
      ++at;
      continue;
    }
    TokenId id = 0;
    const auto [stop, code] = std::from_chars(at, end, id);
    if (code != std::errc()) {
      throw base::Error(base::Fault::bad_input, "the list of ids holds something else")
          .at("found", base::printable({at, static_cast<std::size_t>(end - at)}, 20))
          .at("offset", at - list.data())
          .expected("whole numbers, parted by blanks or commas");
    }
    ids.push_back(id);
    at = stop;
  }
  return ids;
}

/// The text with its pieces side by side: on changing ground in colour, else between bars.
void show_pieces(const text::Tokenizer& tokenizer, const std::vector<TokenId>& ids, bool colour) {
  constexpr int kGrounds[] = {153, 223, 157, 225, 229};  // five pale ones of the 256 colours
  std::size_t n = 0;
  for (const TokenId id : ids) {
    const std::string piece = tokenizer.piece(id, true);
    const bool new_line = piece.ends_with('\n');
    const std::string text = base::printable(piece, piece.size() + 1);
    if (colour) {
      const int ground = kGrounds[n++ % std::size(kGrounds)];
      fmt::print("\x1b[38;5;16;48;5;{}{}m{}\x1b[0m", ground, tokenizer.is_control(id) ? ";1;4" : "",
                 text);
    } else {
      fmt::print("{}|", text);
    }
    if (new_line) fmt::print("\n");
  }
  fmt::print("\n");
}

void print_tokens(const text::Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  for (const TokenId id : ids) {
    fmt::print("{:6} -> '{}'\n", id, for_screen(tokenizer.piece(id, true), STDOUT_FILENO));
  }
}

void print_text(const text::Tokenizer& tokenizer, std::span<const TokenId> ids, bool special) {
  const bool bos = !ids.empty() && tokenizer.add_bos() && ids.front() == tokenizer.bos();
  const std::string text =
      for_screen(tokenizer.decode(bos ? ids.subspan(1) : ids, special), STDOUT_FILENO);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (::isatty(STDOUT_FILENO) == 1) fmt::print("\n");
}

void print_counts(const text::Tokenizer& tokenizer, const std::vector<std::string>& files,
                  const text::EncodeOptions& options) {
  std::size_t bytes = 0;
  std::size_t tokens = 0;
  const auto line = [](std::size_t n_tokens, std::size_t n_bytes, std::string_view name) {
    const double ratio =
        n_tokens == 0 ? 0 : static_cast<double>(n_bytes) / static_cast<double>(n_tokens);
    fmt::print("{:>12} {:>12} {:>12.3f}  {}\n", n_tokens, n_bytes, ratio, name);
  };
  fmt::print("{:>12} {:>12} {:>12}  file\n", "tokens", "bytes", "bytes/token");
  for (const std::string& file : files) {
    const std::string text = read_file(file);
    const std::size_t n = tokenizer.encode(text, options).size();
    line(n, text.size(), file);
    bytes += text.size();
    tokens += n;
  }
  if (files.size() > 1) line(tokens, bytes, "total");
}

/// A word that is no file is a text or a model without its option, more often than a slip.
void check_text_files(const Args& args) {
  try {
    for (const std::string& file : args.positionals()) check_input_file("TEXTFILE", file);
  } catch (base::Error& e) {
    e.hint("these are files to count; -p TEXT takes a text itself, -m FILE the model");
    throw;
  }
}

/// Such bytes cannot come back from the ids.
void warn_of_other_bytes(std::string_view text, std::string_view where) {
  const std::size_t at = text::first_bad_byte(text);
  if (at == std::string_view::npos) return;
  fmt::print(stderr,
             "warning: {}: the byte at offset {} is no UTF-8; it and its like are taken as "
             "U+FFFD\n",
             base::printable(where, 1000), at);
}

int run(const Args& args) {
  check_text_files(args);
  const std::string input = input_text(args);
  const bool colour = wants_colour(args.str("color"), STDOUT_FILENO);
  const gguf::FileSet file = gguf::FileSet::open(required(args, "model"));
  const auto tokenizer = text::make_tokenizer(file.metadata());
  if (!args.flag("log-disable")) print_findings(tokenizer->findings());
  if (args.flag("detokenize")) {
    print_text(*tokenizer, parse_ids(input), !args.flag("no-parse-special"));
    return 0;
  }
  const text::EncodeOptions options{.add_special = !args.flag("no-bos"),
                                    .parse_special = !args.flag("no-parse-special")};
  if (!args.positionals().empty()) {
    print_counts(*tokenizer, args.positionals(), options);
    return 0;
  }
  if (!args.flag("log-disable")) {
    warn_of_other_bytes(input, args.given("file") ? args.str("file") : "text");
  }
  const std::vector<TokenId> ids = tokenizer->encode(input, options);
  if (args.flag("ids")) fmt::print("[{}]\n", fmt::join(ids, ", "));
  if (args.flag("show")) show_pieces(*tokenizer, ids, colour);
  if (!args.flag("ids") && !args.flag("show")) print_tokens(*tokenizer, ids);
  if (args.flag("show-count")) fmt::print("Total number of tokens: {}\n", ids.size());
  return 0;
}

constexpr Option kOptions[] = {
    {.names = "-m, --model",
     .value = "FILE",
     .help = "GGUF file; only its vocabulary is read",
     .values = kModelFile},
    {.names = "-p, --prompt",
     .value = "TEXT",
     .help = "text, taken as it is (no escapes)",
     .values = kText},
    {.names = "-f, --file",
     .value = "FILE",
     .help = "text from a file, every byte of it",
     .values = kFile},
    {.names = "--stdin", .help = "text from standard input"},
    {.names = "--ids", .help = "print one line of ids, [1, 2, 3]"},
    {.names = "--show", .help = "print the text with its pieces side by side, in colour"},
    {.names = "--color",
     .value = "auto|always|never",
     .default_value = "auto",
     .help =
         "colour for --show, auto = in a terminal, unless NO_COLOR is set; without it bars part "
         "the pieces",
     .values = one_of()},
    {.names = "--show-count", .help = "print the number of tokens at the end"},
    {.names = "--detokenize", .help = "the input is a list of ids: print their text"},
    {.names = "--no-bos", .help = "add no BOS, EOS or the like"},
    {.names = "--no-parse-special",
     .help = "control tokens in the text are plain text; --detokenize hides them"},
    {.names = "--log-disable", .help = "no warnings"},
};

}  // namespace

const Command tokenize_command{
    .name = "tokenize",
    .summary = "show the tokens of a text, the text of tokens, or count those of files",
    .usage = "-m FILE (-p TEXT | -f FILE | --stdin | TEXTFILE...) [options]",
    .details =
        "Without --ids or --show, one line per token: id -> 'piece'. Files named without -f are "
        "only counted: tokens, bytes, bytes per token. BOS is added where the model wants it.",
    .options = kOptions,
    .max_positionals = 100000,
    .run = run,
    .alias = "llama-tokenize"};

}  // namespace cli
