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
#include "cook/job_hash.h"
#include "cook/plan.h"
#include "cook/readable_file.h"

namespace cook {

/// An entry that is there.
struct StoredEntry {
  /// Data from TensorCache::kHeaderBytes on; null: it was damaged and is removed.
  std::unique_ptr<ReadableFile> file;
  HashValue checksum = {};  ///< what they must hash to (TensorCache::whole_hash)
};

/// An entry being written; it appears in the cache when all bytes are there.
class CacheEntry {
 public:
  /// Left-overs of the same name stay (TensorCache::tidy): a cache may have very many files.
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

  /// Name of the entry for a job: a 128-bit hash over the source bytes (the hashes of their parts),
  /// the importance vectors and the rows they weigh, both types, the shape, the effort and the
  /// version.
  std::string key(const Job& job, quant::Effort effort, std::span<const HashValue> source) const;

  /// The entry with data of `size` bytes; nothing if there is none. One of another size or with a
  /// damaged header is removed; whether the data hash to the checksum, the caller looks.
  std::optional<StoredEntry> open(const std::string& key, std::size_t size) const;
  void touch(const std::string& key) const noexcept;   ///< it was used
  void remove(const std::string& key) const noexcept;  ///< it is damaged
  std::unique_ptr<CacheEntry> create(const std::string& key, std::size_t size) const;

  /// A file of a folder that is none of a cache; nothing if there is none, or no folder.
  static std::optional<std::string> foreign_file(const std::filesystem::path& folder);
  /// Removes all entries, finished or not, then the folder unless something else is in it. What
  /// cannot be removed stays; it does no harm.
  void remove_all() const;
  /// Removes what killed runs left unfinished: at once if the process was of this machine, else
  /// after a day. Once a run: it looks at every file of the folder.
  void tidy() const;

  struct Pruned {
    std::size_t bytes = 0;   ///< removed
    std::size_t n_used = 0;  ///< entries removed that are among the used ones
  };
  /// Removes least recently used entries until at most `max_bytes` remain, those of the keys `used`
  /// after all others.
  Pruned prune(std::size_t max_bytes, const std::set<std::string>& used = {}) const;
  struct Info {
    std::size_t n_entries = 0, bytes = 0;
  };
  static Info info(const std::filesystem::path& folder);
  Info info() const { return info(folder_); }

  static constexpr std::size_t kHeaderBytes = 64;  ///< of an entry, in front of the data

  /// Data is hashed in parts of so many bytes, the last one shorter, and the whole over the hashes
  /// of the parts: several threads can share the work.
  static constexpr std::size_t kPartBytes = std::size_t{4} << 20;
  static std::size_t n_parts(std::size_t bytes) noexcept {
    return bytes / kPartBytes + (bytes % kPartBytes == 0 ? 0 : 1);
  }
  using Read = std::function<void(std::size_t at, std::span<std::byte> out)>;
  /// Of `size` bytes, read piece by piece: `at` counts from the first of them.
  static HashValue part_hash(std::size_t size, const Read& read);
  static HashValue whole_hash(std::span<const HashValue> parts);

 private:
  std::filesystem::path path_of(const std::string& key) const;

  std::filesystem::path folder_;
  std::string version_;
};

}  // namespace cook
