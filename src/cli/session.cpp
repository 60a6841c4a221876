#include "cli/session.h"

#include <fmt/format.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "cli/interrupt.h"

namespace cli {
namespace {

const kernels::KernelTable& choose_kernels(const std::string& name) {
  if (name == "auto" || name.empty()) return kernels::best_table();
  const kernels::KernelTable* table = kernels::find_table(name);
  if (table == nullptr) {
    std::string known = "auto";
    for (const kernels::KernelTable* t : kernels::all_tables())
      known += fmt::format(", {}", t->name);
    throw base::Error(base::Fault::bad_usage, "unknown kernels").at("found", name).expected(known);
  }
  if (!table->supported()) {
    throw base::Error(base::Fault::unsupported, "this processor cannot run these kernels")
        .at("kernels", name)
        .at("needs", table->needs)
        .hint("--kernels auto picks the best that it can");
  }
  return *table;
}

std::size_t thread_count(const Args& args) {
  if (!args.given("threads") || args.integer("threads") < 0) return physical_cores();
  return static_cast<std::size_t>(args.integer("threads"));
}

/// Lines "key : value" of /proc/cpuinfo, one set a processor.
std::string processor_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) {
      const std::size_t at = line.find(": ");
      if (at != std::string::npos) return line.substr(at + 2);
    }
  }
  return "unknown processor";
}

}  // namespace

std::size_t physical_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  std::set<std::pair<std::string, std::string>> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string topology = fmt::format("/sys/devices/system/cpu/cpu{}/topology/", cpu);
    std::string core = std::to_string(cpu);
    std::string package;
    std::ifstream(topology + "core_id") >> core;
    std::ifstream(topology + "physical_package_id") >> package;
    cores.emplace(package, core);
  }
  return std::max<std::size_t>(1, cores.size());
}

Session::Session(const Args& args) : Session(args, thread_count(args)) {}

Session::Session(const Args& args, std::size_t n_threads)
    : team_(n_threads == 0 ? physical_cores() : n_threads),
      runtime_{.team = team_,
               .kernels = choose_kernels(args.str("kernels")),
               .progress = progress_,
               .stop = interrupt_flag()} {}

std::string Session::machine() const {
  return fmt::format("{}, {} thread{}, kernels {}", processor_name(), team_.size(),
                     team_.size() == 1 ? "" : "s", runtime_.kernels.name);
}

namespace {

template <class T>
T choice(const Args& args, std::string_view key,
         std::initializer_list<std::pair<std::string_view, T>> values) {
  const std::string text = args.str(key);
  std::string names;
  for (const auto& [name, value] : values) {
    if (text == name) return value;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  }
  throw base::Error(base::Fault::bad_usage, fmt::format("bad value for --{}", key))
      .at("found", text)
      .expected(names);
}

runtime::MlaMode mla_mode(const Args& args) {
  using runtime::MlaMode;
  // -mla 0 computes expanded attention, 1 absorbed, 2 and 3 both by batch size
  // (docs/spec/models.md 3.3).
  return choice<MlaMode>(args, "mla",
                         {{"auto", MlaMode::automatic},
                          {"expanded", MlaMode::expanded},
                          {"absorbed", MlaMode::absorbed},
                          {"0", MlaMode::expanded},
                          {"1", MlaMode::absorbed},
                          {"2", MlaMode::automatic},
                          {"3", MlaMode::automatic}});
}

}  // namespace

runtime::EvaluateOptions evaluate_options(const Args& args) {
  using kernels::CacheType;
  runtime::EvaluateOptions options;
  if (!args.str("loop").empty()) {  // absent in commands that generate
    options.loop = choice<runtime::Loop>(
        args, "loop", {{"token", runtime::Loop::token}, {"layer", runtime::Loop::layer}});
  }
  options.mla = mla_mode(args);
  options.batch_tokens = static_cast<std::size_t>(args.integer("ubatch-size"));
  options.cache = choice<CacheType>(
      args, "cache-type-k",
      {{"f32", CacheType::f32}, {"f16", CacheType::f16}, {"bf16", CacheType::bf16}});
  return options;
}

model::Rules rules(const Args& args) {
  return choice<model::Rules>(args, "rules",
                              {{"original", model::Rules::original},
                               {"ik", model::Rules::ik},
                               {"llama.cpp", model::Rules::llama_cpp}});
}

std::string required(const Args& args, std::string_view key) {
  if (!args.given(key)) {
    throw base::Error(base::Fault::bad_usage, fmt::format("--{} must be given", key))
        .hint(fmt::format("see `{} --help`", args.program()));
  }
  return args.str(key);
}

namespace {
[[noreturn]] void refuse_output(const std::string& output, const std::string& input) {
  throw base::Error(base::Fault::bad_usage, "the output would replace an input")
      .at("output", output)
      .at("input", input)
      .hint("give another name for the output");
}
}  // namespace

void check_one_given(const Args& args, std::string_view first, std::string_view second) {
  if (args.given(first) != args.given(second)) return;
  throw base::Error(base::Fault::bad_usage,
                    args.given(first)
                        ? fmt::format("--{} and --{} exclude each other: give one", first, second)
                        : fmt::format("neither --{} nor --{} is given", first, second))
      .hint(fmt::format("see `{} --help`", args.program()));
}

void check_output(const std::string& output, std::initializer_list<std::string> inputs) {
  if (output.empty()) throw base::Error(base::Fault::bad_usage, "the output has an empty name");
  for (const std::string& input : inputs) {
    std::error_code absent;
    if (!input.empty() && std::filesystem::equivalent(output, input, absent)) {
      refuse_output(output, input);
    }
  }
}

void check_output(const std::string& output, const gguf::FileSet& files) {
  for (const gguf::File& shard : files.shards()) check_output(output, {shard.path().string()});
}

void warn_beyond_training(const runtime::Model& model, std::size_t window) {
  if (window <= model.spec().n_ctx_train) return;
  fmt::print(stderr,
             "warning: {} tokens at once, but the model was trained for {}; expect worse results\n",
             window, model.spec().n_ctx_train);
}

void print_findings(const base::Findings& findings) {
  for (const base::Finding& f : findings) {
    const std::string_view level = f.level == base::Finding::Level::note      ? "note"
                                   : f.level == base::Finding::Level::warning ? "warning"
                                                                              : "error";
    fmt::print(stderr, "{}: {}: {}\n", level, f.where, f.text);
  }
}

}  // namespace cli
