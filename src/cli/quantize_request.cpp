#include "cli/quantize_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "base/nearest.h"
#include "base/printable.h"
#include "cli/encoder_cache.h"
#include "cli/files.h"
#include "cli/type_words.h"
#include "cli/value_forms.h"
#include "cook/pruned_source.h"
#include "recipe/table_text.h"

namespace cli {
namespace {

using recipe::Policy;

base::Error usage(std::string message) {
  return base::Error(base::Fault::bad_usage, std::move(message));
}

std::vector<std::string_view> type_names(Policy policy) {
  std::vector<std::string_view> out{"COPY"};
  for (const recipe::Recipe& r : recipe::all_recipes(policy)) {
    out.insert(out.end(), r.cli.begin(), r.cli.end());
  }
  return out;
}

/// What a word of the command line seems to be, so that mixed up words can be told.
bool is_gguf_file(const std::string& word) { return kind_of_file(word) == FileKind::gguf; }

/// A format that is no TYPE word: what it is, and how to get it. Returns for all other words.
void refuse_format(const std::string& word) {
  if (recipe::type_by_name(word) == nullptr) return;
  const recipe::TypeFacts& type = recipe::type_for_option("TYPE", word);
  for (const Policy policy : {Policy::ik, Policy::mainline}) {
    for (const recipe::Recipe& r : recipe::all_recipes(policy)) {
      if (r.default_type != &type || r.cli.empty()) continue;
      throw usage(fmt::format("{} is a format, not a TYPE", type.name))
          .hint(fmt::format("its TYPE is {}, with --policy {}", r.cli.front(),
                            recipe::policy_name(policy)));
    }
  }
  throw usage(fmt::format("{} is a format without a TYPE of its own", type.name))
      .hint(fmt::format("give it by rules, beside any TYPE: --custom-q '.*={}'", type.name));
}

[[noreturn]] void refuse_type(Policy policy, const std::string& word) {
  const std::vector<std::string_view> names = type_names(policy);
  refuse_other_policy(policy, word, "add --policy");
  refuse_format(word);
  base::Error error = usage(fmt::format("unknown type {}", base::printable(word)));
  const std::string guess = base::did_you_mean(word, names);
  const bool file = word.ends_with(".gguf");
  error.hint(file ? "the order is INPUT OUTPUT TYPE"
                  : guess + (guess.empty() ? "" : " ") + "`quern types` tells about types");
  throw error;
}

/// `quantize OUT IN TYPE`, or a misspelt IN while OUT is there from an earlier run.
void check_order(const std::vector<std::string>& words) {
  if (words[0].empty() || kind_of_file(words[0]) != FileKind::missing || !is_gguf_file(words[1])) {
    return;
  }
  const std::string guess = similar_name(words[0]);
  throw base::Error(base::Fault::io, "no such file")
      .at("file", base::printable(words[0], 1000))
      .at("for", "INPUT")
      .at("OUTPUT", base::printable(words[1], 1000) + ", which is there")
      .hint(fmt::format("{}{}the order is INPUT OUTPUT TYPE", guess, guess.empty() ? "" : " "));
}

void check_input(const std::string& path) {
  try {
    check_model_file("INPUT", path);
  } catch (base::Error& e) {
    const FileKind kind = kind_of_file(path);
    if (kind == FileKind::importance_gguf || kind == FileKind::importance_dat) {
      e.hint("give it with --imatrix, and the model as INPUT");
    }
    throw;
  }
}

std::string read_rules(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw base::Error(base::Fault::io, "cannot read rules").at("file", path);
  return std::move(text).str();
}

/// The rules of a line without its comment: the whole line, or its words.
std::vector<std::string> rule_pieces(const std::string& line, bool whole) {
  const std::string text(recipe::rule_line(line));
  std::vector<std::string> out;
  if (whole) {
    if (!text.empty()) out.push_back(text);
    return out;
  }
  std::istringstream in(text);
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

/// Calls `parse` for every rule of a file; its errors name the file and the line.
template <class Parse>
void each_rule(const std::string& path, bool whole_lines, Parse parse) {
  if (is_gguf_file(path) || kind_of_file(path) == FileKind::importance_gguf) {
    throw base::Error(base::Fault::bad_input, "a model or importance file in place of rules")
        .at("file", path)
        .expected("lines of text, EXPRESSION=TYPE");
  }
  std::istringstream in(read_rules(path));
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    try {
      for (const std::string& rule : rule_pieces(line, whole_lines)) parse(rule);
    } catch (base::Error& e) {
      e.at("file", path).at("line", number);
      throw;
    }
  }
}

void append(std::vector<recipe::CustomRule>& rules, std::vector<recipe::CustomRule> more) {
  for (recipe::CustomRule& rule : more) rules.push_back(std::move(rule));
}

std::vector<recipe::CustomRule> custom_rules(const Args& args) {
  std::vector<recipe::CustomRule> rules;
  for (const std::string& list : args.list("custom-q")) {
    append(rules, recipe::parse_custom_rules("--custom-q", list));
  }
  for (const std::string& path : args.list("custom-q-file")) {
    each_rule(path, true, [&](const std::string& line) {
      append(rules, recipe::parse_custom_rules("--custom-q-file", line));
    });
  }
  for (const std::string& rule : args.list("tensor-type")) {
    rules.push_back(recipe::parse_tensor_type("--tensor-type", rule));
  }
  for (const std::string& path : args.list("tensor-type-file")) {
    each_rule(path, false, [&](const std::string& rule) {
      rules.push_back(recipe::parse_tensor_type("--tensor-type-file", rule));
    });
  }
  return rules;
}

std::vector<recipe::RoleType> role_types(const Args& args, Policy policy) {
  std::vector<recipe::RoleType> types;
  for (const recipe::RoleOption& option : recipe::role_options()) {
    if (!args.given(option.option)) continue;
    const std::string spelled = fmt::format("--{}", option.option);
    if (option.ik_only && policy == Policy::mainline) {
      throw usage(spelled + " belongs to the ik policy")
          .hint("--tensor-type NAME=TYPE does it here");
    }
    types.push_back({option.role, &recipe::type_for_option(spelled, args.str(option.option))});
  }
  return types;
}

std::vector<recipe::Pattern> repack_patterns(const Args& args) {
  std::vector<recipe::Pattern> patterns;
  for (const std::string& list : args.list("repack-pattern")) {
    for (const std::string_view piece : recipe::split(list, ',')) {
      if (piece.empty() || piece.find_first_of(" \t") != std::string_view::npos) {
        throw usage("--repack-pattern: empty or with white space")
            .at("found", fmt::format("'{}'", piece));
      }
      try {
        patterns.emplace_back(std::string(piece));
      } catch (base::Error& e) {
        e.at("option", "--repack-pattern").expected("a regular expression");
        throw;
      }
    }
  }
  return patterns;
}

recipe::Run run_of(const Args& args, const std::string& type_word) {
  if (args.flag("repack") && args.flag("unpack")) throw usage("--repack and --unpack together");
  if (args.flag("repack")) return recipe::Run::repack;
  if (args.flag("unpack")) return recipe::Run::unpack;
  return type_word == "COPY" ? recipe::Run::copy : recipe::Run::quantize;
}

bool contains_any(const std::string& name, const std::vector<std::string>& pieces) {
  return std::any_of(pieces.begin(), pieces.end(),
                     [&](const std::string& piece) { return recipe::contains(name, piece); });
}

/// Loads the file, applies the filters, describes it for the metadata.
void load_importance(const Args& args, QuantizeArguments& out) {
  const std::vector<std::string> include = args.list("include-weights");
  const std::vector<std::string> exclude = args.list("exclude-weights");
  if (!args.given("imatrix")) return;
  const std::string file = args.str("imatrix");
  auto importance = std::make_unique<calibrate::Importance>(calibrate::load_importance(file));
  std::erase_if(importance->entries, [&](const auto& entry) {
    return (!include.empty() && !contains_any(entry.first, include)) ||
           contains_any(entry.first, exclude);
  });
  if (importance->entries.empty()) {
    fmt::print(stderr,
               "warning: --include-weights and --exclude-weights leave nothing of the importance "
               "data\n");
    return;
  }
  out.request.importance_keys = cook::ImportanceKeys{
      .file = file,
      .dataset = importance->datasets.empty() ? "" : importance->datasets.front(),
      .n_entries = importance->entries.size(),
      .n_chunks = importance->chunk_count,
      .hidden = args.flag("hide-imatrix")};
  out.importance = std::move(importance);
  out.request.importance = out.importance.get();
  out.request.recipe.have_importance = true;
}

std::optional<gguf::SplitRule> split_rule(const Args& args) {
  const bool by_size = args.given("split-max-size");
  const bool by_count = args.given("split-max-tensors");
  if (!by_size && !by_count) return std::nullopt;
  if (by_size && by_count) throw usage("give either --split-max-tensors or --split-max-size");
  if (args.flag("keep-split")) throw usage("--keep-split and new shards together");
  gguf::SplitRule rule;
  if (by_size) {
    rule.max_bytes = parse_shard_size(args.str("split-max-size"));
  } else {
    rule.max_tensors = static_cast<std::size_t>(args.integer("split-max-tensors", 1, 1 << 30));
  }
  return rule;
}

std::size_t thread_count(const std::string& word) {
  std::int64_t threads = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), threads);
  const bool whole = code == std::errc() && end == word.data() + word.size();
  if (!whole || threads < 1 || threads > 4096) {
    base::Error error = usage("not a number of threads").at("found", base::printable(word));
    error.expected("1 to 4096; without it all cores work");
    if (word.ends_with(".gguf")) error.hint("the order is INPUT OUTPUT TYPE [THREADS]");
    throw error;
  }
  return static_cast<std::size_t>(threads);
}

/// INPUT [OUTPUT] TYPE [NTHREADS].
void place_words(const Args& args, QuantizeArguments& out) {
  const std::vector<std::string>& words = args.positionals();
  const Policy policy = out.request.recipe.policy;
  out.input = words[0];
  std::size_t at = 1;
  out.type_word = canonical_recipe(policy, words[at]);
  const bool has_output = out.type_word.empty() && words.size() > 2;
  if (has_output) out.type_word = canonical_recipe(policy, words[++at]);
  if (out.type_word.empty()) {
    refuse_type(policy, words[at]);
  }
  if (has_output) check_order(words);
  if (has_output) {
    out.request.output = words[1];
  } else {
    out.request.output =
        out.input.parent_path() /
        fmt::format("ggml-model-{}{}", out.type_word, args.flag("keep-split") ? "" : ".gguf");
  }
  if (args.given("threads")) out.n_threads = thread_count(args.str("threads"));
  if (++at >= words.size()) return;
  if (at + 1 != words.size()) {
    base::Error error = usage("too many words").at("found", base::printable(words.back()));
    if (words[at].ends_with(".gguf")) error.hint("the order is INPUT OUTPUT TYPE [THREADS]");
    throw error;
  }
  if (args.given("threads")) throw usage("the number of threads is given twice");
  out.n_threads = thread_count(words[at]);
}

}  // namespace

QuantizeArguments parse_quantize(const Args& args) {
  QuantizeArguments out;
  cook::Request& request = out.request;
  request.recipe.policy = policy_of(args);
  place_words(args, out);
  request.recipe.run = run_of(args, out.type_word);
  request.recipe.recipe = out.type_word == "COPY"
                              ? recipe::recipe_by_symbol(request.recipe.policy, "F32")
                              : recipe::recipe_for_word(request.recipe.policy, out.type_word);
  request.recipe.pure = args.flag("pure");
  request.recipe.leave_output_tensor = args.flag("leave-output-tensor");
  request.recipe.allow_requantize = args.flag("allow-requantize");
  request.recipe.role_types = role_types(args, request.recipe.policy);
  request.recipe.custom_rules = custom_rules(args);
  request.recipe.repack_patterns = repack_patterns(args);
  if (args.given("repack-pattern") && !args.flag("repack") && !args.flag("unpack")) {
    throw usage("--repack-pattern without --repack or --unpack")
        .hint("with --repack nothing is quantized: it rewrites tensors of their types");
  }
  out.allow_broken = args.flag("allow-broken");
  request.check_copies = !out.allow_broken;
  if (args.given("memory")) out.memory = parse_size("--memory", args.str("memory"));
  request.keep_split = args.flag("keep-split");
  request.split = split_rule(args);
  request.symmetric_q4_0 = args.flag("symmetric-q40");
  if (args.given("prune-layers")) {
    out.pruned_layers = cook::parse_layers("--prune-layers", args.str("prune-layers"));
  }
  request.partial = args.flag("partial-requant");
  request.dry_run = args.flag("dry-run");
  request.ignore_importance_rules = args.flag("ignore-imatrix-rules");
  const std::string effort = args.str("effort");
  if (effort != "fast" && effort != "best") {
    throw usage("bad value for --effort").at("found", effort).expected("fast or best");
  }
  request.effort = effort == "fast" ? quant::Effort::fast : quant::Effort::best;
  request.overrides = overrides_of(args);
  if (args.given("include-weights") && args.given("exclude-weights")) {
    throw usage("--include-weights and --exclude-weights exclude each other");
  }
  check_input(args.positionals()[0]);
  load_importance(args, out);
  return out;
}

}  // namespace cli
