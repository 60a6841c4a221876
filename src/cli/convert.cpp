// quern convert: a Hugging Face folder as a GGUF file of any type.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/nearest.h"
#include "base/printable.h"
#include "cli/commands.h"
#include "cli/encoder_cache.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/output_plan.h"
#include "cli/session.h"
#include "cli/text_table.h"
#include "cli/type_words.h"
#include "cli/value_forms.h"
#include "convert/shards.h"
#include "convert/source.h"
#include "cook/run.h"
#include "model/hugging_face.h"
#include "recipe/table_text.h"
#include "text/pretokenize/families.h"
#include "text/utf8.h"

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
     .default_value = "-1",
     .help = "threads; -1 = one for each physical core",
     .values = integers_or(-1, 1, 4096)},
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

/// tokenizer.ggml.pre that no program knows would make the file unreadable.
void check_pre(const Args& args) {
  if (!args.given("pre")) return;
  const std::string name = args.str("pre");
  const std::vector<text::NamedFamily> families = text::all_families();
  std::vector<std::string_view> names;
  for (const text::NamedFamily& family : families) {
    names.insert(names.end(), family.names.begin(), family.names.end());
  }
  if (std::ranges::find(names, name) != names.end()) return;
  throw usage("--pre: no way of cutting text has this name")
      .at("found", base::printable(name))
      .expected(fmt::format("one of {}", fmt::join(names, ", ")))
      .hint(base::did_you_mean(name, names));
}

/// Strings of a GGUF file are UTF-8.
void check_name(const std::string& name) {
  if (text::first_bad_byte(name) == std::string::npos) return;
  throw usage("--name is no UTF-8").at("found", base::printable(name));
}

void warn_idle_mla(const Args& args, const convert::HfSource& source) {
  using model::HfChange;
  if (!args.given("mla")) return;
  const auto is_latent = [](const convert::OutTensor& t) {
    return t.change == HfChange::mla_whole || t.change == HfChange::mla_keys ||
           t.change == HfChange::mla_values;
  };
  if (std::ranges::any_of(source.plan().tensors, is_latent)) return;
  fmt::print(stderr, "warning: --mla changes nothing: {} has no latent attention\n",
             source.plan().architecture->name);
}

/// What is packed in the original stays so, whatever type was asked for.
void note_packed(const Args& args, const cook::Plan& plan) {
  if (args.flag("requantize-packed") || args.str("outtype") == "auto") return;
  const auto n = std::ranges::count_if(plan.jobs, [](const cook::Job& job) {
    return job.action == recipe::Action::copy && !job.from->is_float();
  });
  if (n == 0) return;
  fmt::print(stderr,
             "note: {} tensors stay MXFP4, as in the original; --requantize-packed gives them "
             "{} too\n",
             n, args.str("outtype"));
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
  options.rules_with_floats = true;
  options.policy = policy_of(args);
  options.recipe = recipe::equal_ignoring_case(word, "COPY")
                       ? nullptr
                       : recipe::recipe_for_word(options.policy, word);
  options.pure = args.flag("pure");
  // A recipe of a type that is made no more.
  if (options.recipe != nullptr && options.recipe->default_type->use == recipe::Use::obsolete) {
    static_cast<void>(recipe::type_for_option("--outtype", options.recipe->default_type->name));
  }
  if (options.recipe == nullptr) {
    refuse_other_policy(options.policy, word, "add --policy");
    if (recipe::type_by_name(word) == nullptr) {
      throw usage("--outtype: unknown type")
          .at("found", base::printable(word))
          .hint(hint_for_type(options.policy, word));
    }
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
  convert::check_overrides(source, request.overrides);
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
  warn_small_cache(args, plan);
  const RunCache cache(args, output);
  cook::RunResult result;
  if (!ready.made_earlier) {
    Session session(args);
    result = cook::run_plan(source, plan, session.runtime(), cache.get());
    session.progress().clear();
  }
  cache.finish(result, plan.n_encoded);
  print_findings(result.findings);
  for (const cook::OutputPlan& out : plan.outputs) fmt::print("{}\n", out.path.string());
  fmt::print(stderr, "{} tensors, {} file(s), {} bytes\n", plan.jobs.size(), result.files_written,
             result.bytes_written);
}

std::uint64_t shard_limit(const Args& args) {
  const std::uint64_t limit = parse_size("--split-max-size", args.str("split-max-size"));
  if (limit > 0) return limit;
  throw usage("bad value for --split-max-size").at("found", limit).expected("more than 0");
}

void warn_large_tensors(const cook::Plan& plan, std::uint64_t limit) {
  const auto is_large = [&](const cook::Job& job) { return job.bytes > limit; };
  const auto n = std::ranges::count_if(plan.jobs, is_large);
  if (n == 0) return;
  const cook::Job& first = *std::ranges::find_if(plan.jobs, is_large);
  fmt::print(stderr,
             "warning: {} tensors are larger than --split-max-size, the first {} with {}: they "
             "get files of their own\n",
             n, first.name, bytes_text(first.bytes));
}

/// Files of an earlier run with another number of files, which this one does not replace.
void note_other_set(const cook::Plan& plan, const std::string& output) {
  const std::filesystem::path prefix = cook::split_prefix(output);
  const std::filesystem::path folder = prefix.has_parent_path() ? prefix.parent_path() : ".";
  std::error_code ignored;
  std::vector<std::string> left;
  for (std::filesystem::directory_iterator at(folder, ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    const std::filesystem::path& file = at->path();
    const bool of_model =
        cook::split_prefix(file) == folder / prefix.filename() && file.extension() == ".gguf";
    const bool written = std::ranges::any_of(plan.outputs, [&](const cook::OutputPlan& out) {
      return out.path.filename() == file.filename();
    });
    if (of_model && !written) left.push_back(base::printable(file.filename().string(), 1000));
  }
  if (left.empty()) return;
  std::ranges::sort(left);
  const std::string which =
      left.size() == 1 ? left.front()
                       : fmt::format("{} files, {} to {},", left.size(), left.front(), left.back());
  fmt::print(stderr, "note: {} of an earlier run {} there; no part of this model\n", which,
             left.size() == 1 ? "stays" : "stay");
}

int run(const Args& args) {
  if (args.flag("list")) return list_architectures();
  if (args.positionals().size() != 2) {
    throw usage("convert needs a folder and an output").expected("HF_DIR OUT.gguf");
  }
  check_pre(args);
  check_name(args.str("name"));
  const std::uint64_t limit = args.given("split-max-size") ? shard_limit(args) : 0;
  const std::string& output = args.positionals()[1];
  check_output(output, {args.str("imatrix")});
  const auto source = convert::open_hf_source(
      args.positionals()[0],
      {.plan = {.mla = mla_form(args)}, .name = args.str("name"), .pre = args.str("pre")});
  const std::string word = args.str("outtype");
  const std::string type = word == "auto" ? type_of_weights(*source) : word;
  Job job = make_job(args, *source, type);
  cook::Plan plan = cook::make_plan(*source, job.request);
  warn_idle_mla(args, *source);
  note_packed(args, plan);
  if (limit > 0) {
    warn_large_tensors(plan, limit);
    const auto shards = convert::plan_shards(plan, limit);
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
    note_other_set(plan, output);
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
