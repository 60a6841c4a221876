// quern imatrix: importance matrices. docs/spec/tools.md section 2, docs/spec/imatrix.md.
#include <fmt/format.h>

#include <filesystem>
#include <numeric>
#include <set>

#include "base/file_lock.h"
#include "base/output_file.h"
#include "calibrate/collect.h"
#include "calibrate/collector.h"
#include "cli/alien_entries.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/importance_room.h"
#include "cli/running_values.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "eval/perplexity.h"
#include "runtime/peak_memory.h"

namespace cli {
namespace {

constexpr auto kOptions = join(
    join(join(kModelOptions, kTextOptions), kComputeOptions),
    std::array<Option, 13>{{
        {.names = "-o, --output, --output-file",
         .value = "FILE",
         .default_value = "imatrix.gguf",
         .help = "result; .dat selects the legacy format",
         .values = kOutputFile},
        {.names = "--output-format",
         .value = "gguf|dat",
         .help = "format whatever the name says",
         .values = one_of()},
        {.names = "-ofreq, --output-frequency",
         .value = "N",
         .default_value = "10",
         .help = "save the state every N chunks (layer loop: after every layer); given explicitly, "
                 "the output file too",
         .values = integers(1, kManyItems)},
        {.names = "--save-frequency",
         .value = "N",
         .default_value = "0",
         .help = "keep a copy FILE.at_<chunks> every N chunks",
         .values = integers(0, kManyItems)},
        {.names = "--process-output", .help = "also collect the output matrix"},
        {.names = "--output-tensor-name",
         .value = "NAME",
         .default_value = "output.weight",
         .help = "accepted for scripts; the output matrix is known by its role",
         .values = kWord},
        {.names = "--no-ppl", .help = "skip the perplexity, and with it the output matrix"},
        {.names = "--from-chunk, --chunk",
         .value = "N",
         .default_value = "0",
         .help = "skip the first N chunks",
         .values = integers(0, kManyItems)},
        {.names = "--in-file",
         .value = "FILE",
         .help = "add earlier results; without -f: only merge them",
         .repeats = true,
         .values = kImportanceFile},
        {.names = "--parse-special",
         .help = "control tokens written out in the text become their ids"},
        {.names = "--no-resume", .help = "begin again although a saved state exists"},
        {.names = "--spill",
         .value = "FILE",
         .help = "layer loop: keep hidden states in this file, not in memory",
         .values = kOutputFile},
        {.names = "--verbosity",
         .value = "N",
         .default_value = "1",
         .help = "0: results only",
         .values = integers(0, 9)},
    }});

calibrate::Dialect dialect_of(const Args& args, const std::filesystem::path& path) {
  const std::string format = args.str("output-format");
  if (format.empty()) return calibrate::dialect_for(path);
  if (format == "gguf") return calibrate::Dialect::gguf;
  if (format == "dat") return calibrate::Dialect::dat;
  throw base::Error(base::Fault::bad_usage, "bad value for --output-format")
      .at("found", format)
      .expected("gguf, dat");
}

/// Names such as imx.txt promise neither format.
void warn_odd_name(const Args& args, const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".gguf" || extension == ".dat" || args.given("output-format")) return;
  fmt::print(stderr,
             "warning: {} is written as GGUF; a name in .dat or --output-format dat selects the "
             "legacy format\n",
             path.string());
}

/// The copies of --save-frequency, whatever the number of chunks in their names.
void check_copies(const std::filesystem::path& out) {
  const std::string front = out.filename().string() + ".at_";
  const std::filesystem::path folder = out.has_parent_path() ? out.parent_path() : ".";
  std::error_code unreadable;
  for (std::filesystem::directory_iterator i(folder, unreadable), end; !unreadable && i != end;
       i.increment(unreadable)) {
    const std::string name = i->path().filename().string();
    if (!name.starts_with(front)) continue;
    if (name.find_first_not_of("0123456789", front.size()) != std::string::npos) continue;
    check_replaceable("--save-frequency", i->path().string(), Product::importance);
  }
}

/// Data would count twice.
void refuse_doubles(const std::vector<std::string>& paths) {
  for (std::size_t i = 0; i < paths.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      std::error_code absent;
      if (!std::filesystem::equivalent(paths[i], paths[j], absent)) continue;
      throw base::Error(base::Fault::bad_usage, "--in-file names a file twice")
          .at("file", paths[j])
          .at("and", paths[i])
          .hint("its data would count double");
    }
  }
}

/// Merges; an error names the file.
void merge_file(calibrate::Importance& sum, const calibrate::Importance& one,
                const std::string& path) {
  try {
    calibrate::merge(sum, one);
  } catch (base::Error& e) {
    e.at("file", path);
    throw;
  }
}

calibrate::Importance load_earlier(const Args& args) {
  calibrate::Importance sum;
  bool first = true;
  refuse_doubles(args.list("in-file"));
  for (const std::string& path : args.list("in-file")) {
    const calibrate::Importance one = calibrate::load_importance(path);
    print_findings(one.findings);
    if (first) {
      sum = one;
      first = false;
    } else {
      merge_file(sum, one, path);
    }
  }
  return sum;
}

/// What will be merged at the end is held against the model before the work.
void check_fits(const calibrate::Importance& earlier, const std::vector<std::string>& paths,
                const model::ModelSpec& spec, bool with_output) {
  if (earlier.entries.empty()) return;
  calibrate::Importance none{.entries = calibrate::Collector(spec, with_output).all_entries(),
                             .datasets = {},
                             .chunk_count = 0,
                             .chunk_size = earlier.chunk_size,
                             .findings = {}};
  merge_file(none, earlier, fmt::format("{}", fmt::join(paths, ", ")));
}

void check_entries(const calibrate::Importance& earlier, const runtime::Model& model) {
  std::set<std::string_view> names;
  for (const gguf::TensorInfo& t : model.files().tensors()) names.insert(t.name);
  warn_alien_entries(earlier, names, false);
}

void print_summary(const calibrate::Importance& importance, const std::filesystem::path& path) {
  std::size_t partial = 0;
  for (const auto& [name, entry] : importance.entries) {
    const auto empty = std::count(entry.counts.begin(), entry.counts.end(), 0);
    if (empty == 0) continue;
    ++partial;
    fmt::print(stderr, "warning: {}: {} of {} experts have no data; use a longer text\n", name,
               empty, entry.n_vectors);
  }
  fmt::print("saved {} entries from {} of {} tokens to {}\n", importance.entries.size(),
             counted(importance.chunk_count, "chunk"), importance.chunk_size, path.string());
  if (partial > 0) fmt::print("{} entries have experts without data\n", partial);
}

int merge_only(const Args& args) {
  const std::filesystem::path out = args.str("output-file");
  check_replaceable("--output-file", out.string(), Product::importance);
  prepare_output("--output-file", out.string());
  warn_odd_name(args, out);
  const calibrate::Importance sum = load_earlier(args);
  calibrate::save_importance(sum, out, dialect_of(args, out));
  print_summary(sum, out);
  return 0;
}

/// Told before the model is read.
void check_spill(const Args& args) {
  const std::filesystem::path spill = args.str("spill");
  if (spill.empty()) return;
  if (args.str("loop") != "layer") {
    fmt::print(stderr, "warning: --spill has no effect without --loop layer\n");
  } else if (std::filesystem::exists(std::filesystem::symlink_status(spill))) {
    throw base::Error(base::Fault::bad_input, "the file of --spill exists already")
        .at("file", spill.string())
        .hint("name one that does not: it is made, and gone when the run ends");
  }
}

calibrate::CollectOptions collect_options(const Args& args, const std::filesystem::path& out) {
  calibrate::CollectOptions options;
  options.evaluate = evaluate_options(args);
  options.evaluate.spill = args.str("spill");
  options.with_output = args.flag("process-output");
  options.perplexity = !args.flag("no-ppl");
  options.save_every = static_cast<std::size_t>(args.integer("output-frequency"));
  options.checkpoint = out.string() + ".checkpoint";
  options.resume = !args.flag("no-resume");
  options.keep_others = true;
  options.dataset = args.str("file");
  return options;
}

/// An interrupted run tells what it has kept.
calibrate::Collected collect_and_tell(const runtime::Model& model, const eval::Windows& windows,
                                      const calibrate::CollectOptions& options,
                                      calibrate::CollectEvents events, runtime::Runtime& runtime) {
  bool kept = false;
  events.state_kept = [&] { kept = true; };
  try {
    return calibrate::collect(model, windows, options, events, runtime);
  } catch (base::Error& e) {
    if (e.fault() != base::Fault::interrupted || !kept) throw;
    e.at("kept", fmt::format("{}, the state of the last save", options.checkpoint.string()));
    if (!options.resume) e.hint("the same command without --no-resume goes on with it");
    throw;
  }
}

int collect(const Args& args) {
  const std::string model_path = required(args, "model");
  const std::filesystem::path out = args.str("output-file");
  const calibrate::Dialect dialect = dialect_of(args, out);
  check_spill(args);
  base::Findings findings;
  const std::string text =
      eval::load_corpus(required(args, "file"), !args.flag("no-escape"), &findings);
  check_output(out.string(), {args.str("file")});
  check_replaceable("--output-file", out.string(), Product::importance);
  prepare_output("--output-file", out.string());  // also where none was named
  if (args.integer("save-frequency") > 0) check_copies(out);
  warn_odd_name(args, out);
  const base::FileLock lock = base::FileLock::beside(out);  // and over the checkpoint
  Session session(args);
  const runtime::Model model = runtime::Model::open(model_path, rules(args));
  print_findings(model.findings());
  check_output(out.string(), model.files());
  warn_beyond_training(model, static_cast<std::size_t>(args.integer("ctx-size")));
  print_findings(findings);
  const calibrate::Importance earlier = load_earlier(args);
  check_fits(earlier, args.list("in-file"), model.spec(), args.flag("process-output"));
  check_entries(earlier, model);

  const std::int64_t limit = args.integer("chunks");
  const eval::Windows windows = eval::cut_windows(
      model.tokenizer(), text, static_cast<std::size_t>(args.integer("ctx-size")),
      static_cast<std::size_t>(args.integer("chunk")),
      limit > 0 ? static_cast<std::size_t>(limit) : 0, args.flag("parse-special"));
  const auto copies = static_cast<std::size_t>(args.integer("save-frequency"));
  calibrate::CollectOptions options = collect_options(args, out);
  if (copies > 0) options.save_every = std::gcd(options.save_every, copies);
  check_importance_room(
      model.spec(), windows, options,
      {.output = out,
       .output_every = args.given("output-frequency")
                           ? static_cast<std::size_t>(args.integer("output-frequency"))
                           : 0,
       .copy_every = copies});
  const bool quiet = args.integer("verbosity") == 0;
  if (!quiet) {
    fmt::print("imatrix: {} of {} tokens\n", counted(windows.n_windows, "chunk"), windows.window);
  }
  std::fflush(stdout);

  const bool save_output = args.given("output-frequency");
  const auto output_every = static_cast<std::size_t>(args.integer("output-frequency"));
  const auto finished = [&](calibrate::Importance importance) {
    if (!earlier.entries.empty()) calibrate::merge(importance, earlier);
    return importance;
  };
  RunningValues running(session.progress());
  calibrate::CollectEvents events;
  events.after_window = [&](std::size_t window, const eval::PerplexitySums& sums) {
    if (!quiet) running.add(fmt::format("[{}]{:.4f},", window + 1, sums.perplexity()));
  };
  std::size_t saved_at = 0;
  events.after_save = [&](const calibrate::Importance& importance) {
    // Saves come at whole batches: what matters is that a multiple was passed.
    const auto passed = [&](std::size_t every) {
      return importance.chunk_count / every > saved_at / every;
    };
    if (save_output && passed(output_every)) {
      calibrate::save_importance(finished(importance), out, dialect);
    }
    const bool copy_now = copies > 0 && passed(copies);
    saved_at = importance.chunk_count;
    if (copy_now) {
      const std::string copy = fmt::format("{}.at_{}", out.string(), importance.chunk_count);
      calibrate::save_importance(finished(importance), copy, dialect);
    }
  };
  const calibrate::Collected result =
      collect_and_tell(model, windows, options, std::move(events), session.runtime());
  running.finish(options.perplexity && !quiet ? "\n" : "");
  if (options.perplexity && result.perplexity.n > 0 && result.perplexity.error() >= 0) {
    fmt::print("Final estimate: PPL = {:.4f} +/- {:.5f}\n", result.perplexity.perplexity(),
               result.perplexity.error());
  }
  const calibrate::Importance importance = finished(result.importance);
  calibrate::save_importance(importance, out, dialect);
  std::error_code ignored;
  std::filesystem::remove(options.checkpoint, ignored);
  print_summary(importance, out);
  fmt::print("peak memory: {:.1f} MiB\n",
             static_cast<double>(runtime::peak_resident_bytes()) / (1 << 20));
  return 0;
}

int run(const Args& args) {
  if (!args.given("file") && !args.list("in-file").empty()) return merge_only(args);
  return collect(args);
}

/// Before the first save. A checkpoint that is there may be of another run.
Kept kept(const Args& args) {
  return {.what = "nothing yet",
          .how = args.str("loop") == "layer" ? "the layer loop saves its state after every layer"
                                             : "-ofreq N saves the state every N chunks"};
}

}  // namespace

const Command imatrix_command{.name = "imatrix",
                              .summary = "collect an importance matrix over a calibration text",
                              .usage = "-m MODEL -f TEXT -o OUT.gguf|OUT.dat [options]",
                              .details =
                                  "Every weight matrix gets a vector, every expert and every head "
                                  "its own; for latent attention "
                                  "always attn_kv_b, attn_k_b and attn_v_b. Interrupted runs "
                                  "continue where they last saved. "
                                  "Several --in-file and no -f: merge them.",
                              .options = kOptions,
                              .run = run,
                              .alias = "llama-imatrix",
                              .kept = kept};
}  // namespace cli
