#include "cli/chat_template_option.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "base/nearest.h"
#include "base/printable.h"
#include "eval/corpus.h"
#include "text/builtin_formats.h"

namespace cli {
namespace {

/// For a word that is neither Jinja nor a name.
std::string hint_for(const std::string& word) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(word, ignored)) {
    return "this is a file: --chat-template-file takes it";
  }
  std::vector<std::string_view> names;
  for (const text::BuiltInFormat& format : text::builtin_formats()) names.push_back(format.name);
  const std::string guess = base::did_you_mean(word, names);
  return guess + (guess.empty() ? "" : " ") + "--chat-template-file takes the name of a file";
}

void warn_missing_mark(std::string_view name, const text::Tokenizer& tokenizer) {
  const text::BuiltInFormat* format = text::find_builtin_format(name);
  const std::string_view mark =
      format == nullptr ? "" : text::first_missing_mark(*format, tokenizer);
  if (mark.empty()) return;
  fmt::print(stderr,
             "warning: --chat-template {}: the vocabulary has no {}, which the model will read as "
             "plain text\n",
             name, mark);
}

}  // namespace

GivenTemplate given_template(const Args& args) {
  if (args.given("chat-template") && args.given("chat-template-file")) {
    throw base::Error(base::Fault::bad_usage, "give --chat-template or --chat-template-file");
  }
  GivenTemplate out;
  if (args.given("chat-template")) {
    out = {.text = args.str("chat-template"), .called = "--chat-template"};
    if (text::find_builtin_format(out.text) == nullptr && !text::looks_like_template(out.text)) {
      throw base::Error(base::Fault::bad_usage, "bad value for --chat-template")
          .at("found", base::printable(out.text))
          .expected("Jinja ({{ or {% somewhere), or one of " + text::builtin_format_names())
          .hint(hint_for(out.text));
    }
  } else if (args.given("chat-template-file")) {
    out.called = args.str("chat-template-file");
    out.text = eval::load_corpus(out.called, false, nullptr);
    if (!text::looks_like_template(out.text)) {
      throw base::Error(base::Fault::bad_input, "the file holds no chat template")
          .at("file", out.called)
          .expected("Jinja: {{ or {% somewhere")
          .hint("--chat-template NAME takes a built-in one");
    }
  }
  return out;
}

void tell_template(const text::ChatFormat& format, const gguf::Metadata& metadata,
                   const text::Tokenizer& tokenizer) {
  using Origin = text::ChatFormat::Origin;
  if (format.origin() == Origin::given) warn_missing_mark(format.name(), tokenizer);
  if (format.origin() != Origin::vocabulary && format.origin() != Origin::fallback) return;
  const bool blank = metadata.string("tokenizer.chat_template").has_value();
  const std::string_view lacks =
      blank ? "the model's chat template is blank" : "the model carries no chat template";
  if (format.origin() == Origin::vocabulary) {
    fmt::print(
        stderr,
        "note: {}: {} is used, whose marks its vocabulary has\n  hint: --chat-template and "
        "--chat-template-file give another; a base model only continues texts: `quern run`\n",
        lacks, format.name());
  } else {
    fmt::print(stderr,
               "warning: {}, and its vocabulary tells none: ChatML is used, which it may not "
               "know\n  hint: --chat-template-file gives the right one, --chat-template NAME a "
               "built-in one; a base model only continues texts: `quern run`\n",
               lacks);
  }
}

}  // namespace cli
