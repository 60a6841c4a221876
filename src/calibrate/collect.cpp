#include "calibrate/collect.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

#include "calibrate/checkpoint.h"

namespace calibrate {
namespace {

/// Hash over the ends and the middle of every tensor: another model of the same shape is noticed
/// without reading all of it.
std::uint64_t sample_hash(std::span<const std::byte> bytes,
                          const std::vector<gguf::TensorInfo>& tensors) {
  constexpr std::size_t kPiece = 1024;
  std::uint64_t hash = 0;
  for (const gguf::TensorInfo& t : tensors) {
    const std::size_t n = std::min(kPiece, t.size);
    for (const std::size_t at : {std::size_t{0}, (t.size - n) / 2, t.size - n}) {
      hash = XXH3_64bits_withSeed(bytes.data() + t.offset + at, n, hash);
    }
  }
  return hash;
}

/// Identifies what a saved state belongs to: model file, windows, and every option that changes
/// values. A line each, "name: value".
std::string fingerprint(const runtime::Model& model, const eval::Windows& windows,
                        const CollectOptions& options, const runtime::Runtime& runtime) {
  std::string out = "model:";
  for (const gguf::File& shard : model.files().shards()) {
    const auto bytes = shard.bytes();
    out += fmt::format(" {} {:016x}", bytes.size(), XXH3_64bits(bytes.data(), shard.data_start()));
    out += fmt::format(" {:016x}", sample_hash(bytes, shard.tensors()));
  }
  const runtime::EvaluateOptions& evaluate = options.evaluate;
  out += fmt::format(
      "\ntext or the part of it: {:016x}\nnumber of chunks: {}\n--ctx-size: {}\n--loop: {}\n"
      "--mla: {}\ntype of the cache: {}\n--ubatch-size: {}\n--process-output: {}\n--no-ppl: {}\n"
      "--kernels: {}\n--rules: {}",
      XXH3_64bits(windows.tokens.data(), windows.tokens.size() * sizeof(std::int32_t)),
      windows.n_windows, windows.window, static_cast<int>(evaluate.loop),
      static_cast<int>(evaluate.mla), static_cast<int>(evaluate.cache), evaluate.batch_tokens,
      options.with_output, !options.perplexity, runtime.kernels.name,
      static_cast<int>(model.rules()));
  return out;
}

/// Names of the lines of a fingerprint that are not those of the other one.
std::string differences(std::string_view saved, std::string_view now) {
  std::string out;
  while (!now.empty()) {
    const std::string_view line = now.substr(0, now.find('\n'));
    now.remove_prefix(std::min(now.size(), line.size() + 1));
    const bool same =
        ("\n" + std::string(saved) + "\n").find(fmt::format("\n{}\n", line)) != std::string::npos;
    if (!same) out += (out.empty() ? "" : ", ") + std::string(line.substr(0, line.find(':')));
  }
  return out;
}

/// Chunks between two saves of the token loop. Batches must hold the same chunks whenever the state
/// is saved: their sizes decide bits.
std::size_t save_step(const CollectOptions& options, std::size_t window) {
  const std::size_t together =
      std::max<std::size_t>(1, options.evaluate.batch_tokens / std::max<std::size_t>(1, window));
  return (std::max<std::size_t>(1, options.save_every) + together - 1) / together * together;
}

/// Shows the progress of a group of chunks as part of the whole text.
class PartProgress final : public base::Progress {
 public:
  PartProgress(base::Progress& to, std::size_t before, std::size_t group, std::size_t all)
      : to_(to), before_(before), group_(group), all_(all) {}
  void update(std::string_view, std::uint64_t done, std::uint64_t total, std::string_view,
              std::string_view detail) override {
    if (total > 0) to_.update("imatrix", before_ + done * group_ / total, all_, "chunks", detail);
  }
  void log(std::string_view line) override { to_.log(line); }

 private:
  base::Progress& to_;
  std::size_t before_, group_, all_;
};

/// One run: the collector, the sums of perplexity, the saved state.
class Run {
 public:
  Run(const runtime::Model& model, const eval::Windows& windows, const CollectOptions& options,
      const CollectEvents& events, runtime::Runtime& runtime)
      : model_(model),
        windows_(windows),
        options_(options),
        events_(events),
        runtime_(runtime),
        evaluate_(options.evaluate),
        collector_(model.spec(), options.with_output) {
    state_.fingerprint = fingerprint(model, windows, options, runtime);
  }

  Collected finish() {
    resume();
    if (options_.evaluate.loop == runtime::Loop::token) {
      token_loop();
    } else {
      layer_loop();
    }
    drop_hidden();
    return {
        .importance = so_far(windows_.n_windows), .perplexity = sums_, .resumed_chunks = resumed_};
  }

 private:
  void resume() {
    if (options_.checkpoint.empty()) return;
    if (!options_.resume) {
      std::error_code ignored;
      std::filesystem::remove(options_.checkpoint, ignored);  // it would name what goes now
      drop_hidden();
      return;
    }
    const auto saved = load_checkpoint(options_.checkpoint);
    if (!saved) return drop_hidden();
    // Until this run saves its own state, what the checkpoint names stays.
    drop_hidden(saved->layers_done);
    if (saved->fingerprint != state_.fingerprint) {
      const std::string differs = differences(saved->fingerprint, state_.fingerprint);
      if (options_.keep_others) {
        throw base::Error(base::Fault::bad_input, "a saved state of another run is there")
            .at("file", options_.checkpoint.string())
            .at("differs", differs)
            .hint("--no-resume begins anew and drops it; another output leaves it");
      }
      return begin_again(fmt::format("belongs to another run ({} differ)", differs));
    }
    if (saved->layers_done > 0 && !std::filesystem::exists(hidden_path(saved->layers_done))) {
      return begin_again("has lost its hidden states");
    }
    tell_kept();
    state_ = *saved;
    collector_.restore(state_.entries);
    sums_ = {.n = state_.n, .sum = state_.nll_sum, .sum_of_squares = state_.nll_sum_of_squares};
    resumed_ = state_.chunks_done;
    runtime_.progress.log(
        options_.evaluate.loop == runtime::Loop::token
            ? fmt::format("resuming after chunk {} of {}", state_.chunks_done, windows_.n_windows)
            : fmt::format("resuming after layer {} of {}", state_.layers_done,
                          model_.spec().n_layer));
  }

  void tell_kept() const {
    if (events_.state_kept) events_.state_kept();
  }

  void begin_again(std::string_view why) {
    runtime_.progress.log(
        fmt::format("note: {} {}; beginning again", options_.checkpoint.string(), why));
  }

  void token_loop() {
    const std::size_t step = save_step(options_, windows_.window);
    while (state_.chunks_done < windows_.n_windows) {
      const std::size_t begin = state_.chunks_done;
      const std::size_t end = std::min(windows_.n_windows, begin + step);
      run_group(begin, end);
      state_.chunks_done = end;
      if (end < windows_.n_windows) save(end);
    }
  }

  /// Hidden states that enter a layer stand beside the checkpoint until a later one is safe.
  std::filesystem::path hidden_path(std::int64_t layers_done) const {
    return fmt::format("{}.hidden-{}", options_.checkpoint.string(), layers_done);
  }

  /// Removes the hidden states of this run and of all that were killed, but for those that enter
  /// layer `kept`. Only one run at a time has this checkpoint.
  void drop_hidden(std::int64_t kept = 0) const {
    if (options_.checkpoint.empty()) return;
    const std::filesystem::path folder = options_.checkpoint.parent_path();
    const std::string front = options_.checkpoint.filename().string() + ".hidden-";
    std::vector<std::filesystem::path> found;
    std::error_code ignored;
    for (std::filesystem::directory_iterator i(folder.empty() ? "." : folder, ignored), end;
         !ignored && i != end; i.increment(ignored)) {
      const std::string name = i->path().filename().string();
      if (!name.starts_with(front)) continue;
      const std::string_view number = std::string_view(name).substr(front.size());
      const bool is_number =
          !number.empty() && number.find_first_not_of("0123456789") == std::string_view::npos;
      if (is_number && number != std::to_string(kept)) found.push_back(i->path());
    }
    for (const std::filesystem::path& path : found) std::filesystem::remove(path, ignored);
  }

  void layer_loop() {
    evaluate_.layers_done = static_cast<int>(state_.layers_done);
    evaluate_.hidden = hidden_path(state_.layers_done);
    if (!options_.checkpoint.empty()) {
      evaluate_.after_layer = [this](int layers_done, const runtime::SaveHidden& save_hidden) {
        save_hidden(hidden_path(layers_done));
        state_.layers_done = layers_done;
        state_.entries = collector_.entries();
        save_checkpoint(state_, options_.checkpoint);
        tell_kept();
        drop_hidden(layers_done);
      };
    }
    run_group(0, windows_.n_windows);
    state_.chunks_done = windows_.n_windows;
  }

  /// Windows [begin, end) through the whole model.
  void run_group(std::size_t begin, std::size_t end) {
    const eval::Windows group{
        .tokens = {windows_.of(begin).data(),
                   windows_.of(begin).data() + (end - begin) * windows_.window},
        .window = windows_.window,
        .n_windows = end - begin};
    PartProgress progress(runtime_.progress, begin, end - begin, windows_.n_windows);
    runtime::Runtime part{.team = runtime_.team,
                          .kernels = runtime_.kernels,
                          .progress = progress,
                          .stop = runtime_.stop,
                          .memory_budget = runtime_.memory_budget,
                          .seed = runtime_.seed};
    runtime::Observer* const observers[] = {&collector_};
    if (!options_.perplexity) {
      const std::size_t first_output = options_.with_output ? 0 : windows_.window;
      const auto chunks = eval::to_chunks(group, model_.tokenizer(), first_output);
      const auto ignore = [](std::size_t, std::size_t, const runtime::Rows&) {};
      runtime::evaluate(model_, chunks, evaluate_, observers, ignore, part);
      return;
    }
    eval::run_windows(
        model_, group, evaluate_, observers,
        [&](std::size_t window, const runtime::Rows& logits) {
          for (const double nll : eval::score_window(group.of(window), logits, part))
            sums_.add(nll);
          if (events_.after_window) events_.after_window(begin + window, sums_);
        },
        part, options_.with_output ? eval::Logits::all : eval::Logits::scored);
  }

  Importance so_far(std::size_t chunks) const {
    return {.entries = collector_.entries(),
            .datasets = {options_.dataset},
            .chunk_count = static_cast<std::uint32_t>(chunks),
            .chunk_size = static_cast<std::uint32_t>(windows_.window),
            .findings = {}};
  }

  void save(std::size_t chunks) {
    state_.entries = collector_.entries();
    state_.n = sums_.n;
    state_.nll_sum = sums_.sum;
    state_.nll_sum_of_squares = sums_.sum_of_squares;
    if (!options_.checkpoint.empty()) {
      save_checkpoint(state_, options_.checkpoint);
      tell_kept();
      drop_hidden();
    }
    if (events_.after_save) events_.after_save(so_far(chunks));
  }

  const runtime::Model& model_;
  const eval::Windows& windows_;
  const CollectOptions& options_;
  const CollectEvents& events_;
  runtime::Runtime& runtime_;
  runtime::EvaluateOptions evaluate_;
  Collector collector_;
  Checkpoint state_;
  eval::PerplexitySums sums_;
  std::size_t resumed_ = 0;
};

}  // namespace

std::size_t count_saves(const model::ModelSpec& spec, const eval::Windows& windows,
                        const CollectOptions& options) {
  if (options.checkpoint.empty() || windows.n_windows == 0) return 0;
  if (options.evaluate.loop == runtime::Loop::layer) return spec.n_layer - 1;
  return (windows.n_windows - 1) / save_step(options, windows.window);
}

Collected collect(const runtime::Model& model, const eval::Windows& windows,
                  const CollectOptions& options, const CollectEvents& events,
                  runtime::Runtime& runtime) {
  return Run(model, windows, options, events, runtime).finish();
}

}  // namespace calibrate
