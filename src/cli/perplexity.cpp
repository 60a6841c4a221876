// quern perplexity: perplexity and KL divergence of a model over a text. docs/spec/tools.md
// section 4.
#include "eval/perplexity.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <optional>

#include "base/file_lock.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/running_values.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "eval/base_file.h"
#include "eval/base_run.h"
#include "eval/divergence.h"
#include "eval/strided.h"

namespace cli {
namespace {

constexpr auto kOptions =
    join(join(join(kModelOptions, kTextOptions), kComputeOptions),
         std::array<Option, 5>{{
             {.names = "--save-all-logits, --kl-divergence-base",
              .value = "FILE",
              .help = "without --kl-divergence: write log-probabilities there; with it: the base "
                      "to compare with",
              .values = kWord},
             {.names = "--kl-divergence",
              .help = "compare with the base file; text and windows are those of the base file"},
             {.names = "--overwrite-base",
              .help = "without --kl-divergence: write a base file anew that is there already"},
             {.names = "--ppl-stride",
              .value = "N",
              .default_value = "0",
              .help = "overlapping windows, N scored tokens each",
              .values = integers(0, kManyTokens)},
             {.names = "--ppl-output-type",
              .value = "0|1",
              .default_value = "0",
              .help = "1: a line a window",
              .values = one_of()},
         }});

void print_final(const eval::PerplexitySums& sums) {
  const double error = sums.error();
  if (error < 0) {
    fmt::print("Unexpected negative standard deviation of log(prob)\n");
    return;
  }
  fmt::print("Final estimate: PPL = {:.4f} +/- {:.5f}\n", sums.perplexity(), error);
}

std::string running_text(std::size_t window, std::size_t window_tokens,
                         const eval::PerplexitySums& sums, bool lines) {
  if (!lines) return fmt::format("[{}]{:.4f},", window + 1, sums.perplexity());
  const auto n = static_cast<double>(sums.n);
  const double mean = sums.sum / n;
  const double spread = std::sqrt((sums.sum_of_squares / n - mean * mean) / (n - 1));
  return fmt::format("{:8d}  {:.4f}  {:4f}  {:4f}\n", window * window_tokens, sums.perplexity(),
                     mean, spread);
}

int run_divergence(const Args& args, const runtime::Model& model, Session& session) {
  const eval::BaseFile base = eval::BaseFile::open(required(args, "kl-divergence-base"));
  RunningValues values(session.progress());
  values.add("\n" + eval::divergence_table_header() + "\n");
  const eval::Divergence d = eval::measure_divergence(
      model, base, evaluate_options(args),
      [&](std::size_t window, const eval::Divergence& sums) {
        values.add(eval::divergence_table_line(window, sums) + "\n");
      },
      session.runtime());
  values.finish("");
  if (d.n() >= 100) fmt::print("{}", eval::divergence_report(d));
  if (d.n_doubtful() > 0) {
    fmt::print(
        stderr,
        "warning: {}: the probabilities of {} of {} positions do not sum to one; the file is "
        "damaged and the values above are wrong\n",
        args.str("kl-divergence-base"), d.n_doubtful(), d.n());
  }
  return 0;
}

eval::StrideOptions stride_options(const Args& args) {
  const std::int64_t limit = args.integer("chunks");
  return {.window = static_cast<std::size_t>(args.integer("ctx-size")),
          .batch = static_cast<std::size_t>(args.integer("batch-size")),
          .stride = static_cast<std::size_t>(args.integer("ppl-stride")),
          .max_windows = limit > 0 ? static_cast<std::size_t>(limit) : 0};
}

/// Tokens that the model sees at once.
std::size_t window_of(const Args& args) {
  const eval::StrideOptions options = stride_options(args);
  return options.stride > 0 ? eval::strided_window(options) : options.window;
}

int run_strided(const Args& args, const runtime::Model& model, const std::string& text,
                Session& session) {
  const eval::StrideOptions options = stride_options(args);
  const bool lines = args.str("ppl-output-type") == "1";
  RunningValues values(session.progress());
  const eval::PerplexitySums sums = eval::measure_strided(
      model, text, options, evaluate_options(args),
      [&](std::size_t i, const eval::PerplexitySums& s) {
        values.add(lines ? fmt::format("{:8d}  {:.4f}\n", i * options.stride, s.perplexity())
                         : fmt::format("[{}]{:.4f},", i + 1, s.perplexity()));
      },
      session.runtime());
  values.finish("\n");
  print_final(sums);
  return 0;
}

int run_plain(const Args& args, const runtime::Model& model, const std::string& text,
              Session& session) {
  const auto window = static_cast<std::size_t>(args.integer("ctx-size"));
  const std::int64_t limit = args.integer("chunks");
  const eval::Windows windows = eval::cut_windows(model.tokenizer(), text, window, 0,
                                                  limit > 0 ? static_cast<std::size_t>(limit) : 0);
  const bool lines = args.str("ppl-output-type") == "1";
  fmt::print("perplexity: calculating perplexity over {}, n_ctx={}\n",
             counted(windows.n_windows, "chunk"), windows.window);
  std::fflush(stdout);
  RunningValues values(session.progress());
  const eval::AfterWindow after = [&](std::size_t i, const eval::PerplexitySums& s) {
    values.add(running_text(i, window, s, lines));
  };
  const runtime::EvaluateOptions options = evaluate_options(args);
  const std::string base = args.str("kl-divergence-base");
  std::optional<base::FileLock> lock;
  if (!base.empty()) lock.emplace(base::FileLock::beside(base));
  const eval::PerplexitySums sums =
      base.empty() ? eval::measure_perplexity(model, windows, options, {}, after, session.runtime())
                   : eval::write_base_file(model, windows, options, base, after, session.runtime());
  values.finish("\n");
  print_final(sums);
  return 0;
}

/// A forgotten --kl-divergence would replace the base by that of the quantized model.
void check_new_base(const Args& args) {
  const std::string path = args.str("kl-divergence-base");
  check_replaceable("--kl-divergence-base", path, Product::log_probabilities);
  if (!args.flag("overwrite-base") && kind_of_file(path) == FileKind::log_probabilities) {
    throw base::Error(base::Fault::bad_input, "the base file exists already")
        .at("file", path)
        .hint("did you mean --kl-divergence? --overwrite-base writes it anew");
  }
  prepare_output("--kl-divergence-base", path);
}

/// The base file decides over text and windows.
void warn_ignored(const Args& args) {
  for (const std::string_view key : {"file", "ctx-size", "chunks", "batch-size", "ppl-stride",
                                     "ppl-output-type", "no-escape", "overwrite-base"}) {
    if (!args.given(key)) continue;
    fmt::print(stderr, "warning: --{} has no effect: text and windows are those of the base file\n",
               key);
  }
}

int run(const Args& args) {
  const std::string path = required(args, "model");
  const bool divergence = args.flag("kl-divergence");
  if (divergence) {
    check_input_file("--kl-divergence-base", required(args, "kl-divergence-base"));
    warn_ignored(args);
  } else if (args.given("kl-divergence-base")) {
    check_new_base(args);
  }
  std::string text;
  base::Findings findings;
  if (!divergence)
    text = eval::load_corpus(required(args, "file"), !args.flag("no-escape"), &findings);
  Session session(args);
  const runtime::Model model = runtime::Model::open(path, rules(args));
  print_findings(model.findings());
  if (!divergence && args.given("kl-divergence-base")) {
    check_output(args.str("kl-divergence-base"), {args.str("file")});
    check_output(args.str("kl-divergence-base"), model.files());
  }
  if (!divergence) warn_beyond_training(model, window_of(args));
  print_findings(findings);
  if (divergence) return run_divergence(args, model, session);
  if (args.integer("ppl-stride") > 0) return run_strided(args, model, text, session);
  return run_plain(args, model, text, session);
}

}  // namespace

const Command perplexity_command{
    .name = "perplexity",
    .summary = "measure perplexity, or KL divergence from a base, over a text",
    .usage = "-m MODEL -f TEXT [options]",
    .details =
        "Typical: `quern perplexity -m BF16.gguf -f TEXT --kl-divergence-base B`, then for each "
        "quantized file `quern perplexity -m Q.gguf --kl-divergence-base B --kl-divergence`.",
    .options = kOptions,
    .run = run,
    .alias = "llama-perplexity",
    .kept = [](const Args&) {
      return Kept{.what = "nothing; the values so far are those printed above",
                  .how = "--chunks N measures a shorter text"};
    }};
}  // namespace cli
