// Runs fixed texts through a model, with either driver (design.md section 4): token-major (weights
// resident, one chunk after the other through all layers) or layer-major (each layer's weights read
// once and applied to all chunks). Same batches, same bits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "runtime/batch.h"
#include "runtime/model.h"
#include "runtime/observe.h"
#include "runtime/runtime.h"

namespace runtime {

enum class Loop : std::uint8_t { token, layer };

/// Copies the hidden states that enter the next layer to a file.
using SaveHidden = std::function<void(const std::filesystem::path&)>;

struct EvaluateOptions {
  Loop loop = Loop::token;
  MlaMode mla = MlaMode::automatic;
  std::size_t batch_tokens = 512;  ///< tokens per call of a layer (physical batch)
  kernels::CacheType cache = kernels::CacheType::f16;
  std::filesystem::path spill = {};  ///< layer loop: file for hidden states; empty = memory
  /// Layer loop: layers that earlier runs finished, and the hidden states they left.
  int layers_done = 0;
  std::filesystem::path hidden = {};
  /// Layer loop: called when all chunks have gone through a layer that is not the last.
  std::function<void(int layers_done, const SaveHidden& save)> after_layer = {};
};

/// An independent run of tokens at positions 0.., from an empty cache. Logits are wanted for
/// positions [first_output, tokens.size()); first_output == tokens.size() for none.
struct Chunk {
  std::vector<std::int32_t> tokens;
  std::size_t first_output = 0;
};

/// Logits of consecutive positions of a chunk, in order of chunks and positions. rows.cols =
/// n_vocab.
using LogitSink =
    std::function<void(std::size_t chunk, std::size_t first_position, const Rows& rows)>;

/// Runs all chunks. `after_chunk`-style bookkeeping belongs in the observers and the sink.
/// Observers are called in the order chunks, then layers (token loop) or layers, then chunks (layer
/// loop); each site sees its chunks in order either way. Throws Fault::interrupted between units of
/// work.
void evaluate(const Model& model, std::span<const Chunk> chunks, const EvaluateOptions& options,
              std::span<Observer* const> observers, const LogitSink& sink, Runtime& runtime);

}  // namespace runtime
