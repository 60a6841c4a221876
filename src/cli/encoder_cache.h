// What commands that encode tensors share: the cache of these, and changed keys.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"
#include "cook/metadata.h"
#include "cook/run.h"
#include "cook/tensor_cache.h"

namespace cli {

/// "500M", "20G": powers of ten, or plain bytes. Throws Fault::bad_usage naming the option.
std::size_t parse_size(std::string_view option, const std::string& text);

/// --override-kv. Warns about keys that are set twice.
std::vector<cook::Override> overrides_of(const Args& args);

/// What an interrupted run has kept of the tensors that it encoded.
Kept kept_by_cache(const Args& args);

/// A hash of this program's own file: encoders of another build may give other bytes.
std::string encoder_version();

/// The folder of the cache that a run would have; empty: none.
std::filesystem::path cache_folder(const Args& args, const std::filesystem::path& output);

/// Warns if --cache-max is less than the encoded tensors of the plan take.
void warn_small_cache(const Args& args, const cook::Plan& plan);

/// The cache of one run of `quantize`: --cache DIR [--cache-max SIZE], or --resume, a cache beside
/// the output that lives until the output is whole.
class RunCache {
 public:
  RunCache(const Args& args, const std::filesystem::path& output);
  RunCache(const RunCache&) = delete;
  RunCache& operator=(const RunCache&) = delete;
  /// Takes the folder of --resume away if nothing is in it.
  ~RunCache();
  /// Null if none was asked for.
  const cook::TensorCache* get() const noexcept { return cache_ ? &*cache_ : nullptr; }
  /// After a run that went well with `n_encoded` encoded tensors: tells how many of them were
  /// there, prunes, telling if entries of the run itself had to go, or removes the folder beside
  /// the output.
  void finish(const cook::RunResult& result, std::size_t n_encoded) const;

 private:
  std::optional<cook::TensorCache> cache_;
  std::filesystem::path resume_folder_;  ///< empty: a lasting cache
  std::size_t max_bytes_ = 0;
};

}  // namespace cli
