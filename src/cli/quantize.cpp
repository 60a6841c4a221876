// quern quantize: a model in other types.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "cli/commands.h"
#include "cli/encoder_cache.h"
#include "cli/interrupt.h"
#include "cli/quantize_request.h"
#include "cli/session.h"
#include "cook/run.h"

namespace cli {
namespace {

struct RoleSum {
  std::size_t tensors = 0, bytes = 0;
  std::uint64_t elements = 0;
  std::map<std::string_view, std::size_t> types;
};

std::string types_text(const RoleSum& sum) {
  std::string out;
  for (const auto& [type, n] : sum.types) {
    out += fmt::format("{}{}", out.empty() ? "" : ", ", type);
    if (sum.types.size() > 1) out += fmt::format(" x{}", n);
  }
  return out;
}

double bpw(const RoleSum& sum) {
  return sum.elements == 0
             ? 0
             : 8.0 * static_cast<double>(sum.bytes) / static_cast<double>(sum.elements);
}

/// What a dry run shows beside the lines by tensor: types and bits by role, the exact size.
void print_roles(const cook::Plan& plan) {
  std::map<std::string, RoleSum> roles;
  RoleSum all;
  for (const cook::Job& job : plan.jobs) {
    for (RoleSum* sum : {&roles[model::kind_name(job.name)], &all}) {
      ++sum->tensors;
      sum->bytes += job.bytes;
      sum->elements += job.shape.elements();
      ++sum->types[job.to->name];
    }
  }
  fmt::print("{:<22} {:>7} {:>16} {:>14} {:>9}  {}\n", "role", "tensors", "weights", "bytes", "bpw",
             "types");
  for (const auto& [role, sum] : roles) {
    fmt::print("{:<22} {:>7} {:>16} {:>14} {:>9.4f}  {}\n", role, sum.tensors, sum.elements,
               sum.bytes, bpw(sum), types_text(sum));
  }
  fmt::print("{:<22} {:>7} {:>16} {:>14} {:>9.4f}\n", "all", all.tensors, all.elements, all.bytes,
             bpw(all));
  for (const cook::OutputPlan& output : plan.outputs) {
    fmt::print("{}: {} bytes{}\n", output.path.string(), output.file_bytes,
               output.skipped ? ", exists already" : "");
  }
}

void print_totals(const cook::Plan& plan) {
  fmt::print(stderr, "{}\n{}\n", cook::total_line("model size", plan.source_bytes, plan),
             cook::total_line("quant size", plan.bytes, plan));
  if (plan.n_fallbacks > 0) {
    fmt::print(stderr,
               "llama_model_quantize_internal: WARNING: {} of {} tensor(s) required fallback "
               "quantization\n",
               plan.n_fallbacks, plan.n_encoded);
  }
}

int dry_run(const cook::Plan& plan) {
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    std::vector<std::string> lines = cook::tensor_lines(plan.jobs[i], i, plan.jobs.size());
    lines.back() += fmt::format("  # {}", plan.jobs[i].reason);
    for (const std::string& line : lines) fmt::print(stderr, "{}\n", line);
  }
  print_totals(plan);
  print_roles(plan);
  return 0;
}

void print_start(const QuantizeArguments& arguments, std::size_t n_threads) {
  for (const recipe::CustomRule& rule : arguments.request.recipe.custom_rules) {
    fmt::print(stderr, "Adding custom rule {} -> {}\n", rule.pattern.text(), rule.type->name);
  }
  fmt::print(stderr, "main: quantizing '{}' to '{}' as {} using {} threads\n",
             arguments.input.string(), arguments.request.output.string(), arguments.type_word,
             n_threads);
}

/// How much of the importance data is used; an error if none of it is: data of another model.
void print_importance_use(const QuantizeArguments& arguments, const cook::Plan& plan) {
  if (arguments.importance == nullptr || plan.n_encoded == 0) return;
  std::size_t used = 0;
  std::size_t wanted = 0;
  for (const cook::Job& job : plan.jobs) {
    if (job.action == recipe::Action::copy) continue;
    ++wanted;
    if (job.importance.kind != cook::ImportanceChoice::Kind::none) ++used;
  }
  if (used == 0) {
    throw base::Error(base::Fault::bad_input, "no entry of the importance file fits a tensor")
        .at("entries", arguments.importance->entries.size())
        .at("first entry", arguments.importance->entries.begin()->first)
        .hint("it was made with another model");
  }
  fmt::print(stderr, "importance: data for {} of {} tensors to encode\n", used, wanted);
}

/// A rule that fits no tensor is most often a slip of the pen.
void warn_unmatched_rules(const QuantizeArguments& arguments, const cook::Plan& plan) {
  for (const recipe::CustomRule& rule : arguments.request.recipe.custom_rules) {
    const bool fits = std::any_of(plan.jobs.begin(), plan.jobs.end(), [&](const cook::Job& job) {
      return rule.pattern.search(job.name);
    });
    if (!fits) {
      fmt::print(stderr, "warning: custom rule {} fits no tensor name\n", rule.pattern.text());
    }
  }
}

int run(const Args& args) {
  const auto start = std::chrono::steady_clock::now();
  const QuantizeArguments arguments = parse_quantize(args);
  const std::size_t n_threads = arguments.n_threads == 0 ? physical_cores() : arguments.n_threads;
  print_start(arguments, n_threads);
  if (arguments.importance != nullptr) print_findings(arguments.importance->findings);
  if (!arguments.request.dry_run) {
    check_output(arguments.request.output.string(),
                 {args.str("imatrix"), args.str("custom-q-file")});
  }
  const auto source = cook::open_gguf_model(
      arguments.input,
      {.overrides = arguments.request.overrides, .allow_broken = arguments.allow_broken});
  print_findings(source->findings());
  const cook::Plan plan = cook::make_plan(*source, arguments.request);
  print_findings(plan.findings);
  print_importance_use(arguments, plan);
  warn_unmatched_rules(arguments, plan);
  if (arguments.request.dry_run) return dry_run(plan);
  const recipe::Run kind = arguments.request.recipe.run;
  if (plan.changes_nothing() && (kind == recipe::Run::repack || kind == recipe::Run::unpack)) {
    fmt::print(stderr, "nothing to repack: no tensor would change, nothing is written\n");
    return 0;
  }
  TerminalProgress progress;
  runtime::Team team(n_threads);
  const RunCache cache(args, arguments.request.output);
  const cook::RunResult result =
      cook::run_plan(*source, plan, team, progress, interrupt_flag(), cache.get());
  cache.finish();
  progress.clear();
  print_totals(plan);
  if (cache.get() != nullptr) {
    fmt::print(stderr, "{} of {} encoded tensors came from the cache\n", result.from_cache,
               plan.n_encoded);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print(stderr, "\nmain: quantize time = {:8.2f} ms, {} file(s), {} bytes\n",
             1000 * seconds.count(), result.files_written, result.bytes_written);
  return 0;
}

}  // namespace

const Command quantize_command{
    .name = "quantize",
    .summary = "make a model file of other types",
    .usage = "[options] INPUT [OUTPUT] TYPE [THREADS]",
    .details =
        "TYPE is a recipe (Q4_K_M, IQ4_KS, ...), its number, or COPY, which joins shards.\n"
        "Without OUTPUT the file is ggml-model-TYPE.gguf beside INPUT. The file appears "
        "under its name only when it is whole.",
    .options = quantize_options(),
    .min_positionals = 2,
    .max_positionals = 4,
    .run = run,
    .alias = "llama-quantize"};

}  // namespace cli
