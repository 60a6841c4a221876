// calibrate/: importance matrices: collection by observers, both file dialects, merging, coverage.
// Source: docs/spec/imatrix.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace calibrate {

/// Sums of squared inputs for one weight tensor: n_vectors vectors (one per expert or head) of
/// n_cols.
struct Entry {
  std::size_t n_cols = 0, n_vectors = 1;
  std::vector<double> sums;          ///< [n_vectors, n_cols], sum over rows of x^2
  std::vector<std::int64_t> counts;  ///< [n_vectors], rows that entered; 0 = no data

  /// mean[v * n_cols + j] = sums / count; 0 where the count is 0.
  std::vector<float> means() const;
};

/// A whole importance matrix. Entries are ordered by name (bytewise).
struct Importance {
  std::map<std::string, Entry, std::less<>> entries;
  std::vector<std::string> datasets;
  std::uint32_t chunk_count = 0;   ///< chunks of text evaluated
  std::uint32_t chunk_size = 512;  ///< tokens a chunk
  base::Findings findings;         ///< what was odd about the file

  const Entry* find(std::string_view name) const noexcept;
};

enum class Dialect : std::uint8_t { gguf, dat };
/// `.dat` selects the legacy dialect, everything else GGUF.
Dialect dialect_for(const std::filesystem::path& path);

/// Reads either dialect (told apart by the first four bytes). Names are cleaned
/// (docs/spec/imatrix.md 2.1). Values are finite and >= 0. Throws Fault::bad_file with entry and
/// byte offset (section 3, 4, 8).
Importance load_importance(const std::filesystem::path& path);
Importance parse_importance(std::span<const std::byte> bytes, const std::string& name);

/// Writes to a temporary file and renames. A .dat cannot express counts per expert: experts without
/// data get the mean vector of the entry (section 2.4).
void save_importance(const Importance& importance, const std::filesystem::path& path,
                     Dialect dialect);

/// Adds `from` to `into` (sums, counts, chunks, datasets). Throws Fault::bad_input when sizes
/// disagree.
void merge(Importance& into, const Importance& from);

}  // namespace calibrate
