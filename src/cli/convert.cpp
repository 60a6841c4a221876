// quern convert: a Hugging Face folder as a GGUF file of any type.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/encoder_cache.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/output_plan.h"
#include "cli/session.h"
#include "cli/type_words.h"
#include "cli/value_forms.h"
#include "convert/shards.h"
#include "convert/source.h"
#include "cook/run.h"
#include "model/hugging_face.h"
#include "recipe/table_text.h"

namespace cli {
namespace {

constexpr Option kOptions[] = {
    {.names = "--outtype",
     .value = "TYPE",
     .default_value = "auto",
     .help = "a recipe of `quern quantize` or any type; auto keeps the type of the weights",
     .values = kWord},
    {.names = "--policy",
     .value = "ik|llama.cpp",
     .default_value = "ik",
     .help = "whose mixes, fallbacks and order of tensors are followed",
     .values = one_of("ik|llama.cpp|ik_llama.cpp|mainline")},
    {.names = "--mla",
     .value = "kv_b|split|both",
     .default_value = "split",
     .help = "which tensors latent attention gets; split is read by both public programs",
     .values = one_of()},
    {.names = "--imatrix",
     .value = "FILE",
     .help = "importance data, GGUF or .dat",
     .values = kImportanceFile},
    {.names = "--ignore-imatrix-rules",
     .help = "make types and recipes that need importance data without it"},
    {.names = "--custom-q",
     .value = "REGEX=TYPE,...",
     .help = "types by name; the first matching rule wins",
     .repeats = true,
     .values = kRules},
    {.names = "--pure", .help = "the default type for every tensor, no mix"},
    {.names = "--output-tensor-type",
     .value = "TYPE",
     .help = "type of output.weight",
     .values = kType},
    {.names = "--token-embedding-type",
     .value = "TYPE",
     .help = "type of token_embd.weight",
     .values = kType},
    {.names = "--requantize-packed",
     .help = "give MXFP4 weights of the original the chosen type too; they are kept otherwise"},
    {.names = "--effort",
     .value = "fast|best",
     .default_value = "best",
     .help = "how hard encoders search",
     .values = one_of()},
    {.names = "--split-max-size",
     .value = "SIZE",
     .help = "write several files, none with more than this (500M, 20G)",
     .values = kSize},
    {.names = "--name",
     .value = "TEXT",
     .help = "general.name; the folder's name otherwise",
     .values = kText},
    {.names = "--pre",
     .value = "NAME",
     .help = "tokenizer.ggml.pre; recognised by the tokenizer's expressions otherwise",
     .values = kWord},
    {.names = "--override-kv",
     .value = "KEY=TYPE:VALUE",
     .help = "change metadata; TYPE is int, float, bool or str",
     .repeats = true,
     .values = form("KEY=TYPE:VALUE")},
    {.names = "--cache",
     .value = "DIR",
     .help = "take encoded tensors from this folder and keep them there",
     .values = kFolder},
    {.names = "--cache-max",
     .value = "SIZE",
     .default_value = "100G",
     .help = "what the cache may hold after the run",
     .values = kSize},
    {.names = "--resume",
     .help = "keep encoded tensors beside the output until it is whole, and go on with them"},
    {.names = "-t, --threads",
     .value = "N",
     .help = "threads [physical cores]",
     .values = integers(1, 4096)},
    {.names = "--dry-run", .help = "decide everything, print it, write nothing"},
    {.names = "--list", .help = "print the kinds of models that can be converted"},
};

base::Error usage(std::string message) {
  return base::Error(base::Fault::bad_usage, std::move(message));
}

int list_architectures() {
  fmt::print("{:<14} {}\n", "architecture", "classes of config.json");
  for (const model::Architecture* a : model::all_architectures()) {
    if (a->hugging_face == nullptr) continue;
    fmt::print("{:<14} {}\n", a->name, fmt::join(a->hugging_face->classes, ", "));
  }
  return 0;
}

model::MlaForm mla_form(const Args& args) {
  constexpr std::pair<std::string_view, model::MlaForm> kForms[] = {
      {"kv_b", model::MlaForm::kv_b},
      {"split", model::MlaForm::split},
      {"both", model::MlaForm::both}};
  const std::string word = args.str("mla");
  for (const auto& [name, form] : kForms) {
    if (word == name) return form;
  }
  throw usage("bad value for --mla").at("found", word).expected("kv_b, split or both");
}

/// The type in which most weights of the folder are; packed ones count as bf16.
std::string type_of_weights(const convert::HfSource& source) {
  std::uint64_t bf16 = 0, f16 = 0, f32 = 0;
  for (const convert::OutTensor& t : source.plan().tensors) {
    if (t.shape.n_dims() < 2) continue;
    const std::string_view stored = t.stored == nullptr ? "bf16" : t.stored->name;
    (stored == "f16" ? f16 : stored == "f32" ? f32 : bf16) += t.shape.elements();
  }
  return f32 > std::max(bf16, f16) ? "F32" : f16 > bf16 ? "F16" : "BF16";
}

/// A recipe, or a type for all tensors that may be quantized.
void set_types(const Args& args, const std::string& word, recipe::Options& options) {
  for (const std::string& list : args.list("custom-q")) {
    for (recipe::CustomRule& rule : recipe::parse_custom_rules("--custom-q", list)) {
      options.custom_rules.push_back(std::move(rule));
    }
  }
  options.policy = policy_of(args);
  options.recipe = recipe::equal_ignoring_case(word, "COPY")
                       ? nullptr
                       : recipe::recipe_for_word(options.policy, word);
  options.pure = args.flag("pure");
  if (options.recipe == nullptr) {
    refuse_other_policy(options.policy, word, "add --policy");
    const recipe::TypeFacts& type = recipe::type_for_option("--outtype", word);
    options.recipe = recipe_of_type(type);
    if (options.recipe == nullptr) {
      throw usage(fmt::format("no file can be mostly {}", type.name))
          .hint("--custom-q gives single tensors this type");
    }
    options.custom_rules.push_back({.layers = {},
                                    .pattern = recipe::Pattern(".*"),
                                    .type = &type,
                                    .text = "--outtype " + word});
  }
  for (const recipe::RoleOption& role : recipe::role_options()) {
    if (role.role != "output" && role.role != "token_embd") continue;
    if (!args.given(role.option)) continue;
    options.role_types.push_back(
        {role.role,
         &recipe::type_for_option(fmt::format("--{}", role.option), args.str(role.option))});
  }
}

quant::Effort effort(const Args& args) {
  const std::string word = args.str("effort");
  if (word != "fast" && word != "best") {
    throw usage("bad value for --effort").at("found", word).expected("fast or best");
  }
  return word == "fast" ? quant::Effort::fast : quant::Effort::best;
}

/// Everything the command was asked to do; `importance` owns what the request refers to.
struct Job {
  std::unique_ptr<const calibrate::Importance> importance;
  cook::Request request;
};

Job make_job(const Args& args, const convert::HfSource& source, const std::string& type) {
  Job job;
  cook::Request& request = job.request;
  request.output = args.positionals()[1];
  set_types(args, type, request.recipe);
  request.recipe.keep_quantized = !args.flag("requantize-packed");
  request.recipe.allow_requantize = true;
  request.effort = effort(args);
  request.dry_run = args.flag("dry-run");
  request.ignore_importance_rules = args.flag("ignore-imatrix-rules");
  request.overrides = overrides_of(args);
  if (args.given("imatrix")) {
    auto importance =
        std::make_unique<calibrate::Importance>(calibrate::load_importance(args.str("imatrix")));
    print_findings(importance->findings);
    request.importance_keys = cook::ImportanceKeys{
        .file = args.str("imatrix"),
        .dataset = importance->datasets.empty() ? "" : importance->datasets.front(),
        .n_entries = importance->entries.size(),
        .n_chunks = importance->chunk_count};
    job.importance = std::move(importance);
    request.importance = job.importance.get();
    request.recipe.have_importance = !job.importance->entries.empty();
  }
  print_findings(source.plan().findings);
  return job;
}

void print_plan(const cook::Plan& plan) {
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    for (const std::string& line : cook::tensor_lines(plan.jobs[i], i, plan.jobs.size())) {
      fmt::print(stderr, "{}\n", line);
    }
  }
  for (const cook::OutputPlan& output : plan.outputs) {
    fmt::print("{}: {} tensors, {} bytes\n", output.path.string(), output.jobs.size(),
               output.file_bytes);
  }
}

void carry_out(const Args& args, const convert::HfSource& source, cook::Plan& plan,
               const std::string& output) {
  const ReadyOutputs ready = ready_outputs("OUT.gguf", source, plan);
  const auto threads = args.given("threads") ? args.integer("threads", 1, 4096) : 0;
  warn_small_cache(args, plan);
  const RunCache cache(args, output);
  cook::RunResult result;
  if (!ready.made_earlier) {
    Session session(args, static_cast<std::size_t>(threads));
    result = cook::run_plan(source, plan, session.runtime(), cache.get());
    session.progress().clear();
  }
  cache.finish(result, plan.n_encoded);
  print_findings(result.findings);
  for (const cook::OutputPlan& out : plan.outputs) fmt::print("{}\n", out.path.string());
  fmt::print(stderr, "{} tensors, {} file(s), {} bytes\n", plan.jobs.size(), result.files_written,
             result.bytes_written);
}

int run(const Args& args) {
  if (args.flag("list")) return list_architectures();
  if (args.positionals().size() != 2) {
    throw usage("convert needs a folder and an output").expected("HF_DIR OUT.gguf");
  }
  const std::string& output = args.positionals()[1];
  check_output(output, {args.str("imatrix")});
  const auto source = convert::open_hf_source(
      args.positionals()[0],
      {.plan = {.mla = mla_form(args)}, .name = args.str("name"), .pre = args.str("pre")});
  const std::string word = args.str("outtype");
  const std::string type = word == "auto" ? type_of_weights(*source) : word;
  Job job = make_job(args, *source, type);
  cook::Plan plan = cook::make_plan(*source, job.request);
  if (args.given("split-max-size")) {
    const auto shards =
        convert::plan_shards(plan, parse_size("--split-max-size", args.str("split-max-size")));
    source->set_shards(shards.of_tensor, shards.count);
    job.request.keep_split = shards.count > 1;
    plan = cook::make_plan(*source, job.request);
  }
  print_findings(plan.findings);
  if (args.flag("dry-run")) {
    print_plan(plan);
    warn_small_cache(args, plan);
  } else {
    fmt::print(stderr, "converting '{}' ({}) to '{}' as {}\n", args.positionals()[0],
               source->plan().architecture->name, output, type);
    carry_out(args, *source, plan, output);
  }
  return 0;
}

}  // namespace

const Command convert_command{
    .name = "convert",
    .summary = "make a GGUF file of a Hugging Face folder",
    .usage = "[options] HF_DIR OUT.gguf",
    .details =
        "HF_DIR holds config.json, safetensors files (F32, F16, BF16, FP8 with block scales, "
        "MXFP4) "
        "and a tokenizer.\nThe weights go straight into the final type; memory stays far below the "
        "size of the model. The file appears under its name only when it is whole.",
    .options = kOptions,
    .min_positionals = 0,
    .max_positionals = 2,
    .run = run,
    .kept = kept_by_cache};

}  // namespace cli
