#include "runtime/evaluate.h"

#include <algorithm>
#include <future>

#include "runtime/hidden_store.h"
#include "runtime/layer.h"

namespace runtime {
namespace {

/// Batches that run one after the other over one fresh cache: a long chunk in pieces, or several
/// short chunks as sequences of one batch. Sequence s is chunk first_chunk + s.
struct Unit {
  std::size_t first_chunk = 0, n_chunks = 0;
  std::vector<Batch> batches;
};

void add_tokens(Batch& batch, const Chunk& chunk, SequenceId sequence, std::size_t first,
                std::size_t n) {
  batch.add({.sequence = sequence, .first = batch.size(), .n = n, .position = first});
  for (std::size_t i = first; i < first + n; ++i) {
    batch.ids.push_back(chunk.tokens[i]);
    batch.wanted.push_back(i >= chunk.first_output ? 1 : 0);
  }
}

std::vector<Unit> plan_units(std::span<const Chunk> chunks, std::size_t batch_tokens) {
  std::vector<Unit> units;
  for (std::size_t c = 0; c < chunks.size(); ++c) {
    const Chunk& chunk = chunks[c];
    const std::size_t n = chunk.tokens.size();
    if (n == 0) continue;
    const bool joins = !units.empty() && units.back().batches.size() == 1 &&
                       units.back().first_chunk + units.back().n_chunks == c &&
                       units.back().batches[0].size() + n <= batch_tokens;
    if (!joins) units.push_back({.first_chunk = c, .n_chunks = 0, .batches = {}});
    Unit& unit = units.back();
    const auto sequence = static_cast<SequenceId>(unit.n_chunks++);
    if (joins) {
      add_tokens(unit.batches[0], chunk, sequence, 0, n);
      continue;
    }
    for (std::size_t first = 0; first < n; first += batch_tokens) {
      add_tokens(unit.batches.emplace_back(), chunk, sequence, first,
                 std::min(batch_tokens, n - first));
    }
  }
  return units;
}

/// Which forms of the MLA weights these batches use.
MlaForms forms_needed(std::span<const Unit> units, MlaMode mode) {
  if (mode != MlaMode::automatic) {
    return {.expanded = mode == MlaMode::expanded, .absorbed = mode == MlaMode::absorbed};
  }
  MlaForms forms{.expanded = false, .absorbed = false};
  for (const Unit& unit : units) {
    for (const Batch& batch : unit.batches) {
      (batch.size() >= kExpandedTokens ? forms.expanded : forms.absorbed) = true;
    }
  }
  return forms;
}

class Evaluation {
 public:
  Evaluation(const Model& model, std::span<const Chunk> chunks, const EvaluateOptions& options,
             std::span<Observer* const> observers, const LogitSink& sink, Runtime& runtime)
      : model_(model),
        spec_(model.spec()),
        chunks_(chunks),
        options_(options),
        observers_(observers),
        sink_(sink),
        runtime_(runtime),
        units_(plan_units(chunks, std::max<std::size_t>(1, options.batch_tokens))),
        forms_(forms_needed(units_, options.mla)),
        ends_(LayerWeights::load(model, -1)) {
    for (const Chunk& c : chunks) context_ = std::max(context_, c.tokens.size());
    for (const Unit& unit : units_) {
      first_row_.push_back(n_rows_);
      for (const Batch& batch : unit.batches) n_rows_ += batch.size();
    }
  }

  void run() {
    if (units_.empty()) return;
    options_.loop == Loop::token ? token_loop() : layer_loop();
  }

 private:
  Pass pass(int layer, const LayerWeights& weights, const Batch& batch, KvCache& cache,
            std::size_t slot) {
    return {.spec = spec_,
            .layer = layer,
            .weights = weights,
            .ends = ends_,
            .batch = batch,
            .cache = cache,
            .cache_slot = slot,
            .context = context_,
            .mla = options_.mla,
            .observers = observers_,
            .runtime = runtime_,
            .work = work_};
  }

  static void extend(KvCache& cache, const Batch& batch) {
    for (const TokenRun& run : batch.runs) cache.extend(run.sequence, run.n);
  }

  void report(std::size_t done, std::size_t total, std::string_view unit,
              std::string_view detail) const {
    runtime_.stop.check();
    runtime_.progress.update("evaluate", done, total, unit, detail);
  }

  void token_loop() {
    std::vector<LayerWeights> layers;
    std::vector<CacheRow> rows;
    for (std::uint32_t l = 0; l < spec_.n_layer; ++l) {
      layers.push_back(LayerWeights::load(model_, static_cast<int>(l), forms_));
      rows.push_back(cache_row(spec_.layers[l]));
    }
    KvCache cache(rows, options_.cache);
    for (const Unit& unit : units_) {
      cache.clear();
      for (const Batch& batch : unit.batches) {
        report(unit.first_chunk, chunks_.size(), "chunks", "");
        const Stack::Frame frame(work_.stack);
        extend(cache, batch);
        const Pass ends = pass(-1, ends_, batch, cache, 0);
        const Matrix hidden = take_matrix(ends, batch.size(), spec_.n_embd);
        embed(ends, hidden);
        for (std::size_t l = 0; l < layers.size(); ++l) {
          run_layer(pass(static_cast<int>(l), layers[l], batch, cache, l), hidden);
        }
        output(ends, unit, hidden);
      }
    }
    report(chunks_.size(), chunks_.size(), "chunks", "");
  }

  /// Calls f(unit, pass of layer `layer`, hidden rows of the batch) for every batch.
  template <class F>
  void for_batches(HiddenStore& store, int layer, const LayerWeights& weights, KvCache& cache,
                   const F& f) {
    for (std::size_t u = 0; u < units_.size(); ++u) {
      cache.clear();
      std::size_t row = first_row_[u];
      for (const Batch& batch : units_[u].batches) {
        runtime_.stop.check();
        const Stack::Frame frame(work_.stack);
        extend(cache, batch);
        const Matrix hidden{store.get(row, batch.size()), batch.size(), spec_.n_embd};
        f(units_[u], pass(layer, weights, batch, cache, 0), hidden);
        row += batch.size();
      }
    }
  }

  void layer_loop() {
    HiddenStore store(n_rows_, spec_.n_embd, options_.spill);
    KvCache no_cache({}, options_.cache);
    const int first_layer = options_.layers_done;
    if (first_layer > 0) {
      store.load(options_.hidden);
    } else {
      for_batches(store, -1, ends_, no_cache,
                  [&](const Unit&, const Pass& p, const Matrix& hidden) {
                    embed(p, hidden);
                    store.put();
                  });
    }
    release_layer(model_, -1);
    std::future<LayerWeights> next = load_ahead(first_layer);
    const auto save = [&store](const std::filesystem::path& path) { store.save(path); };
    for (int layer = first_layer; layer < static_cast<int>(spec_.n_layer); ++layer) {
      report(static_cast<std::size_t>(layer), spec_.n_layer, "layers", "");
      const LayerWeights weights = next.get();
      if (layer + 1 < static_cast<int>(spec_.n_layer)) next = load_ahead(layer + 1);
      KvCache cache({cache_row(spec_.layers[static_cast<std::size_t>(layer)])}, options_.cache);
      for_batches(store, layer, weights, cache,
                  [&](const Unit&, const Pass& p, const Matrix& hidden) {
                    run_layer(p, hidden);
                    store.put();
                  });
      release_layer(model_, layer);
      runtime_.stop.check();  // also where a weight could not be read any more
      if (options_.after_layer && layer + 1 < static_cast<int>(spec_.n_layer)) {
        options_.after_layer(layer + 1, save);
      }
    }
    report(spec_.n_layer, spec_.n_layer, "layers", "");
    for_batches(
        store, -1, ends_, no_cache,
        [&](const Unit& unit, const Pass& p, const Matrix& hidden) { output(p, unit, hidden); });
    runtime_.stop.check();
    release_layer(model_, -1);
  }

  std::future<LayerWeights> load_ahead(int layer) const {
    return std::async(std::launch::async, [this, layer] {
      prefetch_layer(model_, layer);
      return LayerWeights::load(model_, layer, forms_);
    });
  }

  /// Logits of the wanted rows, a bounded number at a time.
  void output(const Pass& p, const Unit& unit, const Matrix& hidden) {
    if (!sink_) return;
    runtime_.stop.check();
    constexpr std::size_t kFloats = std::size_t{4} << 20;
    const std::size_t most = std::max<std::size_t>(16, kFloats / spec_.n_vocab);
    for (const TokenRun& run : p.batch.runs) {
      std::vector<std::uint32_t> rows;
      for (std::size_t i = run.first; i < run.first + run.n; ++i) {
        if (p.batch.wanted[i] != 0) rows.push_back(static_cast<std::uint32_t>(i));
      }
      for (std::size_t i = 0; i < rows.size(); i += most) {
        const Stack::Frame frame(work_.stack);
        const std::size_t n = std::min(most, rows.size() - i);
        const Matrix logits = take_matrix(p, n, spec_.n_vocab);
        run_output(p, hidden, {rows.data() + i, n}, logits);
        // Wanted rows are the last of a chunk, so they follow each other.
        const std::size_t position = run.position + (rows[i] - run.first);
        sink_(unit.first_chunk + run.sequence, position, logits.rows());
      }
    }
  }

  const Model& model_;
  const model::ModelSpec& spec_;
  std::span<const Chunk> chunks_;
  const EvaluateOptions& options_;
  std::span<Observer* const> observers_;
  const LogitSink& sink_;
  Runtime& runtime_;
  std::vector<Unit> units_;
  MlaForms forms_;
  LayerWeights ends_;
  std::vector<std::size_t> first_row_;  ///< of each unit in the hidden store
  std::size_t n_rows_ = 0;
  std::size_t context_ = 0;  ///< of the longest chunk
  Workspace work_;
};

}  // namespace

void evaluate(const Model& model, std::span<const Chunk> chunks, const EvaluateOptions& options,
              std::span<Observer* const> observers, const LogitSink& sink, Runtime& runtime) {
  Evaluation(model, chunks, options, observers, sink, runtime).run();
}

}  // namespace runtime
