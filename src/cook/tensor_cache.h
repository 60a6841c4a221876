// Encoded tensors kept under the hash of everything that decides their bytes, so that a changed
// recipe encodes only what changed, and an interrupted run goes on where it stopped.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/output_file.h"
#include "cook/importance_choice.h"
#include "cook/plan.h"
#include "cook/readable_file.h"

namespace cook {

/// An entry being written; it appears in the cache when all bytes are there.
class CacheEntry {
 public:
  CacheEntry(const std::filesystem::path& path, std::size_t size);
  /// Any order, from several threads for different ranges. Throws Fault::io.
  void write(std::size_t offset, std::span<const std::byte> bytes);
  /// Adds the checksum and publishes. Throws Fault::io.
  void commit();

 private:
  base::OutputFile file_;
  std::size_t size_;
};

/// A folder of entries. Several runs may share it: entries appear by renaming, and one that is
/// removed while it is read stays readable.
class TensorCache {
 public:
  /// `encoder_version` names the encoders: entries of another version are never found. Throws
  /// Fault::io when the folder cannot be made.
  TensorCache(std::filesystem::path folder, std::string encoder_version);

  using Look = std::function<void(std::size_t offset, std::span<const std::byte> bytes)>;
  /// Name of the entry for a job: a 128-bit hash over the source bytes, the importance vectors and
  /// the rows they weigh, both types, the shape, the effort and the version. `look` sees the source
  /// on the way, piece by piece.
  std::string key(const TensorSource& source, const Job& job, quant::Effort effort,
                  const Look& look) const;

  /// The entry's data from kHeaderBytes on, checked against size and checksum. Null if there is
  /// none; a damaged one is removed. A hit counts as a use.
  std::unique_ptr<ReadableFile> find(const std::string& key, std::size_t size) const;
  std::unique_ptr<CacheEntry> create(const std::string& key, std::size_t size) const;

  /// A file of a folder that is none of a cache; nothing if there is none, or no folder.
  static std::optional<std::string> foreign_file(const std::filesystem::path& folder);
  /// Removes all entries, finished or not, then the folder unless something else is in it. What
  /// cannot be removed stays; it does no harm.
  void remove_all() const;

  struct Pruned {
    std::size_t bytes = 0;   ///< removed
    std::size_t n_used = 0;  ///< entries removed that are among the used ones
  };
  /// Removes least recently used entries until at most `max_bytes` remain, those of the keys `used`
  /// after all others; and left-overs of killed runs that are older than a day.
  Pruned prune(std::size_t max_bytes, const std::set<std::string>& used = {}) const;
  struct Info {
    std::size_t n_entries = 0, bytes = 0;
  };
  Info info() const;

  static constexpr std::size_t kHeaderBytes = 64;

 private:
  std::filesystem::path path_of(const std::string& key) const;

  std::filesystem::path folder_;
  std::string version_;
};

}  // namespace cook
