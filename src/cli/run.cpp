// quern run: continues a text.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <random>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/session.h"
#include "cli/timings.h"
#include "eval/corpus.h"
#include "runtime/decoder.h"
#include "runtime/sample.h"

namespace cli {
namespace {

bool is_filter_list(const std::string& list) {
  try {
    const runtime::Sampler sampler({.order = list});
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

constexpr std::array<Option, 23> kOwnOptions{{
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
    {.names = "-ub, --ubatch-size",
     .value = "N",
     .default_value = "512",
     .help = "prompt tokens that a layer computes at once",
     .values = integers(1, kManyTokens)},
    {.names = "-s, --seed",
     .value = "N",
     .default_value = "-1",
     .help = "seed of the draws; -1 = random",
     .values = integers(-1, 0xffffffff)},
    {.names = "--temp",
     .value = "T",
     .default_value = "0.8",
     .help = "temperature; 0 = always the most likely token",
     .values = numbers(0, 100)},
    {.names = "--top-k",
     .value = "K",
     .default_value = "40",
     .help = "keep K tokens; 0 = all",
     .values = integers(-1, kManyItems)},
    {.names = "--top-p",
     .value = "P",
     .default_value = "0.95",
     .help = "keep the most likely tokens that make up P; 1 = off",
     .values = numbers(0, 1)},
    {.names = "--min-p",
     .value = "P",
     .default_value = "0.05",
     .help = "drop tokens below P times the most likely; 0 = off",
     .values = numbers(0, 1)},
    {.names = "--tfs, --tfs-z",
     .value = "Z",
     .default_value = "1",
     .help = "tail cut; 1 = off",
     .values = numbers(0, 1)},
    {.names = "--typical, --typical-p",
     .value = "P",
     .default_value = "1",
     .help = "keep typical tokens that make up P; 1 = off",
     .values = numbers(0, 1)},
    {.names = "--xtc-probability",
     .value = "P",
     .default_value = "0",
     .help = "chance of dropping all likely tokens but the last; 0 = off",
     .values = numbers(0, 1)},
    {.names = "--xtc-threshold",
     .value = "P",
     .default_value = "0.1",
     .help = "likely, for --xtc-probability",
     .values = numbers(0, 1)},
    {.names = "--top-n-sigma",
     .value = "N",
     .default_value = "0",
     .help = "keep logits within N standard deviations of the largest; 0 = off",
     .values = numbers(-1, 1000)},
    {.names = "--repeat-penalty",
     .value = "X",
     .default_value = "1",
     .help = "weaken tokens seen lately; 1 = off",
     .values = numbers(0.01, 100)},
    {.names = "--repeat-last-n",
     .value = "N",
     .default_value = "64",
     .help = "tokens that count as lately; -1 = all",
     .values = integers(-1, kManyItems)},
    {.names = "--frequency-penalty",
     .value = "X",
     .default_value = "0",
     .help = "taken off a logit per time its token was seen lately",
     .values = numbers(-100, 100)},
    {.names = "--presence-penalty",
     .value = "X",
     .default_value = "0",
     .help = "taken off a logit whose token was seen lately",
     .values = numbers(-100, 100)},
    {.names = "--samplers",
     .value = "NAMES",
     .default_value = "top_k;tfs_z;typical_p;top_p;min_p;xtc;top_n_sigma;temperature",
     .help = "filters in their order",
     .values = form("names of filters between semicolons", is_filter_list)},
    {.names = "--ignore-eos", .help = "go on where the model ends its text"},
    {.names = "--no-display-prompt", .help = "print only what is made"},
    {.names = "--no-escape", .help = "keep backslash sequences of the text as they are"},
}};
constexpr auto kOptions = join(join(kModelOptions, kComputeOptions), kOwnOptions);

float number(const Args& args, std::string_view key) {
  return static_cast<float>(args.number(key));
}

runtime::SampleOptions sample_options(const Args& args) {
  runtime::SampleOptions o;
  o.temperature = number(args, "temp");
  o.top_k = static_cast<std::int32_t>(args.integer("top-k"));
  o.top_p = number(args, "top-p");
  o.min_p = number(args, "min-p");
  o.tfs_z = number(args, "tfs-z");
  o.typical_p = number(args, "typical-p");
  o.xtc_probability = number(args, "xtc-probability");
  o.xtc_threshold = number(args, "xtc-threshold");
  o.top_n_sigma = number(args, "top-n-sigma");
  o.repeat_penalty = number(args, "repeat-penalty");
  o.repeat_last_n = static_cast<std::int32_t>(args.integer("repeat-last-n"));
  o.frequency_penalty = number(args, "frequency-penalty");
  o.presence_penalty = number(args, "presence-penalty");
  o.order = args.str("samplers");
  const std::int64_t seed = args.integer("seed");
  o.seed = seed < 0 ? std::random_device{}() : static_cast<std::uint32_t>(seed);
  return o;
}

std::string prompt_text(const Args& args) {
  if (args.given("prompt") == args.given("file")) {
    throw base::Error(base::Fault::bad_usage, "give either --prompt or --file");
  }
  const bool escapes = !args.flag("no-escape");
  if (args.given("file")) return eval::load_corpus(args.str("file"), escapes, nullptr);
  return escapes ? eval::process_escapes(args.str("prompt")) : args.str("prompt");
}

std::vector<std::int32_t> ends_of_generation(const text::Tokenizer& tokenizer) {
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < tokenizer.size(); ++i) {
    const auto id = static_cast<std::int32_t>(i);
    if (tokenizer.is_end_of_generation(id)) ids.push_back(id);
  }
  return ids;
}

/// How many tokens may be made behind the prompt.
std::size_t room(const Args& args, const runtime::Model& model, std::size_t n_prompt) {
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
  return n < 0 ? left : std::min(left, static_cast<std::size_t>(n));
}

void print_now(const std::string& bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  std::fflush(stdout);
}

/// Makes up to `n` tokens behind the prompt and prints them as they come.
void generate(const runtime::Model& model, runtime::Decoder& decoder, runtime::Sampler& sampler,
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
    if (tokenizer.is_end_of_generation(id)) break;
    print_now(tokenizer.piece(id, false));
    if (i + 1 == n) break;
    const Stopwatch eval_watch;
    logits = decoder.append(0, {&id, 1});
    timings.eval_s += eval_watch.seconds();
    ++timings.n_eval;
  }
}

int run(const Args& args) {
  const Stopwatch total;
  Timings timings;
  runtime::SampleOptions options = sample_options(args);
  const std::string text = prompt_text(args);
  const runtime::EvaluateOptions how = evaluate_options(args);
  Session session(args);
  const runtime::Model model = runtime::Model::open(required(args, "model"));
  print_findings(model.findings());
  const std::vector<std::int32_t> prompt = model.tokenizer().encode(text, {});
  if (prompt.empty()) throw base::Error(base::Fault::bad_usage, "the prompt has no tokens");
  const std::size_t n = room(args, model, prompt.size());
  if (args.flag("ignore-eos"))
    for (const std::int32_t id : ends_of_generation(model.tokenizer())) {
      options.logit_bias.emplace_back(id, -INFINITY);
    }
  const auto asked = static_cast<std::size_t>(args.integer("ctx-size", 0, 1 << 30));
  runtime::Sampler sampler(options);
  runtime::Decoder decoder(model,
                           {.mla = how.mla,
                            .cache = how.cache,
                            .batch_tokens = how.batch_tokens,
                            .context = asked == 0 ? prompt.size() + n : asked},
                           session.runtime());
  timings.load_s = total.seconds();
  fmt::print(stderr, "quern: {}, seed {}\n", session.machine(), options.seed);
  if (!args.flag("no-display-prompt")) print_now(text);
  if (n > 0) generate(model, decoder, sampler, prompt, n, timings);
  print_now("\n");
  timings.total_s = total.seconds();
  fmt::print(stderr, "\n{}", timing_lines(timings));
  return interrupt_flag().requested() ? 130 : 0;
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
