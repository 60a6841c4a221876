// quern survey: one model in several types, with and without importance, each measured against the
// original; a table and a page.
#include "report/survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/digest.h"
#include "base/file_lock.h"
#include "base/output_file.h"
#include "base/printable.h"
#include "calibrate/collect.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/encoder_cache.h"
#include "cli/files.h"
#include "cli/importance_room.h"
#include "cli/session.h"
#include "cli/staged_progress.h"
#include "cli/survey_folder.h"
#include "cli/survey_state.h"
#include "cli/survey_targets.h"
#include "cli/text_table.h"
#include "cook/run.h"
#include "eval/base_run.h"
#include "eval/divergence.h"

namespace cli {
namespace {

constexpr auto kOptions = join(
    join(join(kModelOptions, kTextOptions), kComputeOptions),
    std::array<Option, 6>{{
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
         .help = "types and recipes to try, separated by commas",
         .values = form("names of types and recipes between commas")},
        {.names = "-o, --output",
         .value = "DIR",
         .default_value = "survey",
         .help = "folder for the files, the importance matrix and the page",
         .values = kFolder},
        {.names = "--keep", .help = "keep the quantized files and the logits of the original"},
        {.names = "--no-resume", .help = "begin anew: forget the rows that DIR/survey.json holds"},
    }});

// Rough costs, in seconds on two cores for the small model, so that the bar moves evenly.
constexpr double kCollectCost = 5, kBaseCost = 3, kMeasureCost = 3, kEncodeCost = 1.5;

/// The quantized file in work, which goes with the object unless it was kept.
class WorkFile {
 public:
  explicit WorkFile(std::filesystem::path path) : path_(std::move(path)) {}
  WorkFile(const WorkFile&) = delete;
  WorkFile& operator=(const WorkFile&) = delete;
  ~WorkFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  const std::filesystem::path& path() const noexcept { return path_; }
  void keep_as(const std::filesystem::path& name) const { std::filesystem::rename(path_, name); }

 private:
  std::filesystem::path path_;
};

std::string hash_of(std::initializer_list<std::span<const std::byte>> pieces) {
  base::Digest digest(base::DigestKind::xxh64);
  for (const auto piece : pieces) digest.update(piece);
  return base::hex(digest.finish());
}

std::string hash_of_file(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return "";
  const tensor::Mapping file(path);
  return hash_of({file.bytes()});
}

/// Of the weights only the ends of every tensor are read; the header, which has sizes and types,
/// whole.
std::string hash_of_model(const runtime::Model& model) {
  constexpr std::size_t kEnd = 4096;
  base::Digest digest(base::DigestKind::xxh64);
  for (const gguf::File& shard : model.files().shards()) {
    digest.update(shard.bytes().first(shard.data_start()));
  }
  for (const gguf::TensorInfo& t : model.files().tensors()) {
    const auto bytes = model.files().bytes(t);
    digest.update(bytes.first(std::min(kEnd, bytes.size())));
    digest.update(bytes.last(std::min(kEnd, bytes.size())));
  }
  return base::hex(digest.finish());
}

/// Everything that the numbers depend on: model, texts, options, the program itself.
SurveyInputs inputs_of(const Args& args, const runtime::Model& model, const std::string& text,
                       const std::string& calibration, std::string_view kernels) {
  SurveyInputs out{{"model", hash_of_model(model)},
                   {"text", hash_of({std::as_bytes(std::span(text))})},
                   {"calibration", hash_of({std::as_bytes(std::span(calibration))})},
                   {"program", encoder_version()},
                   {"kernels", std::string(kernels)}};
  for (const std::string_view key : {"ctx-size", "chunks", "calibration-chunks", "ubatch-size",
                                     "mla", "rules", "cache-type-k", "loop"}) {
    out.emplace(key, args.str(key));
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
        targets_(survey_targets(args.str("types"))),
        folder_(args.str("output")),
        staged_(session_.progress(), "survey",
                kCollectCost + kBaseCost +
                    static_cast<double>(targets_.size()) * (kMeasureCost + kEncodeCost)),
        runtime_{.team = session_.runtime().team,
                 .kernels = session_.runtime().kernels,
                 .progress = staged_,
                 .stop = session_.runtime().stop} {}

  int run() {
    base::Findings findings;
    const bool escapes = !args_.flag("no-escape");
    const std::string text = eval::load_corpus(required(args_, "file"), escapes, &findings);
    const std::string calibration =
        eval::load_corpus(required(args_, "calibration"), escapes, &findings);
    print_findings(findings);
    warn_beyond_training(model_, static_cast<std::size_t>(args_.integer("ctx-size")));
    const eval::Windows evaluated = windows(text, "chunks");
    const eval::Windows collected = windows(calibration, "calibration-chunks");
    prepare_folder("--output", folder_.path().string());
    std::filesystem::create_directory(folder_.path());
    const auto lock = base::FileLock::inside(folder_.path());
    folder_.refuse_foreign();
    open_state(inputs_of(args_, model_, text, calibration, runtime_.kernels.name));
    const WorkFile left_by_a_killed_run(folder_.work());
    for (const auto& path :
         {folder_.base(), folder_.importance(), folder_.page(), folder_.state(), folder_.work()}) {
      prepare_output("--output", path.string());
    }
    describe();
    try {
      measure_all(evaluated, collected);
    } catch (base::Error& e) {
      tell_kept(e);
      throw;
    }
    if (!args_.flag("keep")) std::filesystem::remove(folder_.base());
    survey_.command = command();
    const std::string html = report::survey_page(survey_);
    base::write_file(folder_.page(), std::as_bytes(std::span(html)));
    session_.progress().clear();
    fmt::print("\npage: {}\n", std::filesystem::absolute(folder_.page()).string());
    return 0;
  }

 private:
  /// Takes the rows of earlier runs, and marks the folder as that of a survey.
  void open_state(SurveyInputs inputs) {
    const bool anew = args_.flag("no-resume") && folder_.has_survey();
    if (args_.flag("no-resume")) {
      state_ = SurveyState::anew(folder_.state(), std::move(inputs));
    } else {
      state_.emplace(folder_.state(), std::move(inputs));
    }
    print_findings(state_->findings());
    if (args_.flag("keep") && !anew) {
      std::vector<std::filesystem::path> kept;
      for (const SurveyTarget& t : targets_) {
        if (!is_measured(t)) kept.push_back(folder_.kept(t.word, t.importance));
      }
      folder_.refuse_existing(kept);
    }
    if (!folder_.has_survey()) state_->save();
  }

  bool is_measured(const SurveyTarget& target) const {
    return state_->find(target.word, target.importance) != nullptr;
  }

  void measure_all(const eval::Windows& evaluated, const eval::Windows& collected) {
    const bool have_importance = !state_->importance_hash().empty() &&
                                 hash_of_file(folder_.importance()) == state_->importance_hash();
    const auto n_done = static_cast<std::size_t>(
        std::count_if(targets_.begin(), targets_.end(),
                      [this](const SurveyTarget& t) { return is_measured(t); }));
    const bool all_done = n_done == targets_.size() && state_->original();
    const bool have_base = all_done || has_base();
    if (n_done > 0) {
      fmt::print("{} of {} rows are known from {} (--no-resume measures them again)\n", n_done,
                 targets_.size(), folder_.state().string());
    }
    require_room(have_importance, have_base, evaluated, collected);
    staged_.leave_out((have_importance ? kCollectCost : 0) + (have_base ? kBaseCost : 0) +
                      static_cast<double>(n_done) * (kMeasureCost + kEncodeCost));
    if (!have_importance && !state_->importance_hash().empty()) {
      folder_.refuse_existing({folder_.importance()});  // put there since
    }
    if (!have_importance) collect(collected);
    importance_ = calibrate::load_importance(folder_.importance());
    session_.progress().clear();
    fmt::print("importance matrix: {} entries from {} of {} tokens, {}\n",
               importance_.entries.size(), counted(collected.n_windows, "chunk"), collected.window,
               folder_.importance().string());
    std::fflush(stdout);
    if (!have_base) measure_original(evaluated);
    survey_.original_perplexity = state_->original()->perplexity;
    survey_.n_windows = evaluated.n_windows;
    survey_.n_calibration_windows = collected.n_windows;
    survey_.window = evaluated.window;
    const bool narrow = columns(120) < 117;
    fmt::print("{}", report::survey_table_header(survey_, narrow));
    std::fflush(stdout);
    for (const auto& [name, row] : state_->rows()) {
      if (!is_target(row)) show(row, narrow);
    }
    for (const SurveyTarget& target : targets_) {
      if (!is_measured(target)) state_->add(measure(target));
      show(*state_->find(target.word, target.importance), narrow);
    }
  }

  /// False for rows of an earlier run with other --types: the table and the page have them too.
  bool is_target(const report::SurveyRow& row) const {
    return std::any_of(targets_.begin(), targets_.end(), [&](const SurveyTarget& t) {
      return t.word == row.type && t.importance == row.with_importance;
    });
  }

  void show(const report::SurveyRow& row, bool narrow) {
    survey_.rows.push_back(row);
    session_.progress().clear();
    fmt::print("{}", report::survey_table_line(row, narrow));
    std::fflush(stdout);
  }

  /// The logits of the original, from an earlier run that did not end.
  bool has_base() const {
    std::error_code absent;
    return state_->original() &&
           std::filesystem::file_size(folder_.base(), absent) == state_->original()->base_bytes &&
           !absent;
  }

  /// What an interrupted or failed run has left for the next.
  void tell_kept(base::Error& e) const {
    const auto n_done = std::count_if(targets_.begin(), targets_.end(),
                                      [this](const SurveyTarget& t) { return is_measured(t); });
    std::string kept = fmt::format("{} of {} rows", n_done, targets_.size());
    if (!state_->importance_hash().empty()) kept += ", the importance matrix";
    if (has_base()) {
      kept += fmt::format(", logits of the original ({})",
                          bytes_text(std::filesystem::file_size(folder_.base())));
    }
    e.at("kept", fmt::format("{}, in {}", kept, folder_.path().string()));
  }

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
    fmt::print("{}: {}, {:.2f} MB\n{}\n", survey_.model, survey_.model_summary,
               static_cast<double>(survey_.original_bytes) / 1e6, survey_.machine);
  }

  /// That makes this table in one go: the rows of earlier runs are of other --types.
  std::string command() const {
    std::string types;
    for (const report::SurveyRow& row : survey_.rows) {
      const std::string word = fmt::format(",{},", row.type);
      if (fmt::format(",{},", types).find(word) == std::string::npos) {
        types += (types.empty() ? "" : ",") + row.type;
      }
    }
    constexpr std::string_view kNot[] = {"types", "no-resume", "output"};
    std::string out = "quern survey" + given_options(kOptions, args_, kNot);
    const auto is_types = [](const Option& o) { return key_of(o) == "types"; };
    if (types != std::ranges::find_if(kOptions, is_types)->default_value) {
      out += " --types " + shell_word(types);
    }
    if (args_.given("output")) out += " -o " + shell_word(args_.str("output"));
    return out;
  }

  eval::Windows windows(const std::string& text, std::string_view limit_key) const {
    const std::int64_t limit = args_.integer(limit_key);
    return eval::cut_windows(model_.tokenizer(), text,
                             static_cast<std::size_t>(args_.integer("ctx-size")), 0,
                             limit > 0 ? static_cast<std::size_t>(limit) : 0);
  }

  void collect(const eval::Windows& w) {
    staged_.begin("importance matrix", kCollectCost);
    const calibrate::CollectOptions options = collect_options();
    const auto result = calibrate::collect(model_, w, options, {}, runtime_);
    calibrate::save_importance(result.importance, folder_.importance(), calibrate::Dialect::gguf);
    std::error_code ignored;
    std::filesystem::remove(options.checkpoint, ignored);
    const std::string hash = hash_of_file(folder_.importance());
    // Rows that another matrix has made tell nothing about this one.
    if (!state_->importance_hash().empty() && state_->importance_hash() != hash) state_->clear();
    state_->set_importance(hash);
  }

  void measure_original(const eval::Windows& w) {
    staged_.begin("original", kBaseCost);
    const eval::PerplexitySums sums =
        eval::write_base_file(model_, w, evaluate_options(args_), folder_.base(), {}, runtime_);
    state_->set_original({.perplexity = {sums.perplexity(), sums.error()},
                          .base_bytes = std::filesystem::file_size(folder_.base())});
    session_.progress().clear();
  }

  /// For the matrix, the logits of the original, and the quantized files: all of them where they
  /// are kept, else one at a time. Throws Fault::io.
  void require_room(bool have_importance, bool have_base, const eval::Windows& evaluated,
                    const eval::Windows& collected) const {
    std::size_t room = 0;
    if (!have_importance) {
      room += importance_room(model_.spec(), collected, collect_options(),
                              {.output = folder_.importance()});
    }
    if (!have_base) {
      room += eval::base_file_bytes(evaluated.n_windows, evaluated.window, model_.spec().n_vocab);
    }
    const auto source = cook::open_gguf_source(args_.str("model"));
    std::size_t most = 0, all = 0;
    for (const SurveyTarget& target : targets_) {
      if (is_measured(target)) continue;
      cook::Request request = request_for(target, folder_.work());
      request.recipe.have_importance = false;  // changes no size, and there may be no matrix yet
      const std::size_t bytes = cook::make_plan(*source, request).file_bytes;
      most = std::max(most, bytes);
      all += bytes;
    }
    base::require_room(folder_.work(), room + (args_.flag("keep") ? all : most));
  }

  calibrate::CollectOptions collect_options() const {
    return {.evaluate = evaluate_options(args_),
            .perplexity = false,
            .save_every = 10,
            .checkpoint = folder_.checkpoint(),
            .resume = !args_.flag("no-resume"),
            .dataset = args_.str("calibration")};
  }

  /// Of a type, without importance data.
  static cook::Request request_for(const SurveyTarget& target, const std::filesystem::path& file) {
    cook::Request request;
    request.recipe.recipe = target.recipe;
    request.recipe.pure = target.pure;
    // Embedding and output see no importance and are few: 8 bits, as is the custom, so that the
    // rows compare what the type does to the layers.
    if (target.pure && quant::find_codec(target.recipe->default_type->name)->bpw() < 8.5) {
      for (const std::string_view role : {"token_embd", "output"}) {
        request.recipe.role_types.push_back({role, recipe::type_by_name("q8_0")});
      }
    }
    request.output = file;
    request.ignore_importance_rules = true;
    return request;
  }

  report::SurveyRow measure(const SurveyTarget& target) {
    const WorkFile file(folder_.work());
    staged_.begin(fmt::format("{}{}: encode", target.word, target.importance ? " with matrix" : ""),
                  kEncodeCost);
    report::SurveyRow row{.type = target.word, .with_importance = target.importance};
    const auto start = std::chrono::steady_clock::now();
    encode(target, file.path());
    row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    staged_.begin(
        fmt::format("{}{}: measure", target.word, target.importance ? " with matrix" : ""),
        kMeasureCost);
    fill(row, file.path());
    if (args_.flag("keep")) file.keep_as(folder_.kept(target.word, target.importance));
    return row;
  }

  void encode(const SurveyTarget& target, const std::filesystem::path& file) {
    const auto source = cook::open_gguf_source(args_.str("model"));
    cook::Request request = request_for(target, file);
    request.recipe.have_importance = target.importance;
    if (target.importance) {
      request.importance = &importance_;
      request.importance_keys = cook::ImportanceKeys{.file = "imatrix.gguf",
                                                     .dataset = survey_.calibration,
                                                     .n_entries = importance_.entries.size(),
                                                     .n_chunks = importance_.chunk_count};
    }
    QuietLog quiet(staged_);
    runtime::Runtime runtime{.team = runtime_.team,
                             .kernels = runtime_.kernels,
                             .progress = quiet,
                             .stop = runtime_.stop};
    cook::run_plan(*source, cook::make_plan(*source, request), runtime);
  }

  void fill(report::SurveyRow& row, const std::filesystem::path& file) {
    const runtime::Model quantized = runtime::Model::open(file, rules(args_));
    std::uint64_t weights = 0;
    std::uint64_t bytes = 0;
    for (const gguf::TensorInfo& t : quantized.files().tensors()) {
      weights += t.shape.elements();
      bytes += t.size;
    }
    row.file_bytes = std::filesystem::file_size(file);
    row.bits_per_weight = 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
    const eval::BaseFile base = eval::BaseFile::open(folder_.base());
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
  std::vector<SurveyTarget> targets_;
  SurveyFolder folder_;
  StagedProgress staged_;
  runtime::Runtime runtime_;
  calibrate::Importance importance_;
  report::Survey survey_;
  std::optional<SurveyState> state_;
};

int run(const Args& args) {
  const runtime::Model model = runtime::Model::open(required(args, "model"), rules(args));
  print_findings(model.findings());
  return Surveyor(args, model).run();
}

}  // namespace

const Command survey_command{
    .name = "survey",
    .summary = "quantize a model into several types and measure each against the original",
    .usage = "-m MODEL -f TEXT --calibration TEXT [options]",
    .details =
        "All layers get the type (as quantize --pure), token_embd and output q8_0; a recipe "
        "(Q4_K_M) decides for each tensor, as quantize has it.\n"
        "Writes DIR/imatrix.gguf and DIR/index.html, a page that needs nothing else, and keeps "
        "finished rows in DIR/survey.json: an interrupted run goes on with the same command, and "
        "a later one with more --types measures only those. A folder with rows of another model, "
        "text or option is refused; rows of another build of this program are measured anew. Files "
        "that "
        "no survey made are never replaced.",
    .options = kOptions,
    .run = run,
    .kept = [](const Args&) { return Kept{.what = "nothing yet"}; }};
}  // namespace cli
