// quern quantize: a model in other types.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "base/printable.h"
#include "cli/alien_entries.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/encoder_cache.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/output_plan.h"
#include "cli/quantize_report.h"
#include "cli/quantize_request.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "cook/forecast.h"
#include "cook/pruned_source.h"
#include "cook/run.h"
#include "runtime/peak_memory.h"

namespace cli {
namespace {

constexpr std::string_view kArchitecture = "general.architecture";

void print_start(const QuantizeArguments& arguments, std::size_t n_threads) {
  for (const recipe::CustomRule& rule : arguments.request.recipe.custom_rules) {
    fmt::print(stderr, "Adding custom rule {} -> {}\n", rule.text, rule.type->name);
  }
  fmt::print(stderr, "main: quantizing '{}' to '{}' as {} using {} threads\n",
             arguments.input.string(), arguments.request.output.string(), arguments.type_word,
             n_threads);
}

/// Whether any entry belongs to a tensor of the model, be it encoded or not.
bool is_of_model(const calibrate::Importance& importance, const cook::TensorSource& source) {
  for (std::size_t i = 0; i < source.tensors().size(); ++i) {
    const auto entry = importance.entries.find(std::string(source.origin(i).name));
    if (entry == importance.entries.end()) continue;
    if (entry->second.n_cols == source.tensors()[i].shape.ne[0]) return true;
  }
  return false;
}

/// How much of the importance data is used; an error if it is data of another model.
void print_importance_use(const QuantizeArguments& arguments, const cook::TensorSource& source,
                          const cook::Plan& plan) {
  if (arguments.importance == nullptr || plan.n_encoded == 0) return;
  std::size_t used = 0;
  std::size_t wanted = 0;
  for (const cook::Job& job : plan.jobs) {
    if (job.action == recipe::Action::copy) continue;
    ++wanted;
    if (job.importance.kind != cook::ImportanceChoice::Kind::none) ++used;
  }
  if (used == 0 && !is_of_model(*arguments.importance, source)) {
    throw base::Error(base::Fault::bad_input, "no entry of the importance file fits a tensor")
        .at("entries", arguments.importance->entries.size())
        .at("first entry", arguments.importance->entries.begin()->first)
        .hint("it was made with another model");
  }
  fmt::print(stderr, "importance: data for {} of {} tensors to encode\n", used, wanted);
}

void check_entries(const QuantizeArguments& arguments, const cook::TensorSource& source) {
  if (arguments.importance == nullptr) return;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < source.tensors().size(); ++i) names.insert(source.origin(i).name);
  warn_alien_entries(*arguments.importance, names, !arguments.pruned_layers.empty());
}

/// Options that change nothing in this run. What is said of types, the recipe tells.
void warn_idle_options(const Args& args, const cook::Plan& plan) {
  for (const std::string_view option : {"include-weights", "exclude-weights", "hide-imatrix"}) {
    if (!args.given(option) || args.given("imatrix")) continue;
    fmt::print(stderr, "warning: --{} has no effect without --imatrix\n", option);
  }
  if (!args.flag("symmetric-q40")) return;
  const auto is_symmetric = [](const cook::Job& job) {
    return job.to_codec == &quant::symmetric_q4_0();
  };
  if (std::ranges::none_of(plan.jobs, is_symmetric)) {
    fmt::print(stderr, "warning: --symmetric-q40 has no effect: no tensor is encoded as q4_0\n");
  }
}

/// Files that --partial-requant found there, and whether they hold what was asked for.
void tell_left(const cook::Plan& plan) {
  for (const cook::OutputPlan& output : plan.outputs) {
    if (!output.skipped) continue;
    const gguf::File there = gguf::File::open(output.path);
    std::map<std::string_view, const quant::Codec*> types;
    for (const gguf::TensorInfo& t : there.tensors()) types[t.name] = t.codec;
    const auto differs =
        std::count_if(output.jobs.begin(), output.jobs.end(), [&](std::size_t job) {
          const auto it = types.find(plan.jobs[job].name);
          return it == types.end() || it->second->id != plan.jobs[job].to->id;
        });
    fmt::print(stderr, "left as it is: {}\n", output.path.string());
    if (differs == 0) continue;
    fmt::print(
        stderr,
        "warning: {}: {} of its {} tensors are not as asked for now; remove the file to have "
        "it made\n",
        output.path.string(), differs, output.jobs.size());
  }
}

/// Threads of the run: as asked for, fewer where --memory allows no more.
std::size_t run_threads(const QuantizeArguments& arguments, const cook::Plan& plan,
                        std::size_t n_threads) {
  if (arguments.memory == 0) return n_threads;
  const std::size_t fitting =
      cook::threads_within(plan, n_threads, arguments.memory, runtime::peak_resident_bytes());
  if (fitting < n_threads) {
    fmt::print(stderr, "memory: {} allow {} of {} threads\n", bytes_text(arguments.memory), fitting,
               n_threads);
  }
  return fitting;
}

void print_end(const cook::Plan& plan, const cook::RunResult& result,
               std::chrono::duration<double> seconds) {
  print_totals(plan);
  const bool starred = std::any_of(plan.jobs.begin(), plan.jobs.end(),
                                   [](const cook::Job& job) { return job.wants_importance; });
  if (plan.line_width > 0 && starred) fmt::print(stderr, "* = without importance data\n");
  fmt::print(stderr, "\nmain: quantize time = {:8.2f} ms, {} file(s), {} bytes, peak memory {}\n",
             1000 * seconds.count(), result.files_written, result.bytes_written,
             bytes_text(runtime::peak_resident_bytes()));
}

/// Carries the plan out.
int make(const Args& args, const QuantizeArguments& arguments, const cook::TensorSource& source,
         cook::Plan& plan, std::size_t n_threads) {
  const auto start = std::chrono::steady_clock::now();
  const ReadyOutputs ready = ready_outputs("OUTPUT", source, plan);
  warn_small_cache(args, plan);
  const RunCache cache(args, arguments.request.output);
  if (ready.made_earlier) {
    cache.finish({}, 0);
    return 0;
  }
  Session session(args, n_threads);
  const cook::RunResult result = cook::run_plan(source, plan, session.runtime(), cache.get());
  session.progress().clear();
  cache.finish(result, plan.n_encoded);
  tell_left(plan);
  print_findings(result.findings);
  if (!result.findings.empty()) {
    fmt::print(stderr, "hint: `quern check {}` tells more\n", shell_word(arguments.input.string()));
  }
  print_end(plan, result, std::chrono::steady_clock::now() - start);
  return 0;
}

/// True if the model opens once --override-kv leaves its architecture alone.
bool opens_as_it_is(const QuantizeArguments& arguments) {
  std::vector<cook::Override> others = arguments.request.overrides;
  std::erase_if(others, [](const cook::Override& o) { return o.key == kArchitecture; });
  try {
    static_cast<void>(cook::open_gguf_model(
        arguments.input, {.overrides = others, .allow_broken = arguments.allow_broken}));
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

/// The model with its keys changed and layers left out.
std::unique_ptr<cook::TensorSource> open_source(const QuantizeArguments& arguments) {
  const std::vector<cook::Override>& overrides = arguments.request.overrides;
  std::unique_ptr<cook::TensorSource> source;
  try {
    source = cook::open_gguf_model(
        arguments.input, {.overrides = overrides, .allow_broken = arguments.allow_broken});
  } catch (base::Error& e) {
    const auto it = std::ranges::find(overrides, kArchitecture, &cook::Override::key);
    if (it == overrides.end() || !opens_as_it_is(arguments)) throw;
    // A hint that is there speaks of the file as it is.
    base::Error error(e.fault(), e.message());
    for (const auto& [key, value] : e.facts()) error.at(key, value);
    throw error.hint(
        fmt::format("--override-kv makes it a {} model, whose keys it lacks: leave that out",
                    base::printable(it->text)));
  }
  if (arguments.pruned_layers.empty()) return source;
  return cook::prune_layers(std::move(source), arguments.pruned_layers, arguments.allow_broken);
}

/// A repacking that would give a copy of its input.
bool is_idle_repack(const QuantizeArguments& arguments, const cook::Plan& plan) {
  const recipe::Run kind = arguments.request.recipe.run;
  return plan.changes_nothing() && (kind == recipe::Run::repack || kind == recipe::Run::unpack);
}

/// No success: the next step of a script would find no file, or an old one.
base::Error nothing_to_repack(const QuantizeArguments& arguments) {
  const bool unpack = arguments.request.recipe.run == recipe::Run::unpack;
  return base::Error(base::Fault::bad_input,
                     fmt::format("nothing to {}: no tensor would change, nothing is written",
                                 unpack ? "unpack" : "repack"))
      .hint("COPY as TYPE, without this option, writes the file as it is");
}

int run(const Args& args) {
  const QuantizeArguments arguments = parse_quantize(args);
  const std::size_t wanted = arguments.n_threads == 0 ? physical_cores() : arguments.n_threads;
  print_start(arguments, wanted);
  if (arguments.importance != nullptr) print_findings(arguments.importance->findings);
  if (!arguments.request.dry_run) {
    check_output(arguments.request.output.string(),
                 {args.str("imatrix"), args.str("custom-q-file")});
  }
  const std::unique_ptr<cook::TensorSource> source = open_source(arguments);
  print_findings(source->findings());
  cook::Plan plan = cook::make_plan(*source, arguments.request);
  plan.line_width = log_columns();
  print_findings(plan.findings);
  warn_idle_options(args, plan);
  print_importance_use(arguments, *source, plan);
  check_entries(arguments, *source);
  const std::size_t n_threads = run_threads(arguments, plan, wanted);
  if (arguments.request.dry_run) {
    print_dry_run(plan, n_threads, cache_folder(args, arguments.request.output));
    if (is_idle_repack(arguments, plan)) {
      fmt::print(stderr, "warning: {}; a real run would stop here\n",
                 nothing_to_repack(arguments).message());
    }
    warn_small_cache(args, plan);
    return 0;
  }
  if (is_idle_repack(arguments, plan)) throw nothing_to_repack(arguments);
  return make(args, arguments, *source, plan, n_threads);
}

}  // namespace

const Command quantize_command{
    .name = "quantize",
    .summary = "make a model file of other types",
    .usage = "[options] INPUT [OUTPUT] TYPE [THREADS]",
    .details =
        "TYPE is a recipe (Q4_K_M, IQ4_KS, ...), its number, or COPY, which joins shards.\n"
        "Without OUTPUT the file is ggml-model-TYPE.gguf beside INPUT. The file appears "
        "under its name only when it is whole.\n"
        "--dry-run tells after each tensor what decided: 'role R line N' is the rule of that line "
        "and role in the table of the policy (docs/spec/tables/recipe_rules.tsv and "
        "recipe_lc_rules.tsv), 'default type' that of the recipe.",
    .options = quantize_options(),
    .min_positionals = 2,
    .max_positionals = 4,
    .run = run,
    .alias = "llama-quantize",
    .kept = kept_by_cache};

}  // namespace cli
