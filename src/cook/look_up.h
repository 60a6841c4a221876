// What a cache holds of the tensors of a file, before the file is made.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cook/plan.h"
#include "cook/tensor_cache.h"
#include "cook/zeros.h"
#include "runtime/runtime.h"

namespace cook {

/// What a cache knows about one tensor of a file.
struct CacheState {
  std::string key;                      ///< empty: nothing to keep
  bool source_seen = false;             ///< all its bytes were read to make the key
  std::unique_ptr<ReadableFile> found;  ///< finished bytes, checked
  bool damaged = false;                 ///< an entry that was there and could not be used
};

/// One state a tensor of `output`; without a cache all are empty. Hashes the source of every tensor
/// that is to be encoded, then the entries that are there, in parts of TensorCache::kPartBytes in
/// file order on all threads; holes in the source are found on the way: of a tensor that is found
/// the source is not read again. Reports bytes as "look up" and "check". Throws Fault::interrupted,
/// Fault::io.
std::vector<CacheState> look_up(const TensorSource& source, const Plan& plan,
                                const OutputPlan& output, const TensorCache* cache,
                                runtime::Runtime& runtime, ZeroWatch& zeros);

}  // namespace cook
