// quern run: continues a text.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/sampling_options.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cli/timings.h"
#include "eval/corpus.h"
#include "runtime/decoder.h"
#include "runtime/sample.h"

namespace cli {
namespace {

constexpr std::array<Option, 8> kOwnOptions{{
    {.names = "-p, --prompt",
     .value = "TEXT",
     .help = "text to continue; escapes are replaced",
     .values = kText},
    {.names = "-f, --file",
     .value = "FILE",
     .help = "file with the text to continue",
     .values = kFile},
    {.names = "-n, --n-predict, --predict",
     .value = "N",
     .default_value = "-1",
     .help = "tokens to make at most; -1, -2: until the text ends or the context is full",
     .values = integers(-2, kManyItems)},
    {.names = "-c, --ctx-size",
     .value = "N",
     .default_value = "0",
     .help = "context in tokens; 0 = what the model was trained with",
     .values = integers(0, kManyItems)},
    kUbatchOption,
    {.names = "--ignore-eos", .help = "go on where the model ends its text"},
    {.names = "--no-display-prompt", .help = "print only what is made"},
    kNoEscapeOption,
}};
constexpr auto kOptions =
    join(join(kModelOptions, kComputeOptions), join(kOwnOptions, kSamplingOptions));

std::string prompt_text(const Args& args) {
  check_one_given(args, "prompt", "file");
  const bool escapes = !args.flag("no-escape");
  if (args.given("file")) return eval::load_corpus(args.str("file"), escapes, nullptr);
  return escapes ? eval::process_escapes(args.str("prompt")) : args.str("prompt");
}

/// How many tokens may be made behind the prompt, and whether the context is what ends them.
struct Room {
  std::size_t n_tokens = 0;
  std::size_t n_ctx = 0;
  bool by_context = false;
};
Room room(const Args& args, const runtime::Model& model, std::size_t n_prompt) {
  const auto asked = static_cast<std::size_t>(args.integer("ctx-size"));
  const std::size_t n_ctx = asked == 0 ? model.spec().n_ctx_train : asked;
  if (n_prompt > n_ctx) {
    throw base::Error(base::Fault::bad_input, "the prompt does not fit the context")
        .at("found", std::to_string(n_prompt) + " tokens")
        .expected("at most " + std::to_string(n_ctx))
        .hint("-c sets the context");
  }
  const std::int64_t n = args.integer("predict");
  const std::size_t left = n_ctx - n_prompt;
  const bool by_context = n < 0 || static_cast<std::size_t>(n) > left;
  return {by_context ? left : static_cast<std::size_t>(n), n_ctx, by_context};
}

void print_now(const std::string& bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  std::fflush(stdout);
}

/// Makes up to `n` tokens behind the prompt and prints them as they come. False if the text ended
/// or was stopped before.
bool generate(const runtime::Model& model, runtime::Decoder& decoder, runtime::Sampler& sampler,
              std::span<const std::int32_t> prompt, std::size_t n, Timings& timings) {
  const text::Tokenizer& tokenizer = model.tokenizer();
  const Stopwatch prompt_watch;
  std::span<const float> logits = decoder.append(0, prompt);
  timings.prompt_s = prompt_watch.seconds();
  timings.n_prompt = prompt.size();
  for (const std::int32_t id : prompt) sampler.accept(id);
  for (std::size_t i = 0; i < n && !interrupt_flag().requested(); ++i) {
    const Stopwatch sample_watch;
    const std::int32_t id = sampler.sample(logits);
    sampler.accept(id);
    timings.sample_s += sample_watch.seconds();
    ++timings.n_sample;
    if (tokenizer.is_end_of_generation(id)) return false;
    print_now(for_screen(tokenizer.piece(id, false), STDOUT_FILENO));
    if (i + 1 == n) return true;
    const Stopwatch eval_watch;
    logits = decoder.append(0, {&id, 1});
    timings.eval_s += eval_watch.seconds();
    ++timings.n_eval;
  }
  return n == 0;
}

int run(const Args& args) {
  const Stopwatch total;
  Timings timings;
  runtime::SampleOptions options = sampling_options(args);
  const std::string text = prompt_text(args);
  const runtime::EvaluateOptions how = evaluate_options(args);
  Session session(args);
  const runtime::Model model = runtime::Model::open(required(args, "model"), rules(args));
  print_findings(model.findings());
  const std::vector<std::int32_t> prompt = model.tokenizer().encode(text, {});
  if (prompt.empty()) throw base::Error(base::Fault::bad_usage, "the prompt has no tokens");
  const Room left = room(args, model, prompt.size());
  warn_beyond_training(model, static_cast<std::size_t>(args.integer("ctx-size")));
  check_biases(options, model.tokenizer());
  if (args.flag("ignore-eos")) forbid_ends(options, model.tokenizer());
  runtime::Sampler sampler(options, &model.tokenizer());
  const auto asked = static_cast<std::size_t>(args.integer("ctx-size"));
  runtime::Decoder decoder(model,
                           {.mla = how.mla,
                            .cache = how.cache,
                            .batch_tokens = how.batch_tokens,
                            .context = asked == 0 ? prompt.size() + left.n_tokens : asked},
                           session.runtime());
  timings.load_s = total.seconds();
  fmt::print(stderr, "quern: {}, seed {}\n", session.machine(), options.seed);
  if (!args.flag("no-display-prompt")) print_now(text);
  const bool all =
      left.n_tokens == 0 || generate(model, decoder, sampler, prompt, left.n_tokens, timings);
  print_now("\n");
  if (all && left.by_context) {
    fmt::print(stderr, "\nstopped: the context of {} tokens is full (-c sets it)\n", left.n_ctx);
  }
  timings.total_s = total.seconds();
  fmt::print(stderr, "\n{}", timing_lines(timings));
  return interrupt_flag().requested() ? interrupt_exit_code() : 0;
}

}  // namespace

const Command run_command{
    .name = "run",
    .summary = "continue a text",
    .usage = "-m MODEL -p TEXT [-n N] [options]",
    .details =
        "Text goes to stdout as it is made, times to stderr. The same seed and options give "
        "the same text.",
    .options = kOptions,
    .run = run};

}  // namespace cli
