// quern info: what a model or an importance file holds, and what is odd about it.
#include "cli/info.h"

#include <fmt/format.h>

#include <fstream>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/text_table.h"
#include "gguf/file.h"
#include "gguf/layout.h"

namespace cli {
namespace {

constexpr Option kOptions[] = {
    {.names = "--tensors",
     .value = "REGEX",
     .help = "list the tensors (entries) whose name matches, one line each"},
    {.names = "-m, --model",
     .value = "FILE",
     .help = "for importance files: compare with this model"},
    {.names = "--check", .help = "read all weights and look for broken blocks"},
    {.names = "--json", .help = "everything as one JSON object"},
};

bool has_magic(const std::filesystem::path& path) {
  std::array<std::byte, gguf::kMagic.size()> head{};
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head.size()));
  return in && head == gguf::kMagic;
}

/// Told by content; a file without magic is taken for a .dat unless it is named .gguf.
bool is_importance(const std::filesystem::path& path) {
  if (!has_magic(path)) return path.extension() != ".gguf";
  const gguf::File file = gguf::File::open(path);
  const gguf::Value* type = file.metadata().find("general.type");
  if (type != nullptr && *type == gguf::Value(std::string("imatrix"))) return true;
  return std::any_of(file.tensors().begin(), file.tensors().end(), [](const gguf::TensorInfo& t) {
    return std::string_view(t.name).ends_with(".in_sum2");
  });
}

int run(const Args& args) {
  InfoOptions options;
  options.path = args.positionals()[0];
  options.json = args.flag("json");
  options.check = args.flag("check");
  if (args.given("tensors")) options.tensors.emplace(args.str("tensors"));
  if (args.given("model")) options.model = args.str("model");
  if (!std::filesystem::exists(options.path)) {
    throw base::Error(base::Fault::io, "no such file").at("file", options.path.string());
  }
  return is_importance(options.path) ? info_importance(options) : info_model(options);
}

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

}  // namespace

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
