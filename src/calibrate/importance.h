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
  /// Made of entries of single experts: there may be more, without data, behind the last vector.
  bool open_ended = false;

  /// mean[v * n_cols + j] = sums / count; 0 where the count is 0.
  std::vector<float> means() const;
  /// The mean vector over all that entered, [n_cols]: sum over vectors / sum of counts.
  std::vector<float> pooled_mean() const;
  bool has_data() const noexcept;  ///< some count is not 0
};

/// The same data seen as `n_vectors` vectors. An entry of one vector (a .dat knows no experts,
/// newer files keep one count for all heads) is cut into equal pieces that share its count; pieces
/// whose mean is exactly 1 in every column are experts that never ran and get count 0. An
/// open-ended entry gets more vectors with count 0. Throws Fault::bad_input if the sizes do not
/// allow it.
Entry with_vectors(const Entry& entry, std::size_t n_vectors);
/// The entry may belong to a stack of so many vectors: it is open-ended, and not most are missing.
bool can_grow(const Entry& entry, std::size_t n_vectors) noexcept;

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
/// (docs/spec/imatrix.md 2.1), one entry per expert becomes a stack. Values are finite and >= 0.
/// A .dat does not tell its chunk size: `dat_chunk_size` tokens are assumed, and every entry has
/// one vector (see with_vectors). Throws Fault::bad_file with entry and byte offset (section 3, 4,
/// 8).
Importance load_importance(const std::filesystem::path& path, std::uint32_t dat_chunk_size = 512);
Importance parse_importance(std::span<const std::byte> bytes, const std::string& name,
                            std::uint32_t dat_chunk_size = 512);

/// What a .dat says about experts without data, which it cannot express (section 2.4).
enum class MissingExperts : std::uint8_t {
  mean_vector,  ///< the mean over the other experts of the entry
  ik_rule,      ///< ones if fewer than round(0.05 * n) are missing, else the entry is left out
};

/// Writes to a temporary file and renames. Entries without any data are left out. Throws
/// Fault::bad_input if nothing remains or a value does not fit f32, Fault::io.
void save_importance(const Importance& importance, const std::filesystem::path& path,
                     Dialect dialect, MissingExperts rule = MissingExperts::mean_vector);

/// The bytes of a .dat: names sorted, ncall = chunks.
std::vector<std::byte> dat_bytes(const Importance& importance,
                                 MissingExperts rule = MissingExperts::mean_vector);

/// Adds `from` to `into` (sums, counts, chunks, datasets; section 7). Entries that only one side
/// has stay as they are. Throws Fault::bad_input when sizes disagree.
void merge(Importance& into, const Importance& from);

}  // namespace calibrate
