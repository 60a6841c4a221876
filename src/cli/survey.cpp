// quern survey: one model in several types, with and without importance, each measured against the
// original; a table and a page.
#include "report/survey.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/output_file.h"
#include "calibrate/collect.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/staged_progress.h"
#include "cook/run.h"
#include "eval/base_run.h"
#include "eval/divergence.h"

namespace cli {
namespace {

constexpr auto kOptions = join(
    join(join(kModelOptions, kTextOptions), kComputeOptions),
    std::array<Option, 5>{{
        {.names = "--calibration",
         .value = "FILE",
         .help = "text for the importance matrix",
         .values = kFile},
        {.names = "--calibration-chunks",
         .value = "N",
         .default_value = "-1",
         .help = "at most N chunks of it; -1 = all",
         .values = integers_or(-1, 1, kManyItems)},
        {.names = "--types",
         .value = "LIST",
         .default_value = "f16,q8_0,q6_K,q5_K,q4_K,iq4_ks,iq4_xs,q3_K,iq3_s,iq3_kt,q2_K,iq2_xxs",
         .help = "types to try, separated by commas",
         .values = form("names of types between commas")},
        {.names = "-o, --output",
         .value = "DIR",
         .default_value = "survey",
         .help = "folder for the files, the importance matrix and the page",
         .values = kFolder},
        {.names = "--keep", .help = "keep the quantized files"},
    }});

// Rough costs, in seconds on two cores for the small model, so that the bar moves evenly.
constexpr double kCollectCost = 5, kBaseCost = 3, kMeasureCost = 3, kEncodeCost = 1.5;

struct Target {
  std::string word;
  const recipe::Recipe* recipe = nullptr;
  bool importance = false;
};

std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at <= list.size()) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    if (end > at) out.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

/// Every type once without and once with importance; plain floats once.
std::vector<Target> targets(const std::string& list) {
  std::vector<Target> out;
  for (const std::string& word : split_list(list)) {
    const recipe::Recipe* r = recipe::recipe_for_word(recipe::Policy::ik, word);
    const quant::Codec* codec = r == nullptr ? nullptr : quant::find_codec(r->default_type->name);
    if (codec == nullptr || codec->encode == nullptr) {
      throw base::Error(base::Fault::bad_usage, "unknown type in --types")
          .at("found", word)
          .hint("see `quern types`");
    }
    out.push_back({word, r, false});
    if (!codec->is_float()) out.push_back({word, r, true});
  }
  return out;
}

/// The work of one survey, stage by stage.
class Surveyor {
 public:
  Surveyor(const Args& args, const runtime::Model& model)
      : args_(args),
        model_(model),
        session_(args),
        targets_(targets(args.str("types"))),
        dir_(args.str("output")),
        staged_(session_.progress(), "survey",
                kCollectCost + kBaseCost +
                    static_cast<double>(targets_.size()) * (kMeasureCost + kEncodeCost)),
        runtime_{.team = session_.runtime().team,
                 .kernels = session_.runtime().kernels,
                 .progress = staged_,
                 .stop = session_.runtime().stop} {}

  int run() {
    std::filesystem::create_directories(dir_);
    base::Findings findings;
    const bool escapes = !args_.flag("no-escape");
    const std::string text = eval::load_corpus(required(args_, "file"), escapes, &findings);
    const std::string calibration =
        eval::load_corpus(required(args_, "calibration"), escapes, &findings);
    print_findings(findings);
    describe();
    collect(calibration);
    measure_original(text);
    fmt::print("{}", report::survey_table_header(survey_));
    std::fflush(stdout);
    for (const Target& target : targets_) {
      survey_.rows.push_back(measure(target));
      session_.progress().clear();
      fmt::print("{}", report::survey_table_line(survey_.rows.back()));
      std::fflush(stdout);
    }
    std::filesystem::remove(base_path());
    const auto page = dir_ / "index.html";
    const std::string html = report::survey_page(survey_);
    base::write_file(page, std::as_bytes(std::span(html)));
    session_.progress().clear();
    fmt::print("\npage: {}\n", std::filesystem::absolute(page).string());
    return 0;
  }

 private:
  std::filesystem::path base_path() const { return dir_ / "original.logits"; }

  void describe() {
    std::uint64_t weights = 0;
    for (const gguf::TensorInfo& t : model_.files().tensors()) weights += t.shape.elements();
    for (const gguf::File& shard : model_.files().shards()) {
      survey_.original_bytes += shard.bytes().size();
    }
    const std::filesystem::path path = args_.str("model");
    survey_.model = path.filename().string();
    survey_.model_summary = fmt::format("{}, {:.1f} M weights", model_.spec().architecture,
                                        static_cast<double>(weights) / 1e6);
    survey_.text = std::filesystem::path(args_.str("file")).filename().string();
    survey_.calibration = std::filesystem::path(args_.str("calibration")).filename().string();
    survey_.machine = session_.machine();
    survey_.command =
        fmt::format("quern survey -m {} -f {} --calibration {} --types {}", args_.str("model"),
                    args_.str("file"), args_.str("calibration"), args_.str("types"));
    fmt::print("{}: {}, {:.2f} MB\n{}\n", survey_.model, survey_.model_summary,
               static_cast<double>(survey_.original_bytes) / 1e6, survey_.machine);
  }

  eval::Windows windows(const std::string& text, std::string_view limit_key) const {
    const std::int64_t limit = args_.integer(limit_key);
    return eval::cut_windows(model_.tokenizer(), text,
                             static_cast<std::size_t>(args_.integer("ctx-size")), 0,
                             limit > 0 ? static_cast<std::size_t>(limit) : 0);
  }

  void collect(const std::string& text) {
    staged_.begin("importance matrix", kCollectCost);
    const eval::Windows w = windows(text, "calibration-chunks");
    const calibrate::CollectOptions options{.evaluate = evaluate_options(args_),
                                            .perplexity = false,
                                            .save_every = w.n_windows,
                                            .resume = false,
                                            .dataset = args_.str("calibration")};
    importance_ = calibrate::collect(model_, w, options, {}, runtime_).importance;
    const auto path = dir_ / "imatrix.gguf";
    calibrate::save_importance(importance_, path, calibrate::Dialect::gguf);
    session_.progress().clear();
    fmt::print("importance matrix: {} entries from {} chunks of {} tokens, {}\n",
               importance_.entries.size(), w.n_windows, w.window, path.string());
  }

  void measure_original(const std::string& text) {
    staged_.begin("original", kBaseCost);
    const eval::Windows w = windows(text, "chunks");
    const eval::PerplexitySums sums =
        eval::write_base_file(model_, w, evaluate_options(args_), base_path(), {}, runtime_);
    survey_.original_perplexity = {sums.perplexity(), sums.error()};
    survey_.n_windows = w.n_windows;
    survey_.window = w.window;
    session_.progress().clear();
  }

  report::SurveyRow measure(const Target& target) {
    const std::string name =
        fmt::format("{}{}.gguf", target.word, target.importance ? "-importance" : "");
    const std::filesystem::path file = dir_ / name;
    staged_.begin(fmt::format("{}{}: encode", target.word, target.importance ? " with matrix" : ""),
                  kEncodeCost);
    report::SurveyRow row{.type = target.word, .with_importance = target.importance};
    const auto start = std::chrono::steady_clock::now();
    encode(target, file);
    row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    staged_.begin(
        fmt::format("{}{}: measure", target.word, target.importance ? " with matrix" : ""),
        kMeasureCost);
    fill(row, file);
    if (!args_.flag("keep")) std::filesystem::remove(file);
    return row;
  }

  void encode(const Target& target, const std::filesystem::path& file) {
    const auto source = cook::open_gguf_source(args_.str("model"));
    cook::Request request;
    request.recipe.recipe = target.recipe;
    request.recipe.pure = true;
    // Embedding and output see no importance and are few: 8 bits, as is the custom, so that the
    // rows compare what the type does to the layers.
    if (quant::find_codec(target.recipe->default_type->name)->bpw() < 8.5) {
      for (const std::string_view role : {"token_embd", "output"}) {
        request.recipe.role_types.push_back({role, recipe::type_by_name("q8_0")});
      }
    }
    request.recipe.have_importance = target.importance;
    request.output = file;
    request.ignore_importance_rules = true;
    if (target.importance) {
      request.importance = &importance_;
      request.importance_keys = cook::ImportanceKeys{.file = "imatrix.gguf",
                                                     .dataset = survey_.calibration,
                                                     .n_entries = importance_.entries.size(),
                                                     .n_chunks = importance_.chunk_count};
    }
    QuietLog quiet(staged_);
    cook::run_plan(*source, cook::make_plan(*source, request), runtime_.team, quiet, runtime_.stop);
  }

  void fill(report::SurveyRow& row, const std::filesystem::path& file) {
    const runtime::Model quantized = runtime::Model::open(file);
    std::uint64_t weights = 0;
    std::uint64_t bytes = 0;
    for (const gguf::TensorInfo& t : quantized.files().tensors()) {
      weights += t.shape.elements();
      bytes += t.size;
    }
    row.file_bytes = std::filesystem::file_size(file);
    row.bits_per_weight = 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
    const eval::BaseFile base = eval::BaseFile::open(base_path());
    const eval::Divergence d =
        eval::measure_divergence(quantized, base, evaluate_options(args_), {}, runtime_);
    row.perplexity = d.perplexity();
    row.kld = d.mean_kld();
    row.kld_99 = d.kld_quantile(0.99);
    row.same_top = d.same_top();
  }

  /// Passes progress on and drops the lines a tensor that `quantize` prints.
  class QuietLog final : public base::Progress {
   public:
    explicit QuietLog(base::Progress& to) : to_(to) {}
    void update(std::string_view what, std::uint64_t done, std::uint64_t total,
                std::string_view unit, std::string_view detail) override {
      to_.update(what, done, total, unit, detail);
    }
    void log(std::string_view) override {}

   private:
    base::Progress& to_;
  };

  const Args& args_;
  const runtime::Model& model_;
  Session session_;
  std::vector<Target> targets_;
  std::filesystem::path dir_;
  StagedProgress staged_;
  runtime::Runtime runtime_;
  calibrate::Importance importance_;
  report::Survey survey_;
};

int run(const Args& args) {
  const runtime::Model model = runtime::Model::open(required(args, "model"));
  print_findings(model.findings());
  return Surveyor(args, model).run();
}

}  // namespace

const Command survey_command{
    .name = "survey",
    .summary = "quantize a model into several types and measure each against the original",
    .usage = "-m MODEL -f TEXT --calibration TEXT [options]",
    .details =
        "All layers get the type (as quantize --pure), token_embd and output q8_0.\n"
        "Writes DIR/imatrix.gguf and DIR/index.html, a page that needs nothing else.",
    .options = kOptions,
    .run = run};
}  // namespace cli
