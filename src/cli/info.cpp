// quern info: what a model or an importance file holds, and what is odd about it.
#include "cli/info.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/expression.h"
#include "cli/files.h"
#include "cli/text_table.h"
#include "cli/value_forms.h"
#include "gguf/file.h"
#include "gguf/layout.h"

namespace cli {
namespace {

constexpr Option kOptions[] = {
    {.names = "--tensors",
     .value = "REGEX",
     .help = "list the tensors (entries) whose name matches, one line each",
     .values = kExpression},
    {.names = "-m, --model",
     .value = "FILE",
     .help = "for importance files: compare with this model",
     .values = kModelFile},
    {.names = "--check",
     .help = "read all weights and look for broken blocks and holes of zeros; `quern check` tells "
             "more"},
    {.names = "--json", .help = "everything as one JSON object"},
};

int run(const Args& args) {
  InfoOptions options;
  options.path = args.positionals()[0];
  options.json = args.flag("json");
  options.check = args.flag("check");
  if (args.given("tensors")) options.tensors = expression("--tensors", args.str("tensors"));
  if (args.given("model")) options.model = args.str("model");
  check_input_file("FILE", options.path.string());
  switch (kind_of_file(options.path)) {
    case FileKind::importance_gguf:
    case FileKind::importance_dat:
      return info_importance(options);
    case FileKind::other:
      // A damaged one, about which its reader says more.
      if (options.path.extension() == ".dat") return info_importance(options);
      [[fallthrough]];
    default:
      check_model_file("FILE", options.path.string(), "a model or an importance matrix");
      return info_model(options);
  }
}

}  // namespace

std::string_view level_name(base::Finding::Level level) {
  switch (level) {
    case base::Finding::Level::note:
      return "note";
    case base::Finding::Level::warning:
      return "warning";
    case base::Finding::Level::error:
      return "error";
  }
  return "";
}

std::string findings_text(const base::Findings& findings) {
  if (findings.empty()) return "findings\n  nothing odd\n";
  std::string out = "findings\n";
  TextTable table("lll");
  for (const base::Finding& f : findings) {
    table.add(
        {std::string(level_name(f.level)), base::printable(f.where), base::printable(f.text, 400)});
  }
  return out + table.text();
}

nlohmann::json json_text(std::string_view text) {
  return base::printable(text, std::string_view::npos);
}

nlohmann::json findings_json(const base::Findings& findings) {
  nlohmann::json out = nlohmann::json::array();
  for (const base::Finding& f : findings) {
    out.push_back({{"level", level_name(f.level)},
                   {"where", json_text(f.where)},
                   {"text", json_text(f.text)}});
  }
  return out;
}

const Command info_command{
    .name = "info",
    .summary = "show what a model or an importance file holds, and what is odd about it",
    .usage = "[options] FILE",
    .details =
        "FILE is a model (the first file of a split set) or an importance matrix of either "
        "kind.\nThe exit code is 1 if something is wrong with the file, 0 if it is merely "
        "unusual.",
    .options = kOptions,
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run};

}  // namespace cli
