#include "runtime/decoder.h"

#include <algorithm>

#include "runtime/layer.h"

namespace runtime {
namespace {

std::vector<LayerWeights> load_layers(const Model& model, MlaForms forms) {
  std::vector<LayerWeights> layers;
  for (std::uint32_t l = 0; l < model.spec().n_layer; ++l) {
    layers.push_back(LayerWeights::load(model, static_cast<int>(l), forms));
  }
  return layers;
}

std::vector<CacheRow> cache_rows(const model::ModelSpec& spec) {
  std::vector<CacheRow> rows;
  for (const model::LayerPlan& plan : spec.layers) rows.push_back(cache_row(plan));
  return rows;
}

}  // namespace

Decoder::Decoder(const Model& model, const DecoderOptions& options, Runtime& runtime)
    : model_(model),
      options_(options),
      runtime_(runtime),
      ends_(LayerWeights::load(model, -1)),
      layers_(load_layers(model, {.expanded = options.mla != MlaMode::absorbed,
                                  .absorbed = options.mla != MlaMode::expanded})),
      cache_(cache_rows(model.spec()), options.cache),
      logits_(model.spec().n_vocab) {}

Pass Decoder::pass(int layer, const LayerWeights& weights, const Batch& batch, std::size_t slot) {
  return {.spec = model_.spec(),
          .layer = layer,
          .weights = weights,
          .ends = ends_,
          .batch = batch,
          .cache = cache_,
          .cache_slot = slot,
          .context = options_.context == 0 ? model_.spec().n_ctx_train : options_.context,
          .mla = options_.mla,
          .observers = {},
          .runtime = runtime_,
          .work = work_};
}

void Decoder::step(const Batch& batch, bool last) {
  const Stack::Frame frame(work_.stack);
  const Pass ends = pass(-1, ends_, batch, 0);
  const Matrix hidden = take_matrix(ends, batch.size(), model_.spec().n_embd);
  embed(ends, hidden);
  for (const TokenRun& run : batch.runs) cache_.extend(run.sequence, run.n);
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    run_layer(pass(static_cast<int>(l), layers_[l], batch, l), hidden);
  }
  if (!last) return;
  const auto row = static_cast<std::uint32_t>(batch.size() - 1);
  run_output(ends, hidden, {&row, 1}, {logits_.data(), 1, logits_.size()});
}

std::span<const float> Decoder::append(SequenceId sequence, std::span<const std::int32_t> tokens) {
  if (tokens.empty()) throw base::Error(base::Fault::bad_input, "no tokens to evaluate");
  for (std::size_t first = 0; first < tokens.size(); first += options_.batch_tokens) {
    runtime_.stop.check();
    const std::size_t n = std::min(options_.batch_tokens, tokens.size() - first);
    const auto piece = tokens.subspan(first, n);
    Batch batch;
    batch.ids.assign(piece.begin(), piece.end());
    batch.wanted.assign(n, 0);
    batch.add({.sequence = sequence, .first = 0, .n = n, .position = cache_.length(sequence)});
    step(batch, first + n == tokens.size());
  }
  return logits_;
}

}  // namespace runtime
