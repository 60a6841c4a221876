// quern check: everything that can be wrong with a model file.
#include "surgery/check.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/info.h"
#include "cli/model_options.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "surgery/header_edit.h"

namespace cli {
namespace {

using Level = base::Finding::Level;

constexpr auto kOptions =
    join(std::array<Option, 2>{{
             {.names = "--quick", .help = "read the headers only, no tensor data"},
             {.names = "--json", .help = "everything as one JSON object"},
         }},
         kComputeOptions);

constexpr int kFindings = 3, kUnreadable = 1;

std::string where(const surgery::Found& f) {
  const std::string file = std::filesystem::path(f.file).filename().string();
  const std::string place = base::printable(f.finding.where);
  return file.empty() || place.find(file) != std::string::npos ? place : file + ": " + place;
}

std::string counts_text(const surgery::CheckReport& report) {
  std::size_t n[3] = {};
  for (const surgery::Found& f : report.found) ++n[static_cast<std::size_t>(f.finding.level)];
  std::string out = fmt::format("{}, {}", counted(n[2], "error"), counted(n[1], "warning"));
  if (n[0] > 0) out += ", " + counted(n[0], "note");
  return out;
}

void print_text(const std::string& path, const surgery::CheckReport& report) {
  fmt::print("{}: {}, {}, {} of data read\n", base::printable(path, 1000),
             counted(report.n_files, "file"), counted(report.n_tensors, "tensor"),
             bytes_text(report.bytes));
  TextTable table("llll");
  for (const surgery::Found& f : report.found) {
    // One file: it need not be named in every line.
    table.add({std::string(level_name(f.finding.level)), std::string(surgery::part_name(f.part)),
               report.n_files == 1 ? base::printable(f.finding.where) : where(f),
               base::printable(f.finding.text, 400)});
  }
  fmt::print("{}{}\n", table.text(),
             report.found.empty() ? "nothing is wrong" : counts_text(report));
}

nlohmann::json report_json(const std::string& path, const surgery::CheckReport& report) {
  nlohmann::json out = {{"file", json_text(path)},
                        {"files", report.n_files},
                        {"tensors", report.n_tensors},
                        {"bytes_read", report.bytes},
                        {"clean", report.clean()},
                        {"unreadable_files", report.n_unreadable},
                        {"findings", nlohmann::json::array()}};
  for (const surgery::Found& f : report.found) {
    nlohmann::json entry = {{"level", level_name(f.finding.level)},
                            {"part", surgery::part_name(f.part)},
                            {"where", json_text(f.finding.where)},
                            {"text", json_text(f.finding.text)},
                            {"count", f.count}};
    if (!f.file.empty()) entry["file"] = json_text(f.file);
    if (f.offset) entry["offset"] = *f.offset;
    out["findings"].push_back(std::move(entry));
  }
  return out;
}

/// A container that is broken is a finding; what is no model at all is an error.
void check_kind(const std::string& path) {
  try {
    static_cast<void>(kind_of_file(path));
  } catch (const base::Error& e) {
    if (e.fault() == base::Fault::bad_file) return;
    throw;
  }
  check_model_file("FILE", path);
}

/// Exit code of one file, and what is known of it if any.
struct Outcome {
  int code = 0;
  std::optional<surgery::CheckReport> report = {};
};

/// Throws what keeps the file from being looked at.
Outcome check_file(const Args& args, const std::string& path, Session& session) {
  check_kind(path);
  surgery::CheckReport report = surgery::check_model(path, !args.flag("quick"), session.runtime());
  session.progress().clear();
  if (!args.flag("json")) {
    // The reader itself says more than a table of one line.
    if (report.n_files == 0) static_cast<void>(gguf::FileSet::open(path));
    print_text(path, report);
  }
  const bool unreadable = report.n_files == 0 || report.n_unreadable > 0;
  const int code = unreadable ? kUnreadable : report.clean() ? 0 : kFindings;
  return {code, std::move(report)};
}

/// A file that is no model does not keep the others from being looked at.
Outcome check_one_of_several(const Args& args, const std::string& path, Session& session) {
  try {
    return check_file(args, path, session);
  } catch (const base::Error& e) {
    if (e.fault() == base::Fault::interrupted) throw;
    session.progress().clear();
    fmt::print(stderr, "error: {}: {}\n", base::printable(path, 1000), e.what());
    return {.code = kUnreadable};
  }
}

/// Without the other files of split sets whose first is there too, as `*.gguf` gives them.
std::vector<std::string> models_among(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    const std::string first = surgery::first_of_model(path).string();
    if (first == path || std::ranges::find(paths, first) == paths.end()) out.push_back(path);
  }
  return out;
}

int run(const Args& args) {
  const std::vector<std::string> paths = models_among(args.positionals());
  Session session(args);
  if (paths.size() == 1) {
    const Outcome outcome = check_file(args, paths[0], session);
    if (args.flag("json")) fmt::print("{}\n", report_json(paths[0], *outcome.report).dump(2));
    return outcome.code;
  }
  nlohmann::json all = nlohmann::json::array();
  bool unreadable = false, findings = false;
  for (const std::string& path : paths) {
    const Outcome outcome = check_one_of_several(args, path, session);
    unreadable = unreadable || outcome.code == kUnreadable;
    findings = findings || outcome.code == kFindings;
    if (args.flag("json") && outcome.report) all.push_back(report_json(path, *outcome.report));
  }
  if (args.flag("json")) fmt::print("{}\n", all.dump(2));
  return unreadable ? kUnreadable : findings ? kFindings : 0;
}

}  // namespace

const Command check_command{
    .name = "check",
    .summary = "look for everything that can be wrong with a model file",
    .usage = "[options] FILE...",
    .details =
        "FILE is a model (the first file of a split set; the others are passed over). Looks at the "
        "container, the completeness "
        "of a split set, keys and shapes, the tokenizer, every block of every tensor (NaN, "
        "infinite scales, impossible codes), norms beyond reason, tensors, experts and stretches "
        "of zeros, experts that are copies of others, and whether attn_k_b and attn_v_b say the "
        "same as attn_kv_b.\nThe exit code is 0 if nothing is wrong (notes do "
        "not count), 3 if there are findings, 1 if the file or one of its split set cannot be read "
        "(cut off, or its header damaged); of several files the worst counts, 1 above 3. With "
        "--json several files give a list.",
    .options = kOptions,
    .min_positionals = 1,
    .max_positionals = SIZE_MAX,
    .run = run};

}  // namespace cli
