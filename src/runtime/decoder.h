// Generation: weights of all layers resident, a cache that grows, one step after the other.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/cache.h"
#include "runtime/model.h"
#include "runtime/pass.h"

namespace runtime {

struct DecoderOptions {
  MlaMode mla = MlaMode::automatic;
  kernels::CacheType cache = kernels::CacheType::f16;
  std::size_t batch_tokens = 512;  ///< tokens that a layer computes at once
  /// Tokens that a sequence may reach; 0 = what the model was trained with. LongRoPE models choose
  /// their rotation by it.
  std::size_t context = 0;
};

/// Model and runtime must outlive it. Not for several threads at once.
class Decoder {
 public:
  Decoder(const Model& model, const DecoderOptions& options, Runtime& runtime);

  /// Appends tokens to the sequence and returns the logits behind the last one [n_vocab], valid
  /// until the next call. Throws Fault::bad_input for no tokens or an id outside the vocabulary,
  /// Fault::interrupted between batches; the sequence then holds whole batches only.
  std::span<const float> append(SequenceId sequence, std::span<const std::int32_t> tokens);

  KvCache& cache() noexcept { return cache_; }

 private:
  void step(const Batch& batch, bool last);
  Pass pass(int layer, const LayerWeights& weights, const Batch& batch, std::size_t slot);

  const Model& model_;
  DecoderOptions options_;
  Runtime& runtime_;
  LayerWeights ends_;
  std::vector<LayerWeights> layers_;
  KvCache cache_;
  Workspace work_;
  std::vector<float> logits_;
};

}  // namespace runtime
