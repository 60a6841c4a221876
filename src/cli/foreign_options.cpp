#include "cli/foreign_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace cli {
namespace {

using enum ForeignOption::Takes;
using enum ForeignOption::Verdict;

// Commands that run a model, those of them that make text, those that only measure.
constexpr std::string_view kRunning = "imatrix perplexity survey run chat logits";
constexpr std::string_view kMaking = "run chat";
constexpr std::string_view kMeasuring = "imatrix perplexity survey logits";

constexpr ForeignOption kForeign[] = {
    // Where and how fast it is computed.
    {.commands = kRunning,
     .names = "-ngl --gpu-layers --n-gpu-layers -sm --split-mode -ts --tensor-split -mg --main-gpu "
              "-dev --device -ot --override-tensor -ncmoe --n-cpu-moe -fitt --fit-target -fitc "
              "--fit-ctx --fit-margin -gfm --gpu-fit-margin -mea --max-extra-alloc -cuda "
              "--cuda-params -grt --graph-reduce-type -gap --graph-attn-precision --rpc",
     .takes = value,
     .why = "no GPU here"},
    {.commands = kRunning,
     .names = "-fit --fit -smgs --split-mode-graph-scheduling -smf16 --split-mode-f16 -smf32 "
              "--split-mode-f32 -sas --scheduler-async -cmoe --cpu-moe -kvo --kv-offload -nkvo "
              "--no-kv-offload --op-offload --no-op-offload --no-host",
     .takes = maybe_switch,
     .why = "no GPU here"},
    {.commands = kRunning,
     .names = "--mmap --no-mmap --mlock -dio --direct-io -ndio --no-direct-io -thp "
              "--transparent-huge-pages --defer-experts --prefetch-experts",
     .why = "files are mapped, which changes no result"},
    {.commands = kRunning,
     .names = "-lm --load-mode --prefetch-experts-threads",
     .takes = value,
     .why = "files are mapped, which changes no result"},
    {.commands = kRunning,
     .names = "-rtr --run-time-repack --repack -nr --no-repack",
     .takes = maybe_switch,
     .why = "kernels read every format as it lies in the file"},
    {.commands = kRunning,
     .names = "-fmoe --fused-moe -no-fmoe --no-fused-moe -no-fug --no-fused-up-gate -no-mmad "
              "--no-fused-mul-multiadd -gr --graph-reuse -no-gr --no-graph-reuse -mqkv --merge-qkv "
              "-muge --merge-up-gate-experts -no-fa --no-fa --no-flash-attn --swa-full "
              "--swa-compress",
     .takes = maybe_switch,
     .why = "a matter of speed there, of none here"},
    {.commands = kRunning,
     .names = "-khad --k-cache-hadamard -vhad --v-cache-hadamard",
     .takes = maybe_switch,
     .why = "the cache is not quantized"},
    {.commands = kRunning,
     .names = "-amb --attention-max-batch -dt --defrag-thold -wgt --worst-graph-tokens",
     .takes = value,
     .why = "attention needs little memory at any length"},
    {.commands = kRunning,
     .names = "-tb --threads-batch --numa -C --cpu-mask -Cr --cpu-range --cpu-strict --prio --poll "
              "-Cb --cpu-mask-batch -Crb --cpu-range-batch --cpu-strict-batch --prio-batch "
              "--poll-batch",
     .takes = value,
     .why = "-t alone sets the threads; results depend on none of them"},
    {.commands = kRunning,
     .names = "-np --parallel -ns --sequences",
     .takes = value,
     .why = "results do not depend on how many sequences are computed together"},
    {.commands = kRunning,
     .names = "-cb --cont-batching -nocb --no-cont-batching -kvu --kv-unified -no-kvu "
              "--no-kv-unified --no-warmup --warmup -bs --backend-sampling --all-logits",
     .why = "results do not depend on it"},
    {.commands = "run chat logits",
     .names = "-b --batch-size",
     .takes = value,
     .why = "-ub alone sets how many tokens are computed at once"},
    {.commands = kRunning,
     .names = "-ctv --cache-type-v",
     .takes = value,
     .verdict = same,
     .why = "keys and values have one type, which is not quantized here: leave it out, or -ctk f16",
     .same_as = "cache-type-k"},
    {.commands = kMaking,
     .names = "-md --model-draft --draft --draft-max --draft-n --draft-min --draft-p-min -ngld "
              "--gpu-layers-draft -cd --ctx-size-draft -ctkd --cache-type-k-draft -ctvd "
              "--cache-type-v-draft -td --threads-draft -tbd --threads-batch-draft --spec-type",
     .takes = value,
     .why = "no speculative decoding: every token is computed by the model itself"},
    {.commands = kMaking,
     .names = "--prompt-cache",
     .takes = value,
     .why = "the prompt is computed each time"},
    {.commands = kMaking,
     .names = "--prompt-cache-all --prompt-cache-ro",
     .why = "the prompt is computed each time"},
    // What is printed.
    {.commands = kRunning,
     .names = "--log-disable --log-enable --log-new --log-append --log-prefix --no-log-prefix "
              "--log-timestamps --no-log-timestamps -v --verbose --log-verbose --minilog "
              "--verbose-prompt --perf --no-perf --simple-io --offline",
     .why = "there is no log: messages go to stderr"},
    {.commands = kRunning,
     .names = "--log-file --log-colors -ld --logdir -lv --verbosity --log-verbosity -ptc "
              "--print-token-count",
     .takes = value,
     .why = "there is no log: messages go to stderr"},
    {.commands = kRunning,
     .names = "-vq --validate-quants --check-tensors",
     .takes = maybe_switch,
     .why = "`quern check FILE` reads every block of a file"},
    // What is done anyway, or makes no difference to this command.
    {.commands = kRunning, .names = "-e --escape", .why = "it is done unless --no-escape"},
    {.commands = kMeasuring,
     .names = "-s --seed",
     .takes = value,
     .why = "nothing is drawn: the same command gives the same numbers"},
    {.commands = kMeasuring,
     .names = "-n --predict --n-predict --keep --temp --temperature --top-k --top-p --min-p",
     .takes = value,
     .why = "no text is made"},
    {.commands = "imatrix", .names = "--ppl", .why = "it is done unless --no-ppl"},
    {.commands = "run",
     .names = "--keep",
     .takes = value,
     .why = "the text ends when the context is full"},
    {.commands = "run", .names = "--no-context-shift", .why = "it is not done anyway"},
    {.commands = "run",
     .names = "-no-cnv --no-conversation -co --color --jinja",
     .why = "the text is continued as it stands"},
    {.commands = "chat",
     .names = "-cnv --conversation -i --interactive -if --interactive-first --jinja "
              "--no-display-prompt",
     .why = "that is what chat does"},
    {.commands = "convert",
     .names = "--use-temp-file --no-lazy --verbose",
     .why = "memory stays small without it"},
    // What would change the result.
    {.commands = "perplexity",
     .names = "--hellaswag --winogrande --multiple-choice",
     .verdict = refused,
     .why = "tasks are not scored here; --kl-divergence against the original tells finer what "
            "quantization has changed"},
    {.commands = "perplexity",
     .names = "--hellaswag-tasks --winogrande-tasks --multiple-choice-tasks -bf --binary-file",
     .takes = value,
     .verdict = refused,
     .why = "tasks are not scored here; --kl-divergence against the original tells finer what "
            "quantization has changed"},
    {.commands = "imatrix",
     .names = "-lsim --layer-similarity",
     .why = "it is not printed; `quern info IMATRIX --tensors .` tells how alike the vectors of "
            "neighbouring layers are"},
    {.commands = kMeasuring, .names = "--jinja", .why = "the text is taken as it stands"},
    {.commands = "imatrix",
     .names = "--show-statistics",
     .verdict = refused,
     .why = "`quern info IMATRIX --tensors .` prints them"},
    {.commands = kMeasuring,
     .names = "-p --prompt",
     .takes = value,
     .verdict = refused,
     .why = "put the text into a file and give it with -f"},
    {.commands = kRunning,
     .names = "-ser --smart-expert-reduction",
     .takes = value,
     .verdict = refused,
     .why = "it leaves experts out: leave the option out to measure the model"},
    {.commands = kRunning,
     .names = "-ger --grouped-expert-routing",
     .takes = maybe_switch,
     .verdict = refused,
     .why = "experts are routed by groups if the keys of the model say so; --rules ik routes "
            "without them"},
    {.commands = kRunning,
     .names = "--rope-scaling --rope-scale --rope-freq-base --rope-freq-scale --yarn-orig-ctx "
              "--yarn-ext-factor --yarn-attn-factor --yarn-beta-slow --yarn-beta-fast -okv "
              "--override-kv",
     .takes = value,
     .verdict = refused,
     .why = "`quern edit MODEL --set KEY=VALUE -o COPY` changes what the keys of a model say"},
    {.commands = kRunning,
     .names = "--lora --lora-scaled --control-vector --control-vector-scaled "
              "--control-vector-layer-range -gan --grp-attn-n -gaw --grp-attn-w --mmproj --image "
              "--audio",
     .takes = value,
     .verdict = refused,
     .why = "it is not in quern, and leaving it out would change the result"},
    {.commands = kMaking,
     .names = "--grammar --grammar-file -j --json-schema -jf --json-schema-file "
              "--banned-string-file --cfg-negative-prompt --cfg-negative-prompt-file --cfg-scale "
              "--in-prefix --in-suffix -gaf",
     .takes = value,
     .verdict = refused,
     .why = "it is not in quern, and leaving it out would change the text"},
    {.commands = kMaking,
     .names = "--penalize-nl --infill --spm-infill --in-prefix-bos -sp --special -mli "
              "--multiline-input",
     .verdict = refused,
     .why = "it is not in quern, and leaving it out would change the text"},
    {.commands = kMaking,
     .names = "--sampling-seq --sampler-seq",
     .takes = value,
     .verdict = refused,
     .why = "--samplers takes the names of the filters"},
    {.commands = "run",
     .names = "--context-shift",
     .takes = maybe_switch,
     .verdict = refused,
     .why = "the text ends when the context is full; -c sets it"},
    {.commands = "run",
     .names = "-cnv --conversation -i --interactive -if --interactive-first -st --single-turn",
     .verdict = refused,
     .why = "`quern chat` holds conversations"},
    {.commands = "run",
     .names = "-sys --system-prompt -sysf --system-prompt-file --chat-template "
              "--chat-template-file -r --reverse-prompt",
     .takes = value,
     .verdict = refused,
     .why = "`quern chat` holds conversations"},
    {.commands = "chat",
     .names = "-no-cnv --no-conversation",
     .verdict = refused,
     .why = "`quern run` continues a text"},
    {.commands = kRunning,
     .names = "-mu --model-url -dr --docker-repo -hf -hfr --hf-repo -hff --hf-file -hft --hf-token",
     .takes = value,
     .verdict = refused,
     .why = "nothing is downloaded: get the file and give it with -m"},
    {.commands = "quantize",
     .names = "--extra-output-tensor",
     .takes = value,
     .verdict = refused,
     .why = "ik_llama.cpp alone reads a second output tensor; use --output-tensor-type"},
    {.commands = "convert",
     .names = "--outfile",
     .takes = value,
     .verdict = refused,
     .why = "the output is the second word: HF_DIR OUT.gguf"},
    {.commands = "convert",
     .names = "--model-name",
     .takes = value,
     .verdict = refused,
     .why = "--name sets general.name"},
    {.commands = "convert",
     .names = "--bigendian",
     .verdict = refused,
     .why = "files are written for little-endian machines only, which programs on all others of "
            "today read: leave it out"},
    {.commands = "convert",
     .names = "--vocab-only",
     .verdict = refused,
     .why =
         "convert the whole folder: `quern tokenize` and the like read only the vocabulary of it"},
    {.commands = "convert",
     .names = "--mmproj",
     .verdict = refused,
     .why = "the language part of a vision model is converted, its vision part is not: llama.cpp's "
            "converter makes that file"},
    {.commands = "convert",
     .names = "--remote",
     .verdict = refused,
     .why =
         "nothing is downloaded: fetch the folder first (`hf download REPO --local-dir DIR`) and "
         "name it"},
};

/// Calls `visit` for every word between blanks until it returns true; whether it did.
template <class Visit>
bool any_word(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    if (end > 0 && visit(list.substr(0, end))) return true;
    list.remove_prefix(std::min(list.size(), end + 1));
  }
  return false;
}

bool holds(std::string_view list, std::string_view word) {
  return any_word(list, [&](std::string_view w) { return w == word; });
}

std::string first_words(std::string_view list, std::size_t n) {
  std::string out;
  any_word(list, [&](std::string_view word) {
    out += fmt::format("{}{}", out.empty() ? "" : ", ", word);
    return --n == 0;
  });
  return out;
}

}  // namespace

std::span<const ForeignOption> foreign_options() noexcept { return kForeign; }

const ForeignOption* find_foreign(std::string_view command, std::string_view name) noexcept {
  const auto* it = std::ranges::find_if(kForeign, [&](const ForeignOption& o) {
    return holds(o.commands, command) && holds(o.names, name);
  });
  return it == std::end(kForeign) ? nullptr : it;
}

void refuse_foreign(const ForeignUse& use) {
  if (use.option->verdict != refused) return;
  throw base::Error(base::Fault::bad_usage, fmt::format("{} is not supported", use.name))
      .hint(std::string(use.option->why));
}

std::vector<std::string> foreign_notes(std::span<const ForeignUse> uses) {
  std::vector<std::pair<std::string_view, std::string>> by_reason;
  by_reason.reserve(uses.size());
  for (const ForeignUse& use : uses) {
    if (use.option->verdict != ignored) continue;
    auto it = std::ranges::find(by_reason, use.option->why,
                                &std::pair<std::string_view, std::string>::first);
    if (it == by_reason.end()) {
      by_reason.emplace_back(use.option->why, use.name);
    } else {
      it->second += ", " + use.name;
    }
  }
  std::vector<std::string> lines;
  lines.reserve(by_reason.size());
  for (const auto& [why, names] : by_reason) {
    lines.push_back(fmt::format("note: {} ignored: {}", names, why));
  }
  return lines;
}

std::string foreign_markdown() {
  std::string out =
      "## Options of llama.cpp and ik_llama.cpp\n\n"
      "Scripts pass them; quern has none of them. What changes no result is taken with a note on "
      "stderr, what would change it is refused.\n\n"
      "| commands | options | what happens |\n|---|---|---|\n";
  for (const ForeignOption& o : kForeign) {
    std::string names;
    any_word(o.names, [&](std::string_view name) {
      names += fmt::format("{}`{}`", names.empty() ? "" : " ", name);
      return false;
    });
    const std::string what = o.verdict == refused ? "refused"
                             : o.verdict == same  ? "taken with the same value as our option"
                                                  : "ignored";
    out += fmt::format("| {} | {}{} | {}: {} |\n", o.commands, names,
                       o.takes == value ? " with a value" : "", what, o.why);
  }
  return out;
}

std::string foreign_help(std::string_view command) {
  std::string examples;
  std::size_t n = 0;
  for (const ForeignOption& o : kForeign) {
    if (o.verdict != ignored || !holds(o.commands, command)) continue;
    examples += fmt::format("{}{}", examples.empty() ? "" : ", ", first_words(o.names, 1));
    if (++n == 6) break;
  }
  if (n == 0) return "";
  return fmt::format(
      "Options of llama.cpp and ik_llama.cpp that change no result are taken with a note: {}{}",
      examples, n < 6 ? "." : " and the like.");
}

}  // namespace cli
