// A layer is the unit of execution; two drivers go over it (docs/design.md section 4).
#pragma once

#include "runtime/pass.h"

namespace runtime {

/// hidden [n, n_embd] of the batch goes through layer pass.layer, in place. The cache must hold the
/// batch's tokens already (KvCache::extend). Pure in its arguments.
void run_layer(const Pass& pass, const Matrix& hidden);

/// hidden = embedding of the batch's tokens. Throws Fault::bad_input for an id outside the
/// vocabulary.
void embed(const Pass& pass, const Matrix& hidden);

/// Logits of rows of the last hidden state; logits [rows.size(), n_vocab].
void run_output(const Pass& pass, const Matrix& hidden, std::span<const std::uint32_t> rows,
                const Matrix& logits);

/// Throws Fault::unsupported naming the first tensor that would change the result (a bias, or
/// anything that some architecture uses under this name) and that the spec does not know: without
/// it the model would be computed wrongly.
void check_runnable(const model::ModelSpec& spec, const gguf::FileSet& files);

}  // namespace runtime
